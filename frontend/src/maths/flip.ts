/** When a prediction became what it is. */

export interface Flip {
  from: number; // the first row of the stretch in which the class is predicted that is predicted now
  before: number | null; // the class that was predicted before that; null: none was
  until: number | null; // the first row at which it is another one again; null: it stays
}

/** The stretch of equal predictions around a row; null where nothing was predicted there. Rows without a prediction do not end it. */
export function flipOf(predicted: readonly (number | null)[], row: number): Flip | null {
  const now = predicted[row] ?? null;
  if (now === null) return null;
  let from = row;
  let before: number | null = null;
  for (let at = row - 1; at >= 0 && before === null; at--) {
    if (predicted[at] === now) from = at;
    else before = predicted[at] ?? null;
  }
  const later = predicted.findIndex((one, at) => at > row && one !== null && one !== now);
  return {from, before, until: later < 0 ? null : later};
}

/** Rows around one of `rows`, at most `count` of them: two before it, the rest from it on. */
export function rowsAround(rows: readonly number[], row: number, count: number): number[] {
  const at = rows.indexOf(row);
  const first = Math.max(Math.min(at - 2, rows.length - count), 0);
  return rows.slice(first, first + count);
}
