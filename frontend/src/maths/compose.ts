/**
 * A map's picture over a photograph, pixel by pixel: the reference that the shader in gpu/ repeats, and what is drawn
 * where there is no GPU. In mode "overlay" it equals `heatmap.overlay` in Python.
 *
 * Every mode is a layer: a colour and its weight at each pixel, laid over the photograph.
 */

import type {Limits, Look, MapKind, RawMap} from "../types";
import {colorMapFor, colorTable} from "./colors";
import {masksOf, nearestTaps, smoothTaps, strengthOf} from "./mask";
import {areaThreshold} from "./metrics";
import type {Placement, Size} from "./placement";

/** Isolines of mode "contour", beside the threshold's own. */
export const LEVELS = [0.25, 0.5, 0.75] as const;
/** Half the width of a line, and how far its dark edge reaches beyond, in pixels; the edge's weight. */
export const LINE = 0.8;
export const HALO = 1.2;
export const HALO_WEIGHT = 0.55;
/** A strength that changes by less than this from pixel to pixel has no line: on a plateau it would be everywhere. */
export const FLAT = 1e-5;

/** The strength from which a pixel is shown, whatever the threshold is given by. */
export function thresholdOf(map: RawMap, look: Look, limits: Limits): number {
  return look.thresholdBy === "area" ? areaThreshold(map, limits, look.threshold, look.smooth) : look.threshold;
}

/** A picture of RGBA bytes, as in ImageData. */
export interface Pixels extends Size {
  data: Uint8ClampedArray;
}

/** Lay `map` over the photograph in `pixels`, in place. `picture` is the photograph's own size, whose pixels are cells'. */
export function paint(
  pixels: Pixels,
  map: RawMap,
  look: Look,
  limits: Limits,
  placement: Placement,
  picture: Size,
): void {
  const columns = covered(pixels.width, placement.left, placement.width);
  const rows = covered(pixels.height, placement.top, placement.height);
  if (look.mode === "image" || columns.count <= 0 || rows.count <= 0) return;
  const field = fieldOf(map, look, limits, columns, rows, picture);
  const shade = shaderOf(map, look, limits, field);
  const color = new Float32Array(4);
  for (let row = 0; row < rows.count; row++) {
    let target = ((rows.start + row) * pixels.width + columns.start) * 4;
    for (let column = 0; column < columns.count; column++, target += 4) {
      shade((row + 1) * field.width + column + 1, color);
      lay(pixels.data, target, color);
    }
  }
}

/** Pixels whose centres the picture covers, and those centres (one more at either end) as fractions of the picture. */
interface Covered {
  start: number;
  count: number;
  fractions: Float64Array;
}

function covered(pixels: number, origin: number, extent: number): Covered {
  const start = Math.max(Math.ceil(origin - 0.5), 0);
  const end = Math.min(Math.ceil(origin + extent - 0.5), pixels);
  const count = Math.max(end - start, 0);
  const fractions = Float64Array.from({length: count + 2}, (_, i) => (start + i - 0.5 - origin) / extent);
  return {start, count, fractions};
}

/** Masks of each plane and their strength, on the covered pixels and a margin of one. */
interface Field {
  width: number;
  masks: Float32Array[];
  strength: Float32Array;
}

function fieldOf(map: RawMap, look: Look, limits: Limits, columns: Covered, rows: Covered, picture: Size): Field {
  const taps = ({fractions}: Covered, cells: number, pixels: number) =>
    look.smooth ? smoothTaps(fractions, cells) : nearestTaps(fractions, cells, pixels);
  const down = taps(rows, map.rows, picture.height);
  const masks = masksOf(map, limits, down, taps(columns, map.columns, picture.width));
  return {width: columns.count + 2, masks, strength: strengthField(masks, map.kind)};
}

function strengthField(masks: Float32Array[], kind: MapKind): Float32Array {
  const strength = masks[0]!.map((mask) => strengthOf(mask, kind));
  for (const mask of masks.slice(1)) {
    for (let i = 0; i < mask.length; i++) strength[i] = Math.max(strength[i]!, strengthOf(mask[i]!, kind));
  }
  return strength;
}

/** Writes the layer's colour (0..255) and weight (0..1) at an index of the field. */
type Shader = (index: number, color: Float32Array) => void;

