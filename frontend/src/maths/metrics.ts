/** Numbers about one map. Distributions are those of the strength: positive evidence, or the size of signed values. */

import type {Limits, RawMap, Sample} from "../types";
import {limitsOf} from "./limits";
import {FINE, strengthGrid} from "./mask";

/** A strength that is as good as none: what stays clear even where a threshold by area asks for more. */
const LEAST = 1e-6;

/** Where the evidence is, as fractions of the picture. */
export interface Place {
  x: number;
  y: number;
}

/** A cell's evidence: rectified, or its size where signs are meant; 0 where it is not finite. */
export function evidence(map: RawMap): Float32Array {
  const cells = map.rows * map.columns;
  const channels = map.values.length / (cells || 1);
  const weights = new Float32Array(cells);
  for (let i = 0; i < map.values.length; i++) {
    const value = map.values[i]!;
    if (!Number.isFinite(value)) continue;
    weights[Math.floor(i / channels)]! += map.kind === "positive" ? Math.max(value, 0) : Math.abs(value);
  }
  return weights;
}

function total(weights: Float32Array): number {
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum;
}

/** Share of a map's cells at or below `value`, in per cent; NaN without finite cells. */
export function percentile(map: RawMap, value: number): number {
  let below = 0;
  let cells = 0;
  for (const cell of map.values) {
    if (!Number.isFinite(cell)) continue;
    cells++;
    if (cell <= value) below++;
  }
  return cells ? (100 * below) / cells : NaN;
}

/** Raw value under a place in the picture as the cell there has it, for a probe. */
export function cellAt(map: RawMap, x: number, y: number): {row: number; column: number; value: number} {
  const row = nearestCell(y, map.rows);
  const column = nearestCell(x, map.columns);
  const channels = map.values.length / (map.rows * map.columns || 1);
  return {row, column, value: map.values[(row * map.columns + column) * channels] ?? NaN};
}

/** Shannon entropy of the evidence as a distribution over cells, in bits; NaN where there is none. */
export function entropy(map: RawMap): number {
  const weights = evidence(map);
  const sum = total(weights);
  if (!(sum > 0)) return NaN;
  let bits = 0;
  for (const weight of weights) if (weight > 0) bits -= (weight / sum) * Math.log2(weight / sum);
  return bits;
}

/** Centre of mass of the evidence; null where there is none. */
export function centerOfMass(map: RawMap): Place | null {
  const weights = evidence(map);
  const sum = total(weights);
  if (!(sum > 0)) return null;
  let x = 0;
  let y = 0;
  weights.forEach((weight, cell) => {
    x += weight * ((cell % map.columns) + 0.5);
    y += weight * (Math.floor(cell / map.columns) + 0.5);
  });
  return {x: x / sum / map.columns, y: y / sum / map.rows};
}

/** Share of the picture's area whose strength is at least `threshold` (and above 0), in [0, 1]. */
export function coverage(map: RawMap, limits: Limits, threshold: number, smooth = true): number {
  const {values} = strengthGrid(map, limits, smooth);
  let inside = 0;
  for (const value of values) if (value >= threshold && value > 0) inside++;
  return values.length ? inside / values.length : 0;
}

/**
 * The strength above which `share` of the picture's area lies, for "the top k % of the area".
 *
 * Never 0 while share < 1: where less than `share` of the area has any evidence, that part is all that stays.
 */
export function areaThreshold(map: RawMap, limits: Limits, share: number, smooth = true): number {
  if (share >= 1) return 0;
  const grid = strengthGrid(map, limits, smooth);
  const key = `${grid.key}/${share}`;
  const kept = thresholds.get(map);
  if (kept?.key === key) return kept.threshold;
  const threshold = share > 0 ? Math.max(upperShare(grid.values, share), LEAST) : Infinity;
  thresholds.set(map, {key, threshold});
  return threshold;
}

const BINS = 4096;

