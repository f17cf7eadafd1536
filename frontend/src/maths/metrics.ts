/**
 * Numbers about one map. `entropy`, `coverage`, `pointingGame`, `energyInside` and `iou` are those that Python writes and
 * reads (`tensorboard_plugin_gradcam/metrics.py`), by the same definitions: tests/golden/metrics.json holds both to them.
 */

import type {Region} from "../api/findings";
import type {Limits, RawMap, Sample} from "../types";
import {FINE, strengthGrid} from "./mask";

/** A strength that is as good as none: what stays clear even where a threshold by area asks for more. */
const LEAST = 1e-6;

/** Where the evidence is, as fractions of the picture. */
export interface Place {
  x: number;
  y: number;
}

/** Of the largest evidence, from which a cell or a point counts as covered. */
const LEVEL = 0.5;

/** A cell's evidence: rectified, its size where signs are meant, all colours' together; 0 where it is not finite. */
export function evidence(map: RawMap): Float64Array {
  const cells = map.rows * map.columns;
  const channels = map.values.length / (cells || 1);
  const weights = new Float64Array(cells);
  for (let i = 0; i < map.values.length; i++) {
    const value = map.values[i]!;
    if (!Number.isFinite(value)) continue;
    weights[Math.floor(i / channels)]! += map.kind === "positive" ? Math.max(value, 0) : Math.abs(value);
  }
  return weights;
}

function total(weights: Float64Array): number {
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum;
}

/** Share of a map's cells at or below `value`, in percent; NaN without finite cells. */
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

/** Shannon entropy of the evidence over that of a flat map: 0 is one cell, 1 everywhere alike; NaN where there is none. */
export function entropy(map: RawMap): number {
  const weights = evidence(map);
  const sum = total(weights);
  if (!(sum > 0)) return NaN;
  if (weights.length < 2) return 0;
  let nats = 0;
  for (const weight of weights) if (weight > 0) nats -= (weight / sum) * Math.log(weight / sum);
  return nats / Math.log(weights.length);
}

/** Share of cells with at least half of the largest evidence, in [0, 1]; NaN where there is none. */
export function coverage(map: RawMap): number {
  const weights = evidence(map);
  const half = LEVEL * largest(weights);
  if (!(half > 0)) return NaN;
  return weights.reduce((count, weight) => count + Number(weight >= half), 0) / weights.length;
}

function largest(weights: Float64Array): number {
  return weights.reduce((most, weight) => Math.max(most, weight), 0);
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

/** Share of the picture's area whose strength is at least `threshold` (and above 0), in [0, 1]: what is drawn of a map. */
export function areaFrom(map: RawMap, limits: Limits, threshold: number, smooth = true): number {
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

type Truth = Pick<Sample, "boxes" | "mask">;

/** Which pixels of `height` x `width` are ground truth, by their centres; null where a sample has none. */
export function truthOf(sample: Truth, height: number, width: number): Uint8Array | null {
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

/**
 * Pointing game (Zhang et al., 2016, sec. 4.1): whether the centre of the first strongest cell is true; null without truth
 * or evidence.
 */
export function pointingGame(map: RawMap, sample: Truth): boolean | null {
  if (!sample.boxes.length && !sample.mask) return null;
  const place = peak(map);
  return place && isTrue(sample, place.x, place.y);
}

/** Evidence, interpolated on a grid of a whole multiple of the map's cells, and which points of it are true. */
interface Judged {
  values: Float64Array;
  inside: Uint8Array;
  half: number;
}

/** Null without truth, without a point of the grid in it, or without evidence. */
function judged(map: RawMap, sample: Truth): Judged | null {
  const times = Math.max(Math.floor(FINE / Math.max(map.rows, map.columns, 1)), 1);
  const [height, width] = [map.rows * times, map.columns * times];
  const inside = truthOf(sample, height, width);
  const weights = evidence(map);
  const half = LEVEL * largest(weights);
  if (!inside?.includes(1) || !(half > 0)) return null;
  return {values: finer(weights, map, height, width), inside, half};
}

/** As `metrics.interpolated` in Python: with all digits, since what is at half of the maximum may be so exactly. */
function finer(weights: Float64Array, {rows, columns}: RawMap, height: number, width: number): Float64Array {
  const values = new Float64Array(height * width);
  const along = (point: number, points: number, cells: number) => {
    const place = Math.min(Math.max(((point + 0.5) / points) * cells - 0.5, 0), cells - 1);
    const first = Math.floor(place);
    return {first, second: Math.min(first + 1, cells - 1), later: place - first};
  };
  const across = Array.from({length: width}, (_, point) => along(point, width, columns));
  for (let row = 0; row < height; row++) {
    const down = along(row, height, rows);
    across.forEach(({first, second, later}, column) => {
      // Down first and then across: the order of Python's axes.
      const at = (cell: number) =>
        weights[down.first * columns + cell]! * (1 - down.later) + weights[down.second * columns + cell]! * down.later;
      values[row * width + column] = at(first) * (1 - later) + at(second) * later;
    });
  }
  return values;
}

/** Energy-based pointing game (Wang et al., 2020, sec. 4.4): the share of evidence inside the truth; null without either. */
export function energyInside(map: RawMap, sample: Truth): number | null {
  const found = judged(map, sample);
  if (!found) return null;
  let within = 0;
  found.values.forEach((value, point) => {
    if (found.inside[point]) within += value;
  });
  return within / total(found.values);
}

/** Share of the evidence in a region by area, its hole left out, in [0, 1]; NaN without a region or evidence. */
export function shareIn(map: RawMap, region: Region | null): number {
  if (!region) return NaN;
  const weights = evidence(map);
  const sum = total(weights);
  if (!(sum > 0)) return NaN;
  const {x0, y0, x1, y1, hole} = region;
  const within = (box: readonly [number, number, number, number]) => {
    let inside = 0;
    weights.forEach((weight, cell) => {
      const column = cell % map.columns;
      const row = Math.floor(cell / map.columns);
      inside += weight * covered(column, map.columns, box[0], box[2]) * covered(row, map.rows, box[1], box[3]);
    });
    return inside / sum;
  };
  return within([x0, y0, x1, y1]) - (hole ? within(hole) : 0);
}

/** Which share of a cell lies between two fractions of the edge. */
function covered(cell: number, cells: number, from: number, to: number): number {
  return Math.max(Math.min(cell + 1, to * cells) - Math.max(cell, from * cells), 0);
}

/** Intersection over union of the truth and what has at least half of the largest evidence; null without either. */
export function iou(map: RawMap, sample: Truth): number | null {
  const found = judged(map, sample);
  if (!found) return null;
  let [both, either] = [0, 0];
  found.values.forEach((value, point) => {
    const covered = value >= found.half;
    if (covered && found.inside[point]) both++;
    if (covered || found.inside[point]) either++;
  });
  return both / either;
}

/** Intersection over union of the truth and what is drawn from `threshold` on; null without truth. */
export function iouFrom(map: RawMap, sample: Truth, limits: Limits, threshold: number, smooth = true): number | null {
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
