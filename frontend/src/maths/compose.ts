/**
 * A map's picture over a photograph, pixel by pixel: the reference that the shader in gpu/ repeats, and what is drawn
 * where there is no GPU. In mode "overlay" it equals `heatmap.overlay` in Python.
 *
 * Every mode is a layer: a colour and its weight at each pixel, laid over the photograph.
 */

import type {Limits, Look, MapKind, RawMap} from "../types";
import {colorMapFor, colorTable} from "./colors";
import {masksOf, nearestTaps, planesOf, scaled, smoothTaps, strengthOf, type Taps} from "./mask";
import {areaThreshold} from "./metrics";
import type {Placement, Size} from "./placement";

/** Isolines of mode "contour", beside the threshold's own. */
export const LEVELS = [0.25, 0.5, 0.75] as const;
/** Half the width of a line, and how far its dark edge reaches beyond, in the page's pixels; the edge's weight. */
export const LINE = 0.8;
export const HALO = 1.2;
export const HALO_WEIGHT = 0.55;
/** A strength that changes by less than this from pixel to pixel has no line: on a plateau it would be everywhere. */
export const FLAT = 1e-5;

/** Greys of the photograph under the heat, and where the heat's opacity begins and is full (`heatmap.heat_weight`). */
export const DARKEST = 18;
export const DIMMED = 0.6;
export const RAMP_START = 0.05;
export const RAMP_END = 0.66;

/** Whether the photograph is drawn in dimmed greys: wherever colours on it stand for values. */
export function isGray({mode, photo}: Look, kind: MapKind): boolean {
  return (mode === "overlay" || mode === "contour") && (photo === "gray" || kind !== "positive");
}

/** Draw a photograph in dimmed greys, in place (`heatmap.dimmed_gray`). */
export function dimToGray(data: Uint8ClampedArray): void {
  for (let at = 0; at < data.length; at += 4) {
    const luma = 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
    data[at] = data[at + 1] = data[at + 2] = DARKEST + DIMMED * luma;
  }
}

/** How opaque the heat is at a strength; less opacity moves the ramp up, so that the peak keeps the colour bar's colour. */
export function heatWeight(strength: number, opacity: number): number {
  if (opacity <= 0) return 0;
  const start = 1 - (1 - RAMP_START) * opacity;
  const end = 1 - (1 - RAMP_END) * opacity;
  const way = Math.min(Math.max((strength - start) / (end - start), 0), 1);
  return way * way * (3 - 2 * way);
}

/** The strength from which a pixel is shown, whatever the threshold is given by. */
export function thresholdOf(map: RawMap, look: Look, limits: Limits): number {
  return look.thresholdBy === "area" ? areaThreshold(map, limits, look.threshold, look.smooth) : look.threshold;
}

/** A picture of RGBA bytes, as in ImageData. */
export interface Pixels extends Size {
  data: Uint8ClampedArray;
}

/**
 * Lay `map` over the photograph in `pixels`, in place. `picture` is the photograph's own size, whose pixels are cells';
 * `pen` is how many of `pixels` a pixel of the page takes, for the width of lines.
 */
export function paint(
  pixels: Pixels,
  map: RawMap,
  look: Look,
  limits: Limits,
  placement: Placement,
  picture: Size,
  pen = 1,
): void {
  const columns = covered(pixels.width, placement.left, placement.width);
  const rows = covered(pixels.height, placement.top, placement.height);
  if (look.mode === "image" || columns.count <= 0 || rows.count <= 0) return;
  const threshold = thresholdOf(map, look, limits);
  if (look.mode !== "contour" && map.kind !== "rgb") {
    paintHeat(
      pixels,
      heatOf(map, look, limits, columns, rows, picture),
      columns,
      rows,
      inkOf(look, map.kind),
      threshold,
    );
    return;
  }
  const field = fieldOf(map, look, limits, columns, rows, picture);
  if (look.mode === "contour") paintLines(pixels, field, columns, rows, look, map.kind, threshold, pen);
  else paintColors(pixels, field, columns, rows, look, threshold);
}