/** The value that `share` of the values in [0, 1] reach, by a histogram: sorting takes too long at 30 frames a second. */
function upperShare(values: Float32Array, share: number): number {
  const counts = new Uint32Array(BINS);
  for (const value of values) counts[Math.min(Math.floor(value * BINS), BINS - 1)]!++;
  let wanted = Math.max(Math.round(share * values.length), 1);
  for (let bin = BINS - 1; bin > 0; bin--) {
    wanted -= counts[bin]!;
    if (wanted <= 0) return bin / BINS;
  }
  return 0;
}

const thresholds = new WeakMap<RawMap, {key: string; threshold: number}>();

/** Which pixels of `height` x `width` are ground truth, by their centres; null where a sample has none. */
export function truthOf(sample: Pick<Sample, "boxes" | "mask">, height: number, width: number): Uint8Array | null {
  if (!sample.boxes.length && !sample.mask) return null;
  const inside = new Uint8Array(height * width);
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0; column < width; column++, pixel++) {
      inside[pixel] = Number(isTrue(sample, (column + 0.5) / width, (row + 0.5) / height));
    }
  }
  return inside;
}

/** Whether a place lies in a sample's boxes or mask (the mask decides where there are both). */
function isTrue({boxes, mask}: Pick<Sample, "boxes" | "mask">, x: number, y: number): boolean {
  if (mask) return mask.cells[nearestCell(y, mask.height) * mask.width + nearestCell(x, mask.width)] !== 0;
  return boxes.some((box) => x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1);
}

/** The cell with the most evidence, at its centre; null where there is none. */
export function peak(map: RawMap): Place | null {
  const weights = evidence(map);
  let best = -1;
  weights.forEach((weight, cell) => {
    if (weight > (best < 0 ? 0 : weights[best]!)) best = cell;
  });
  if (best < 0) return null;
  return {x: ((best % map.columns) + 0.5) / map.columns, y: (Math.floor(best / map.columns) + 0.5) / map.rows};
}

/** Pointing game (Zhang et al., 2018): whether the peak lies in the ground truth; null without truth or evidence. */
export function pointingHit(map: RawMap, sample: Pick<Sample, "boxes" | "mask">): boolean | null {
  if (!sample.boxes.length && !sample.mask) return null;
  const place = peak(map);
  return place && isTrue(sample, place.x, place.y);
}

/** Energy-based pointing game (Wang et al., 2020): share of the smooth map's evidence inside the ground truth. */
export function energyInside(map: RawMap, sample: Pick<Sample, "boxes" | "mask">): number | null {
  const {low, high} = limitsOf(map);
  const limits = map.kind === "positive" ? {low: 0, high} : {low, high}; // from 0, so that strength is evidence
  const grid = strengthGrid(map, limits, true);
  const inside = truthOf(sample, grid.height, grid.width);
  const sum = total(grid.values);
  if (!inside || !(sum > 0)) return null;
  let within = 0;
  grid.values.forEach((value, pixel) => {
    if (inside[pixel]) within += value;
  });
  return within / sum;
}

/** Intersection over union of the ground truth and the area at or above `threshold`; null without truth. */
export function iouAt(
  map: RawMap,
  sample: Pick<Sample, "boxes" | "mask">,
  limits: Limits,
  threshold: number,
  smooth = true,
): number | null {
  const grid = strengthGrid(map, limits, smooth, FINE); // fine, for the truth's edges
  const inside = truthOf(sample, grid.height, grid.width);
  if (!inside) return null;
  let both = 0;
  let either = 0;
  grid.values.forEach((value, pixel) => {
    const chosen = value >= threshold && value > 0;
    if (chosen && inside[pixel]) both++;
    if (chosen || inside[pixel]) either++;
  });
  return either ? both / either : 0;
}

/** Index of the cell at a fraction of an axis. */
function nearestCell(fraction: number, cells: number): number {
  return Math.min(Math.max(Math.floor(fraction * cells), 0), cells - 1);
}
