/**
 * As `paint` in compose.ts, over a photograph that is all grey and opaque: what most tiles of a page without a GPU are,
 * in half the time. Every grey under every strength is mixed once for a look, and then looked up.
 */

import type {Limits, Look, RawMap} from "../types";
import {BINS, covered, type Heat, heatOf, type Ink, inkOf, mixRow, type Pixels, thresholdOf} from "./compose";
import type {Taps} from "./mask";
import type {Placement, Size} from "./placement";

/** One channel of a photograph in greys; null where it is not opaque everywhere. */
export function graysOf(data: Uint8ClampedArray): Uint8Array | null {
  const grays = new Uint8Array(data.length / 4);
  for (let pixel = 0, at = 0; pixel < grays.length; pixel++, at += 4) {
    if (data[at + 3] !== 255) return null;
    grays[pixel] = data[at]!;
  }
  return grays;
}

/**
 * Write every pixel of `pixels`, which the photograph fills: `grays` has one number a pixel. False, and nothing is
 * written, where the look asks for more.
 */
export function paintOnGrays(
  pixels: Pixels,
  grays: Uint8Array,
  map: RawMap,
  look: Look,
  limits: Limits,
  placement: Placement,
  picture: Size,
): boolean {
  const columns = covered(pixels.width, placement.left, placement.width);
  const rows = covered(pixels.height, placement.top, placement.height);
  const fills = columns.count === pixels.width && rows.count === pixels.height;
  if (look.mode !== "overlay" || map.kind === "rgb" || !fills) return false;
  const heat = heatOf(map, look, limits, columns, rows, picture);
  const table = tableOf(inkOf(look, map.kind));
  const words = new Uint32Array(pixels.data.buffer, pixels.data.byteOffset, pixels.width * pixels.height);
  const threshold = thresholdOf(map, look, limits) * BINS;
  if (threshold > 0 || !fitted(heat.plane)) paintCut(words, grays, heat, table, threshold);
  else paintWhole(words, grays, heat, table);
  return true;
}

/** Far enough from the ends for the rounding of a row, and still in the first and the last bin. */
const WITHIN = 0.25;

/** Whether all of a plane lies on the scale; then brings it off its very ends, so that no pixel needs to be held there. */
function fitted(plane: Float32Array): boolean {
  if (!plane.every((value) => value >= 0 && value <= BINS)) return false;
  for (let i = 0; i < plane.length; i++) plane[i] = Math.min(Math.max(plane[i]!, WITHIN), BINS - WITHIN);
  return true;
}

const FRACTION = 16; // bits of a bin's fraction

/** The innermost loop of most pages without a GPU: an addition, a look-up and a store for each pixel. */
function paintWhole(words: Uint32Array, grays: Uint8Array, heat: Heat, table: Uint32Array): void {
  const {ends, first, second, start, stride} = spansOf(heat.across);
  const cells = new Float32Array(heat.columns);
  for (let row = 0, at = 0; row < heat.down.first.length; row++) {
    mixRow(heat, row, cells);
    const before = at;
    for (let span = 0; span < ends.length; span++) {
      const left = cells[first[span]!]!;
      const slope = (cells[second[span]!]! - left) * (1 << FRACTION);
      const by = (slope * stride[span]!) | 0;
      let value = (left * (1 << FRACTION) + slope * start[span]!) | 0;
      for (const end = before + ends[span]!; at < end; at++, value += by) {
        words[at] = table[((value >> (FRACTION - 8)) & ~255) | grays[at]!]!;
      }
    }
  }
}

/** As `paintWhole`, where there is a threshold, or the scale ends before the map does. */
function paintCut(words: Uint32Array, grays: Uint8Array, heat: Heat, table: Uint32Array, threshold: number): void {
  const {first, second, weight} = heat.across;
  const cells = new Float32Array(heat.columns);
  for (let row = 0, at = 0; row < heat.down.first.length; row++) {
    mixRow(heat, row, cells);
    for (let column = 0; column < first.length; column++, at++) {
      const left = cells[first[column]!]!;
      const value = left + (cells[second[column]!]! - left) * weight[column]!;
      const strength = heat.signed ? Math.abs(2 * value - BINS) : value;
      const bin = strength < threshold ? NO_INK : value <= 0 ? 0 : value >= BINS ? BINS - 1 : value | 0;
      words[at] = table[(bin << 8) | grays[at]!]!;
    }
  }
}

/** Neighbouring pixels that mix the same two cells: where each span ends, and its first weight and what each pixel adds. */
interface Spans {
  ends: Int32Array;
  first: Int32Array;
  second: Int32Array;
  start: Float32Array;
  stride: Float32Array;
}

const spans = new WeakMap<Taps, Spans>();

function spansOf(taps: Taps): Spans {
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

const GRAYS = 256;
const NO_INK = BINS; // the bin after the last
const OPAQUE = 0xff000000;

const tables = new WeakMap<Ink, Uint32Array>();

/** The pixel for each bin over each grey, two megabytes (on little-endian machines). */
function tableOf(ink: Ink): Uint32Array {
  const kept = tables.get(ink);
  if (kept) return kept;
  const table = new Uint32Array((NO_INK + 1) * GRAYS);
  for (let bin = 0; bin <= NO_INK; bin++) mixBin(table.subarray(bin * GRAYS, (bin + 1) * GRAYS), ink, bin);
  tables.set(ink, table);
  return table;
}

function mixBin(pixels: Uint32Array, {colors}: Ink, bin: number): void {
  const [red, green, blue, weight] = bin < BINS ? colors.subarray(4 * bin, 4 * bin + 4) : [0, 0, 0, 0];
  for (let gray = 0; gray < GRAYS; gray++) {
    const kept = gray * (1 - weight!) + 0.5;
    pixels[gray] =
      OPAQUE | ((kept + blue! * weight!) << 16) | ((kept + green! * weight!) << 8) | (kept + red! * weight!);
  }
}