/** Call `each` with every covered pixel's index into the picture's bytes and into the field. */
function eachPixel(
  pixels: Pixels,
  {width}: Field,
  columns: Covered,
  rows: Covered,
  each: (target: number, index: number) => void,
): void {
  for (let row = 0; row < rows.count; row++) {
    let target = ((rows.start + row) * pixels.width + columns.start) * 4;
    let index = (row + 1) * width + 1;
    for (let column = 0; column < columns.count; column++, target += 4, index++) each(target, index);
  }
}

/** Pixels whose centres the picture covers, and those centres (one more at either end) as fractions of the picture. */
export interface Covered {
  start: number;
  count: number;
  fractions: Float64Array;
}

export function covered(pixels: number, origin: number, extent: number): Covered {
  const key = `${pixels} ${origin} ${extent}`;
  return known.get(key) ?? keep(known, key, newlyCovered(pixels, origin, extent));
}

function newlyCovered(pixels: number, origin: number, extent: number): Covered {
  const start = Math.max(Math.ceil(origin - 0.5), 0);
  const end = Math.min(Math.ceil(origin + extent - 0.5), pixels);
  const count = Math.max(end - start, 0);
  const fractions = Float64Array.from({length: count + 2}, (_, i) => (start + i - 0.5 - origin) / extent);
  return {start, count, fractions};
}

/** Most tiles of a page have one size, and take as long to measure as to look up. */
const known = new Map<string, Covered>();
const knownTaps = new WeakMap<Covered, Map<string, Taps>>();
const MOST_KNOWN = 64;

function keep<V>(kept: Map<string, V>, key: string, value: V): V {
  if (kept.size >= MOST_KNOWN) kept.clear();
  kept.set(key, value);
  return value;
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
  return {width: columns.count + 2, masks, strength: strengthField(masks, map.kind, look.mode === "contour")};
}

/** Of a single plane and for colours, strength is left to whoever looks at the pixel. */
function strengthField(masks: Float32Array[], kind: MapKind, always: boolean): Float32Array {
  const [first, ...others] = masks;
  if (!always && !others.length) return first!;
  const strength = new Float32Array(first!.length);
  for (const mask of masks) {
    for (let i = 0; i < mask.length; i++) strength[i] = Math.max(strength[i]!, strengthOf(mask[i]!, kind));
  }
  return strength;
}

/** The layer's colour (0..255) and weight for each mask value, where the threshold lets it through. */
export interface Ink {
  key: string;
  colors: Float32Array; // four numbers an entry: red, green, blue, weight
  cut: number; // the weight below the threshold
}

/** Entries: a bin's middle is within 1/16 of a colour map's step of all that falls into it. */
export const BINS = 255 * 8;

let lastInk: Ink | null = null;

/** All tiles share a look, so the last ink is the one that is asked for. */
export function inkOf(look: Look, kind: MapKind): Ink {
  const {mode, alpha, opacity, gamma} = look;
  const key = [mode, alpha, opacity, gamma, kind, colorMapFor(look, kind)].join();
  if (lastInk?.key !== key) lastInk = mixInk(key, look, kind);
  return lastInk;
}

function mixInk(key: string, look: Look, kind: MapKind): Ink {
  const table = colorTable(colorMapFor(look, kind));
  const bend = bendOf(look, kind);
  const colors = new Float32Array(BINS * 4);
  for (let bin = 0; bin < BINS; bin++) {
    const mask = (bin + 0.5) / BINS;
    const color = colors.subarray(bin * 4, bin * 4 + 4);
    if (look.mode !== "spotlight") lookUp(table, bend(mask), color);
    color[3] = weightOf(look, bend(strengthOf(mask, kind)));
  }
  return {key, colors, cut: weightOf(look, 0, true)};
}

function bendOf({gamma}: Look, kind: MapKind): (mask: number) => number {
  return kind === "positive" && gamma !== 1 ? (mask) => mask ** gamma : (mask) => mask;
}

