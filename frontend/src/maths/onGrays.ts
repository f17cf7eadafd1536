/**
 * As `paint` in compose.ts, over a photograph that is all grey and opaque: what most tiles of a page without a GPU are,
 * in half the time. Every grey under every strength is mixed once for a look, and then looked up.
 */

import type {Limits, Look, RawMap} from "../types";
import {BINS, type Heat, type Ink, mixRow, type Pixels} from "./compose";
import type {Placement, Size} from "./placement";
import {binsOf, FRACTION, layerOf, NO_INK, OPAQUE, spansOf} from "./spans";

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
  const layer = look.mode === "overlay" ? layerOf(pixels, map, look, limits, placement, picture) : null;
  if (!layer) return false;
  const {words, heat, ink, cut} = layer;
  if (cut === null) paintWhole(words, grays, heat, tableOf(ink));
  else paintCut(words, grays, heat, tableOf(ink), cut);
  return true;
}

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
  const cells = new Float32Array(heat.columns);
  const bins = new Int32Array(heat.across.first.length);
  for (let row = 0, at = 0; row < heat.down.first.length; row++) {
    binsOf(heat, row, threshold, cells, bins);
    for (let column = 0; column < bins.length; column++, at++) words[at] = table[(bins[column]! << 8) | grays[at]!]!;
  }
}

const GRAYS = 256;

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
