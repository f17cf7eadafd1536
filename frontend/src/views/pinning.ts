/** The pinned place in settings: "x,y" as fractions of the picture. */

import type {Place} from "../maths/metrics";
import type {RawMap} from "../types";

export function pinned({x, y}: Place): string {
  return `${x.toFixed(4)},${y.toFixed(4)}`;
}

/** The middle of a cell; the nearest one where the map has no such. */
export function middleOf({rows, columns}: Pick<RawMap, "rows" | "columns">, row: number, column: number): Place {
  const middle = (cell: number, cells: number) => (Math.min(Math.max(Math.round(cell), 0), cells - 1) + 0.5) / cells;
  return {x: middle(column, columns), y: middle(row, rows)};
}