/** The layer's weight for a (bent) strength; `cut`: below the threshold. */
function weightOf({mode, opacity, alpha}: Look, strength: number, cut = false): number {
  const shown = cut ? 0 : mode === "map" || alpha === "constant" ? 1 : strength;
  if (mode === "map") return shown;
  if (mode === "spotlight") return opacity * (1 - shown);
  return alpha === "constant" ? opacity * shown : heatWeight(shown, opacity);
}

/** A plane of mask values in bins, and where each row and column of pixels takes them from. */
export interface Heat {
  plane: Float32Array;
  columns: number;
  down: Taps;
  across: Taps;
  signed: boolean;
}

export function heatOf(map: RawMap, look: Look, limits: Limits, columns: Covered, rows: Covered, picture: Size): Heat {
  const plane = planesOf(map, limits.low)[0]!;
  const {low, high} = limits;
  const flat = !(high > low);
  // Scaled before it is interpolated, which is the same but for the order: cells are many fewer than pixels.
  for (let i = 0; i < plane.length; i++) {
    plane[i] = flat ? scaled(0, limits, map.kind) * BINS : ((plane[i]! - low) / (high - low)) * BINS;
  }
  const down = innerTaps(rows, map.rows, picture.height, look.smooth);
  const across = innerTaps(columns, map.columns, picture.width, look.smooth);
  return {plane, columns: map.columns, down, across, signed: map.kind === "signed"};
}

/** Where the covered pixels, without the margin, take their values from. */
function innerTaps(place: Covered, cells: number, pixels: number, smooth: boolean): Taps {
  const own = knownTaps.get(place) ?? new Map<string, Taps>();
  knownTaps.set(place, own);
  const inner = place.fractions.subarray(1, place.count + 1);
  const key = smooth ? `${cells}` : `${cells} of ${pixels}`;
  return own.get(key) ?? keep(own, key, smooth ? smoothTaps(inner, cells) : nearestTaps(inner, cells, pixels));
}

/** The map's columns at a row of pixels. */
export function mixRow({plane, columns, down}: Heat, row: number, cells: Float32Array): void {
  const top = down.first[row]! * columns;
  const bottom = down.second[row]! * columns;
  const lower = down.weight[row]!;
  for (let i = 0; i < cells.length; i++) cells[i] = plane[top + i]! * (1 - lower) + plane[bottom + i]! * lower;
}

/** One colour a mask value: a look-up for each pixel, row by row. */
function paintHeat(pixels: Pixels, heat: Heat, columns: Covered, rows: Covered, ink: Ink, threshold: number): void {
  const cells = new Float32Array(heat.columns);
  for (let row = 0; row < rows.count; row++) {
    mixRow(heat, row, cells);
    const target = ((rows.start + row) * pixels.width + columns.start) * 4;
    paintRow(pixels.data, target, cells, heat, ink, threshold * BINS);
  }
}

/** The innermost loop of a page without a GPU: no calls, no objects. */
function paintRow(
  data: Uint8ClampedArray,
  start: number,
  cells: Float32Array,
  {across: {first, second, weight: mix}, signed}: Heat,
  {colors, cut}: Ink,
  threshold: number,
): void {
  for (let column = 0, at = start; column < first.length; column++, at += 4) {
    const left = cells[first[column]!]!;
    const value = left + (cells[second[column]!]! - left) * mix[column]!;
    const bin = value <= 0 ? 0 : value >= BINS ? BINS * 4 - 4 : (value | 0) * 4;
    const strength = signed ? Math.abs(2 * value - BINS) : value;
    const weight = strength < threshold ? cut : colors[bin + 3]!;
    if (data[at + 3] !== 255) {
      lay(data, at, colors[bin]!, colors[bin + 1]!, colors[bin + 2]!, weight);
      continue;
    }
    const kept = 1 - weight;
    data[at] = data[at]! * kept + colors[bin]! * weight;
    data[at + 1] = data[at + 1]! * kept + colors[bin + 1]! * weight;
    data[at + 2] = data[at + 2]! * kept + colors[bin + 2]! * weight;
  }
}

