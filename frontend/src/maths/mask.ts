/**
 * From a raw map to a mask: the tab's reference for what the shader does, equal to `heatmap.mask` in Python.
 *
 * The order is rectify each cell, interpolate, scale to the limits. Places are fractions of the picture: pixel column i
 * of W has its centre at (i + 0.5) / W, and a map of w columns is sampled there at (i + 0.5) / W * w - 0.5, which is
 * OpenCV's INTER_LINEAR. Unsmoothed, pixel i shows cell floor(i * w / W), which is INTER_NEAREST.
 */

import type {Limits, MapKind, RawMap} from "../types";

/** Which two cells of an axis each output pixel mixes, and how much of the second. */
export interface Taps {
  first: Int32Array;
  second: Int32Array;
  weight: Float32Array;
}

/** Taps for bilinear interpolation at fractions of an axis of `cells`. */
export function smoothTaps(fractions: ArrayLike<number>, cells: number): Taps {
  const taps = emptyTaps(fractions.length);
  for (let i = 0; i < fractions.length; i++) {
    const place = clamp(fractions[i]! * cells - 0.5, 0, cells - 1);
    taps.first[i] = Math.floor(place);
    taps.second[i] = Math.min(Math.floor(place) + 1, cells - 1);
    taps.weight[i] = place - Math.floor(place);
  }
  return taps;
}

/** Taps that show each of the picture's `pixels` as one cell; whole numbers, so that no rounding moves an edge. */
export function nearestTaps(fractions: ArrayLike<number>, cells: number, pixels: number): Taps {
  const taps = emptyTaps(fractions.length);
  for (let i = 0; i < fractions.length; i++) {
    const pixel = clamp(Math.floor(fractions[i]! * pixels), 0, pixels - 1);
    taps.first[i] = taps.second[i] = Math.floor((pixel * cells) / pixels);
  }
  return taps;
}

function emptyTaps(length: number): Taps {
  return {first: new Int32Array(length), second: new Int32Array(length), weight: new Float32Array(length)};
}

/** Centres of `pixels` pixels as fractions. */
function centers(pixels: number): Float64Array {
  return Float64Array.from({length: pixels}, (_, pixel) => (pixel + 0.5) / pixels);
}

/** A map's cells as they are interpolated, one plane, or three of an rgb map: not finite counts as `low`, and no sign
 * is kept where none is meant. */
export function planesOf(map: RawMap, low: number): Float32Array[] {
  const channels = map.kind === "rgb" ? 3 : 1;
  return Array.from({length: channels}, (_, channel) => {
    const plane = new Float32Array(map.rows * map.columns);
    for (let cell = 0; cell < plane.length; cell++) {
      const value = map.values[cell * channels + channel]!;
      const finite = Number.isFinite(value) ? value : low;
      plane[cell] = map.kind === "positive" ? Math.max(finite, 0) : finite;
    }
    return plane;
  });
}