function shaderOf(map: RawMap, look: Look, limits: Limits, field: Field): Shader {
  const threshold = thresholdOf(map, look, limits);
  const table = colorTable(colorMapFor(look, map.kind));
  if (look.mode === "contour") return contourShader(look, table, threshold, field);
  const bend =
    map.kind === "positive" && look.gamma !== 1 ? (mask: number) => mask ** look.gamma : (mask: number) => mask;
  const weigh = weightOf(look, threshold);
  return (index, color) => {
    const strength = field.strength[index]!;
    color[3] = weigh(strength, bend(strength));
    if (look.mode === "spotlight") color.fill(0, 0, 3);
    else if (field.masks.length === 3) for (let i = 0; i < 3; i++) color[i] = field.masks[i]![index]! * 255;
    else lookUp(table, bend(field.masks[0]![index]!), color);
  };
}

function weightOf({mode, opacity, alpha}: Look, threshold: number): (strength: number, shown: number) => number {
  const shownWeight = (strength: number, shown: number) => (strength < threshold ? 0 : alpha === "value" ? shown : 1);
  if (mode === "map") return (strength) => (strength < threshold ? 0 : 1);
  if (mode === "spotlight") return (strength, shown) => opacity * (1 - shownWeight(strength, shown));
  return (strength, shown) => opacity * shownWeight(strength, shown);
}

function lookUp(table: Uint8Array, mask: number, color: Float32Array): void {
  const index = rint(mask * 255) * 3;
  color[0] = table[index]!;
  color[1] = table[index + 1]!;
  color[2] = table[index + 2]!;
}

/** Round half to even, as NumPy and the shader do. */
function rint(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

function contourShader(look: Look, table: Uint8Array, threshold: number, field: Field): Shader {
  const line = new Float32Array(3);
  return (index, color) => {
    color.fill(0);
    for (const level of LEVELS) {
      if (level <= threshold) continue;
      lookUp(table, level, line);
      drawLine(distanceTo(level, index, field, look.smooth), line, color);
    }
    if (threshold > 0) drawLine(distanceTo(threshold, index, field, look.smooth), line.fill(255), color);
    color[3]! *= look.opacity;
  };
}

/** Distance to a level's line in pixels: by the gradient, or, between cells of one value each, 0 at their edges. */
function distanceTo(level: number, index: number, {strength, width}: Field, smooth: boolean): number {
  const here = strength[index]!;
  const left = strength[index - 1]!;
  const right = strength[index + 1]!;
  const above = strength[index - width]!;
  const below = strength[index + width]!;
  if (!smooth) {
    const inside = here >= level;
    const edge = [left, right, above, below].some((value) => value >= level !== inside);
    return edge ? 0 : 99;
  }
  const slope = Math.hypot((right - left) / 2, (below - above) / 2);
  return slope < FLAT ? 99 : Math.abs(here - level) / slope;
}

function drawLine(distance: number, line: Float32Array, color: Float32Array): void {
  const coverage = (reach: number) => Math.min(Math.max(0.5 + reach - distance, 0), 1);
  over(color, 0, 0, 0, HALO_WEIGHT * coverage(LINE + HALO));
  over(color, line[0]!, line[1]!, line[2]!, coverage(LINE));
}

/** Lay a colour of a weight over a colour of a weight. */
function over(color: Float32Array, red: number, green: number, blue: number, weight: number): void {
  const below = color[3]! * (1 - weight);
  const all = below + weight;
  if (all === 0) return;
  color[0] = (color[0]! * below + red * weight) / all;
  color[1] = (color[1]! * below + green * weight) / all;
  color[2] = (color[2]! * below + blue * weight) / all;
  color[3] = all;
}

/** Lay the layer's pixel over the photograph's; Uint8ClampedArray rounds half to even. */
function lay(data: Uint8ClampedArray, at: number, color: Float32Array): void {
  const weight = color[3]!;
  if (weight === 0) return;
  const below = (data[at + 3]! / 255) * (1 - weight);
  const all = below + weight;
  for (let i = 0; i < 3; i++) data[at + i] = (data[at + i]! * below + color[i]! * weight) / all;
  data[at + 3] = all * 255;
}