/** Maps that are colours themselves. */
function paintColors(
  pixels: Pixels,
  field: Field,
  columns: Covered,
  rows: Covered,
  look: Look,
  threshold: number,
): void {
  const [red, green, blue] = field.masks;
  const full = look.mode === "spotlight" ? 0 : 255;
  eachPixel(pixels, field, columns, rows, (target, i) => {
    const strength = field.strength[i]!;
    const weight = weightOf(look, strength, strength < threshold);
    lay(pixels.data, target, red![i]! * full, green![i]! * full, blue![i]! * full, weight);
  });
}

/** The colour of a mask value, linear between the table's entries (`heatmap.heatmap`). */
function lookUp(table: Uint8Array, mask: number, color: Float32Array): void {
  const place = mask * 255;
  const lower = Math.min(Math.floor(place), 254);
  const between = place - lower;
  for (let i = 0; i < 3; i++) {
    const from = table[lower * 3 + i]!;
    color[i] = from + (table[lower * 3 + 3 + i]! - from) * between;
  }
}

/** Isolines in their own colours, and the threshold's in white. */
function paintLines(
  pixels: Pixels,
  field: Field,
  columns: Covered,
  rows: Covered,
  look: Look,
  kind: MapKind,
  threshold: number,
  pen: number,
): void {
  const lines = linesOf(colorTable(colorMapFor(look, kind)), threshold);
  const color = new Float32Array(4);
  const distance = look.smooth ? smoothDistance : nearestDistance;
  eachPixel(pixels, field, columns, rows, (target, index) => {
    color[3] = 0;
    for (const line of lines) drawLine(distance(field, index, line.level), pen, line.color, color);
    if (color[3] > 0) lay(pixels.data, target, color[0]!, color[1]!, color[2]!, color[3] * look.opacity);
  });
}

function linesOf(table: Uint8Array, threshold: number): {level: number; color: Float32Array}[] {
  const lines = LEVELS.filter((level) => level > threshold).map((level) => {
    const color = new Float32Array(3);
    lookUp(table, level, color);
    return {level: level as number, color};
  });
  return threshold > 0 ? [...lines, {level: threshold, color: new Float32Array(3).fill(255)}] : lines;
}

const FAR = 99;

/** Distance to a level's line in pixels, by the gradient. */
function smoothDistance({strength, width}: Field, index: number, level: number): number {
  const across = (strength[index + 1]! - strength[index - 1]!) / 2;
  const down = (strength[index + width]! - strength[index - width]!) / 2;
  const slope = Math.sqrt(across * across + down * down);
  return slope < FLAT ? FAR : Math.abs(strength[index]! - level) / slope;
}

/** Between cells of one value each, the line is where neighbours lie on either side of the level. */
function nearestDistance({strength, width}: Field, index: number, level: number): number {
  const inside = strength[index]! >= level;
  const differs = (neighbour: number) => strength[neighbour]! >= level !== inside;
  const edge = differs(index - 1) || differs(index + 1) || differs(index - width) || differs(index + width);
  return edge ? 0 : FAR;
}

function drawLine(distance: number, pen: number, line: Float32Array, color: Float32Array): void {
  const edge = 0.5 + (LINE + HALO) * pen;
  if (distance >= edge) return;
  over(color, 0, 0, 0, HALO_WEIGHT * Math.min(edge - distance, 1));
  over(color, line[0]!, line[1]!, line[2]!, Math.min(Math.max(0.5 + LINE * pen - distance, 0), 1));
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

/** Lay a colour over a pixel of the photograph. */
function lay(data: Uint8ClampedArray, at: number, red: number, green: number, blue: number, weight: number): void {
  if (weight === 0) return;
  const opaque = data[at + 3]! / 255;
  const below = opaque * (1 - weight);
  const all = below + weight;
  const kept = below / all;
  const laid = weight / all;
  data[at] = data[at]! * kept + red * laid;
  data[at + 1] = data[at + 1]! * kept + green * laid;
  data[at + 2] = data[at + 2]! * kept + blue * laid;
  data[at + 3] = all * 255;
}
