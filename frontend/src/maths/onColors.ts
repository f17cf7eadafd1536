/**
 * As `paint` in compose.ts, over any photograph that is opaque: what tiles in colour are on a page without a GPU. Two
 * channels are mixed in one multiplication, and a bin's part of the sum is looked up.
 */

import type {Limits, Look, RawMap} from "../types";
import {BINS, type Heat, type Ink, mixRow, type Pixels} from "./compose";
import type {Placement, Size} from "./placement";
import {binsOf, FRACTION, layerOf, NO_INK, OPAQUE, spansOf, wordsOf} from "./spans";

/** A photograph's pixels as numbers of 32 bits; null where it is not opaque everywhere. */
export function opaqueOf(data: Uint8ClampedArray): Uint32Array | null {
  const words = wordsOf(data);
  return words.every((word) => word >>> 24 === 255) ? words : null;
}

/**
 * Write every pixel of `pixels`, which the photograph fills: `photograph` is as `opaqueOf` gives it. False, and nothing
 * is written, where the look asks for more.
 */
export function paintOnColors(
  pixels: Pixels,
  photograph: Uint32Array,
  map: RawMap,
  look: Look,
  limits: Limits,
  placement: Placement,
  picture: Size,
): boolean {
  const lays = look.mode === "overlay" || look.mode === "spotlight";
  const layer = lays ? layerOf(pixels, map, look, limits, placement, picture) : null;
  if (!layer) return false;
  const {words, heat, ink, cut} = layer;
  if (cut === null) paintWhole(words, photograph, heat, tableOf(ink));
  else paintCut(words, photograph, heat, tableOf(ink), cut);
  return true;
}

const RED_BLUE = 0xff00ff;
const GREEN = 0xff00;

/** As in onGrays.ts, with two multiplications for each pixel. */
function paintWhole(words: Uint32Array, photograph: Uint32Array, heat: Heat, table: Int32Array): void {
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
        const ink = (value >> (FRACTION - 2)) & ~3;
        const kept = table[ink]!;
        const below = photograph[at]!;
        const redBlue = (Math.imul(below & RED_BLUE, kept) + table[ink + 1]!) >>> 8;
        const green = Math.imul((below >>> 8) & 255, kept) + table[ink + 2]!;
        words[at] = OPAQUE | (redBlue & RED_BLUE) | (green & GREEN);
      }
    }
  }
}

/** As `paintWhole`, where there is a threshold, or the scale ends before the map does. */
function paintCut(words: Uint32Array, photograph: Uint32Array, heat: Heat, table: Int32Array, threshold: number): void {
  const cells = new Float32Array(heat.columns);
  const bins = new Int32Array(heat.across.first.length);
  for (let row = 0, at = 0; row < heat.down.first.length; row++) {
    binsOf(heat, row, threshold, cells, bins);
    for (let column = 0; column < bins.length; column++, at++) {
      const ink = bins[column]! << 2;
      const kept = table[ink]!;
      const below = photograph[at]!;
      const redBlue = (Math.imul(below & RED_BLUE, kept) + table[ink + 1]!) >>> 8;
      const green = Math.imul((below >>> 8) & 255, kept) + table[ink + 2]!;
      words[at] = OPAQUE | (redBlue & RED_BLUE) | (green & GREEN);
    }
  }
}

const ONE = 256; // the whole of a weight
const HALF = 128; // so that what is cut off is rounded

const tables = new WeakMap<Ink, Int32Array>();

/** For each bin how much of the photograph is kept, and what is added to red with blue, and to green; the fourth is free. */
function tableOf(ink: Ink): Int32Array {
  const kept = tables.get(ink);
  if (kept) return kept;
  const table = new Int32Array((NO_INK + 1) * 4);
  for (let bin = 0; bin < BINS; bin++) mixBin(table, ink.colors.subarray(4 * bin, 4 * bin + 4), bin);
  mixBin(table, [0, 0, 0, ink.cut], NO_INK); // which is 0, or that of black
  tables.set(ink, table);
  return table;
}

function mixBin(
  table: Int32Array,
  [red, green, blue, weight]: ArrayLike<number> & Iterable<number>,
  bin: number,
): void {
  const laid = Math.round(weight! * ONE);
  const part = (color: number) => Math.round(color * weight! * ONE) + HALF;
  table[4 * bin] = ONE - laid;
  table[4 * bin + 1] = (part(blue!) << 16) | part(red!);
  table[4 * bin + 2] = part(green!);
}
