/** The threshold's outline as lines, for SVG. */

import {contours as d3contours} from "d3-contour";

import type {Limits, RawMap, Sample} from "../types";
import {FINE, strengthGrid} from "./mask";
import type {Place} from "./metrics";

/** Closed outlines of the area whose strength is at least `threshold`, as fractions of the picture. */
export function contours(map: RawMap, limits: Limits, threshold: number, smooth = true): Place[][] {
  if (!(threshold > 0 && threshold <= 1)) return [];
  const {values, width, height} = strengthGrid(map, limits, smooth, FINE);
  const outline = d3contours().size([width, height]).smooth(smooth).contour(Array.from(values), threshold);
  const rings = outline.coordinates.flat();
  return rings.map((ring) => ring.map(([x, y]) => ({x: x! / width, y: y! / height})));
}

/** The outlines as an SVG path's `d`, in a view box of `width` x `height`. */
export function contourPath(lines: readonly (readonly Place[])[], width: number, height: number, digits = 2): string {
  const number = (value: number) => Number(value.toFixed(digits));
  const ring = (line: readonly Place[]) => line.map(({x, y}) => `${number(x * width)},${number(y * height)}`).join("L");
  return lines.map((line) => `M${ring(line)}Z`).join("");
}

const masks = new WeakMap<Uint8Array, string>();

/** A ground-truth mask's outline as an SVG path in a view box of 1 x 1; along its pixels' edges. */
export function maskPath({cells, width, height}: NonNullable<Sample["mask"]>): string {
  let path = masks.get(cells);
  if (path === undefined) {
    const outline = d3contours()
      .size([width, height])
      .smooth(false)
      .contour(
        Array.from(cells, (cell) => Number(cell !== 0)),
        0.5,
      );
    const rings = outline.coordinates.flat().map((ring) => ring.map(([x, y]) => `${x! / width},${y! / height}`));
    path = rings.map((ring) => `M${ring.join("L")}Z`).join("");
    masks.set(cells, path);
  }
  return path;
}
