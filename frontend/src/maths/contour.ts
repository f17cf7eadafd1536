/** The threshold's outline as lines, for SVG. */

import {contours as d3contours} from "d3-contour";

import type {Limits, RawMap} from "../types";
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
export function contourPath(lines: readonly (readonly Place[])[], width: number, height: number): string {
  const number = (value: number) => Math.round(value * 100) / 100;
  const ring = (line: readonly Place[]) => line.map(({x, y}) => `${number(x * width)},${number(y * height)}`).join("L");
  return lines.map((line) => `M${ring(line)}Z`).join("");
}
