/** Numbers as people read them. */

const WHOLE = Intl.NumberFormat("en");

/** Thousands apart, few digits behind the point. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return WHOLE.format(value);
  const size = Math.abs(value);
  return size >= 1000 || size < 0.001 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

const COMPACT = Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});

/** A step where there is little room: 1.5K. */
export function compact(value: number): string {
  return Math.abs(value) < 1000 ? shown(value) : COMPACT.format(value).replace("K", "k");
}

/** A share, in percent. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %` : "–";
}

/** A round number at or above the largest value. */
export function niceTop(most: number): number {
  if (!(most > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].map((times) => times * unit).find((top) => top >= most - 1e-12) ?? most;
}
