/** Where tiles stand: rows of one height that fill a width, whatever the pictures' proportions. */

/** Proportions (width to height) that a tile takes on; pictures beyond stand inside it with room beside them. */
export const NARROWEST = 0.5;
export const WIDEST = 3;

export function boxRatio(width: number, height: number): number {
  const ratio = width > 0 && height > 0 ? width / height : 1;
  return Math.min(Math.max(ratio, NARROWEST), WIDEST);
}

/** Something whose width follows from the height of its row: `perHeight` times the height, and `fixed` pixels. */
export interface Stretching {
  perHeight: number;
  fixed: number;
}

export interface Place {
  width: number; // whole pixels
  height: number;
}

/**
 * Rows that fill `width`, with `gap` pixels between what stands in them: as many in each as leave it no lower than
 * `height`. The last row is as high as the one before it, and is not stretched.
 */
export function justified(items: readonly Stretching[], width: number, height: number, gap: number): Place[] {
  const places: Place[] = [];
  let usual = height;
  for (let from = 0; from < items.length; ) {
    const [to, filled] = rowFrom(items, from, width, height, gap);
    const isLast = to === items.length && filled > height * MOST_STRETCH;
    const row = items.slice(from, to);
    const high = isLast ? Math.min(usual, filled) : filled;
    places.push(...(isLast ? row.map((item) => placeAt(item, high)) : spread(row, high, width, gap)));
    usual = high;
    from = to;
  }
  return places;
}

const MOST_STRETCH = 1.25; // of a last row that is nearly full

/** Where the row that begins at `from` ends, and the height at which it fills the width. */
function rowFrom(
  items: readonly Stretching[],
  from: number,
  width: number,
  height: number,
  gap: number,
): [to: number, filled: number] {
  let [perHeight, fixed, to] = [items[from]!.perHeight, items[from]!.fixed, from + 1];
  for (; to < items.length; to++) {
    const next = items[to]!;
    if ((width - fixed - gap - next.fixed) / (perHeight + next.perHeight) < height) break;
    perHeight += next.perHeight;
    fixed += gap + next.fixed;
  }
  return [to, Math.max((width - fixed) / perHeight, 1)];
}

function placeAt({perHeight, fixed}: Stretching, height: number): Place {
  return {width: Math.floor(perHeight * height + fixed), height: Math.round(height)};
}

/** Whole pixels that add up to the width: the rest goes to the first ones, one each. */
function spread(row: readonly Stretching[], height: number, width: number, gap: number): Place[] {
  const places = row.map((item) => placeAt(item, height));
  let rest = Math.floor(width - gap * (row.length - 1)) - places.reduce((sum, place) => sum + place.width, 0);
  for (const place of places) if (rest-- > 0) place.width++;
  return places;
}

/** How many groups of `across` tiles of at least `size` pixels stand side by side. */
export function groupsAbreast(width: number, across: number, size: number, gaps: {inside: number; between: number}) {
  const group = across * size + (across - 1) * gaps.inside;
  return Math.max(1, Math.floor((width + gaps.between) / (group + gaps.between)));
}
