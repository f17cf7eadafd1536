/** What the quick ways to lay heat over an opaque photograph share: rows of pixels as spans of even steps. */

import type {Limits, Look, RawMap} from "../types";
import {BINS, covered, type Heat, heatOf, type Ink, inkOf, mixRow, type Pixels, thresholdOf} from "./compose";
import type {Taps} from "./mask";
import type {Placement, Size} from "./placement";

/** Bits of a bin's fraction. */
export const FRACTION = 16;
/** The bin after the last: below the threshold. */
export const NO_INK = BINS;
export const OPAQUE = 0xff000000;

/** What is laid over a tile. */
export interface Layer {
  words: Uint32Array; // the tile's pixels
  heat: Heat;
  ink: Ink;
  cut: number | null; // bins below it are not shown; null where all are, and lie on the scale
}

/** What a map lays over a tile that its picture fills; null where it does not, or the map has colours of its own. */
export function layerOf(
  pixels: Pixels,
  map: RawMap,
  look: Look,
  limits: Limits,
  placement: Placement,
  picture: Size,
): Layer | null {
  const heat = heatOver(pixels, map, look, limits, placement, picture);
  if (!heat) return null;
  const threshold = thresholdOf(map, look, limits) * BINS;
  const cut = threshold > 0 || !fitted(heat.plane) ? threshold : null;
  return {words: wordsOf(pixels.data), heat, ink: inkOf(look, map.kind), cut};
}

function heatOver(
  tile: Size,
  map: RawMap,
  look: Look,
  limits: Limits,
  placement: Placement,
  picture: Size,
): Heat | null {
  const columns = covered(tile.width, placement.left, placement.width);
  const rows = covered(tile.height, placement.top, placement.height);
  const fills = columns.count === tile.width && rows.count === tile.height;
  return map.kind === "rgb" || !fills ? null : heatOf(map, look, limits, columns, rows, picture);
}

/** An ImageData's pixels as numbers of 32 bits (on little-endian machines: alpha, blue, green, red). */
export function wordsOf(data: Uint8ClampedArray): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
}

/** Far enough from the ends for the rounding of a row, and still in the first and the last bin. */
const WITHIN = 0.25;

/** Whether all of a plane lies on the scale; then brings it off its very ends, so that no pixel needs to be held there. */
function fitted(plane: Float32Array): boolean {
  if (!plane.every((value) => value >= 0 && value <= BINS)) return false;
  for (let i = 0; i < plane.length; i++) plane[i] = Math.min(Math.max(plane[i]!, WITHIN), BINS - WITHIN);
  return true;
}

/** Work out the bins of a row's pixels, `NO_INK` below the threshold; `cells` is room for what is between. */
export function binsOf(heat: Heat, row: number, threshold: number, cells: Float32Array, bins: Int32Array): void {
  const {first, second, weight} = heat.across;
  mixRow(heat, row, cells);
  for (let column = 0; column < bins.length; column++) {
    const left = cells[first[column]!]!;
    const value = left + (cells[second[column]!]! - left) * weight[column]!;
    const strength = heat.signed ? Math.abs(2 * value - BINS) : value;
    bins[column] = strength < threshold ? NO_INK : value <= 0 ? 0 : value >= BINS ? BINS - 1 : value | 0;
  }
}

/** Neighbouring pixels that mix the same two cells: where each span ends, and its first weight and what each pixel adds. */
export interface Spans {
  ends: Int32Array;
  first: Int32Array;
  second: Int32Array;
  start: Float32Array;
  stride: Float32Array;
}

const spans = new WeakMap<Taps, Spans>();

export function spansOf(taps: Taps): Spans {
  const kept = spans.get(taps);
  if (kept) return kept;
  const {first, second, weight} = taps;
  const starts = [...first.keys()].filter((at) => isStart(taps, at));
  const ends = [...starts.slice(1), first.length];
  const made = {
    ends: Int32Array.from(ends),
    first: Int32Array.from(starts, (at) => first[at]!),
    second: Int32Array.from(starts, (at) => second[at]!),
    start: Float32Array.from(starts, (at) => weight[at]!),
    stride: Float32Array.from(starts, (at, i) => strideOf(weight, at, ends[i]!)),
  };
  spans.set(taps, made);
  return made;
}

const EVEN = 1e-5; // between weights that rise evenly; a pixel of a row of thousands adds more

/** Whether a pixel mixes other cells than the one before, or the weights rise no further as they did: at the edge they rest. */
function isStart({first, weight}: Taps, at: number): boolean {
  if (at < 1 || first[at] !== first[at - 1]) return true;
  if (at < 2 || first[at] !== first[at - 2]) return false;
  return Math.abs(weight[at]! - 2 * weight[at - 1]! + weight[at - 2]!) > EVEN;
}

function strideOf(weight: Float32Array, start: number, end: number): number {
  return end - start > 1 ? (weight[end - 1]! - weight[start]!) / (end - start - 1) : 0;
}