/** A plane's values where `down` and `across` look, row by row. */
export function interpolated(plane: Float32Array, columns: number, down: Taps, across: Taps): Float32Array {
  const height = down.first.length;
  const width = across.first.length;
  const values = new Float32Array(height * width);
  for (let row = 0, pixel = 0; row < height; row++) {
    const top = down.first[row]! * columns;
    const bottom = down.second[row]! * columns;
    const lower = down.weight[row]!;
    for (let column = 0; column < width; column++, pixel++) {
      const left = across.first[column]!;
      const right = across.second[column]!;
      const later = across.weight[column]!;
      const above = plane[top + left]! * (1 - later) + plane[top + right]! * later;
      const below = plane[bottom + left]! * (1 - later) + plane[bottom + right]! * later;
      values[pixel] = above * (1 - lower) + below * lower;
    }
  }
  return values;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Scale a raw value to [0, 1]; a flat range is 0, or 0.5 where signs are meant. */
export function scaled(value: number, {low, high}: Limits, kind: MapKind): number {
  if (!(high > low)) return kind === "positive" ? 0 : 0.5;
  return clamp((value - low) / (high - low), 0, 1);
}

/** The raw value, rectified where the kind says so, at a place in the picture; of an rgb map, its first channel. */
export function valueAt(map: RawMap, x: number, y: number, low = 0, smooth = true): number {
  const taps = (fraction: number, cells: number) =>
    smooth ? smoothTaps([fraction], cells) : nearestTaps([fraction], cells, cells);
  return interpolated(planesOf(map, low)[0]!, map.columns, taps(y, map.rows), taps(x, map.columns))[0]!;
}

/** The mask at a place in the picture, in [0, 1]. */
export function maskAt(map: RawMap, x: number, y: number, limits: Limits, smooth: boolean): number {
  return scaled(valueAt(map, x, y, limits.low, smooth), limits, map.kind);
}

/** How strongly a mask value speaks: itself, or its distance from the middle where signs are meant. */
export function strengthOf(mask: number, kind: MapKind): number {
  return kind === "positive" ? mask : Math.abs(mask * 2 - 1);
}

/** The mask in `height` x `width` pixels, row by row (`heatmap.mask`). Of an rgb map, its strongest channel. */
export function resized(map: RawMap, height: number, width: number, limits: Limits, smooth = true): Float32Array {
  const down = smooth ? smoothTaps(centers(height), map.rows) : nearestTaps(centers(height), map.rows, height);
  const across = smooth ? smoothTaps(centers(width), map.columns) : nearestTaps(centers(width), map.columns, width);
  return strongest(masksOf(map, limits, down, across));
}

/** The mask of each plane where `down` and `across` look. */
export function masksOf(map: RawMap, limits: Limits, down: Taps, across: Taps): Float32Array[] {
  return planesOf(map, limits.low).map((plane) => {
    const values = interpolated(plane, map.columns, down, across);
    scaleAll(values, limits, map.kind);
    return values;
  });
}

/** `scaled`, in place, for all of an array: without a call or a division for each pixel. */
function scaleAll(values: Float32Array, {low, high}: Limits, kind: MapKind): void {
  if (!(high > low)) {
    values.fill(scaled(0, {low, high}, kind));
    return;
  }
  const factor = 1 / (high - low);
  for (let i = 0; i < values.length; i++) {
    const mask = (values[i]! - low) * factor;
    values[i] = mask < 0 ? 0 : Math.min(mask, 1);
  }
}

function strongest(masks: Float32Array[]): Float32Array {
  const [first, ...others] = masks;
  for (const other of others) {
    other.forEach((value, i) => {
      if (Math.abs(value - 0.5) > Math.abs(first![i]! - 0.5)) first![i] = value;
    });
  }
  return first!;
}

/** A map's strength on a grid. */
interface StrengthGrid {
  key: string;
  height: number;
  width: number;
  values: Float32Array;
}

const grids = new WeakMap<RawMap, StrengthGrid>();

/** Pixels a side that are fine enough for areas and outlines of an interpolated map. */
export const FINE = 96;

/**
 * A map's strength on a grid, for areas and outlines; the last one stays with the map.
 *
 * The grid has whole multiples of the map's cells, at most `most` a side (or the cells). Areas of a map that is shown
 * cell by cell need no finer grid than its cells.
 */
export function strengthGrid(map: RawMap, limits: Limits, smooth: boolean, most = smooth ? FINE : 1): StrengthGrid {
  const key = `${limits.low}/${limits.high}/${smooth}/${most}`;
  const kept = grids.get(map);
  if (kept?.key === key) return kept;
  const times = Math.max(Math.floor(most / Math.max(map.rows, map.columns, 1)), 1);
  const [height, width] = [map.rows * times, map.columns * times];
  const values = resized(map, height, width, limits, smooth);
  if (map.kind !== "positive") for (let i = 0; i < values.length; i++) values[i] = strengthOf(values[i]!, map.kind);
  const grid = {key, height, width, values};
  grids.set(map, grid);
  return grid;
}
