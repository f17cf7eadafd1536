/** Mean maps of classes. */

import type {Region} from "../api/findings";

/** The share of a mean map in a region that is made of whole cells. */
export function shareOf(mean: readonly number[], [rows, columns]: readonly [number, number], region: Region): number {
  let inside = 0;
  mean.forEach((value, cell) => {
    const x = ((cell % columns) + 0.5) / columns;
    const y = (Math.floor(cell / columns) + 0.5) / rows;
    if (x > region.x0 && x < region.x1 && y > region.y0 && y < region.y1) inside += value;
  });
  return inside;
}
