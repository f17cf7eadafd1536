/** Two maps against each other. Maps of different resolutions meet on the finer grid. */

import type {Limits, RawMap} from "../types";
import {limitsOf} from "./limits";
import {resized} from "./mask";

function onCommonGrid(
  a: RawMap,
  b: RawMap,
  limitsA: Limits,
  limitsB: Limits,
): [Float32Array, Float32Array, number, number] {
  const rows = Math.max(a.rows, b.rows);
  const columns = Math.max(a.columns, b.columns);
  return [resized(a, rows, columns, limitsA), resized(b, rows, columns, limitsB), rows, columns];
}

/**
 * Mask A minus mask B, as a signed map in [-1, 1].
 *
 * Each map is scaled by its own limits unless others are given: raw scales of layers and methods can't be compared. Give
 * both the same limits to see the difference of raw values.
 */
export function difference(a: RawMap, b: RawMap, limitsA: Limits = limitsOf(a), limitsB: Limits = limitsOf(b)): RawMap {
  const [maskA, maskB, rows, columns] = onCommonGrid(a, b, limitsA, limitsB);
  const values = maskA.map((value, cell) => value - maskB[cell]!);
  return {
    rows,
    columns,
    kind: "signed",
    values,
    minimum: values.reduce((least, value) => Math.min(least, value), Infinity),
    maximum: values.reduce((most, value) => Math.max(most, value), -Infinity),
    nonFinite: a.nonFinite + b.nonFinite,
    target: a.target === b.target ? a.target : -1,
    score: NaN,
    step: a.step,
  };
}

/** The limits that a difference map is shown with: always -1 to 1, so that two differences can be compared. */
export const DIFFERENCE_LIMITS: Limits = {low: -1, high: 1};

/**
 * Pearson's correlation of two maps' values in [-1, 1]; NaN where one of them is flat.
 *
 * The linear correlation coefficient CC by which saliency maps are compared (Bylinskii et al., 2019, sec. 4.2.2,
 * https://arxiv.org/abs/1604.03605), of the maps as they are looked at: rectified where they are positive.
 */
export function pearson(a: RawMap, b: RawMap): number {
  const [x, y] = onCommonGrid(a, b, limitsOf(a), limitsOf(b));
  return cosineOf(centered(x), centered(y));
}

function fromZero(map: RawMap): Limits {
  const {low, high} = limitsOf(map);
  return map.kind === "positive" ? {low: 0, high} : {low, high};
}

function centered(values: Float32Array): Float32Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function cosineOf(x: Float32Array, y: Float32Array): number {
  let dot = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    dot += x[i]! * y[i]!;
    xx += x[i]! * x[i]!;
    yy += y[i]! * y[i]!;
  }
  const norm = Math.sqrt(xx * yy);
  return norm > 1e-12 ? Math.min(Math.max(dot / norm, -1), 1) : NaN;
}

/**
 * Histogram intersection of two maps' evidence, in [0, 1]; NaN where one of them has no evidence.
 *
 * The similarity SIM by which saliency maps are compared (Bylinskii et al., 2019, sec. 4.2.1): both maps' evidence is
 * made a distribution over the common grid; the answer is what they share. 1: the same places in the same proportions.
 */
export function intersection(a: RawMap, b: RawMap): number {
  const [x, y] = onCommonGrid(a, b, fromZero(a), fromZero(b));
  const p = distribution(x, a.kind !== "positive");
  const q = distribution(y, b.kind !== "positive");
  if (!p || !q) return NaN;
  let shared = 0;
  p.forEach((value, cell) => {
    shared += Math.min(value, q[cell]!);
  });
  return Math.min(shared, 1);
}

/**
 * How far attention moved between two maps, in [0, 1]: the share of it that would have to move (the total variation
 * distance of their evidence). It does not say how far over the picture it went: `centerOfMass` does.
 */
export function attentionMoved(a: RawMap, b: RawMap): number {
  return 1 - intersection(a, b);
}

function distribution(mask: Float32Array, signed: boolean): Float32Array | null {
  const weights = signed ? mask.map((value) => Math.abs(value * 2 - 1)) : mask;
  const sum = weights.reduce((all, value) => all + value, 0);
  return sum > 0 ? weights.map((value) => value / sum) : null;
}

/** Milliseconds that each of two blinking pictures stays: one cycle a second, where three flashes are the limit (WCAG 2.3.1). */
export const BLINK_MS = 500;

/** Which of two pictures a blink comparison shows `elapsed` milliseconds after it began. */
export function blinking(elapsed: number): "a" | "b" {
  return Math.floor(elapsed / BLINK_MS) % 2 ? "b" : "a";
}
