/** Numbers about maps, and their curves over the steps. */

import {thresholdOf} from "../maths/compose";
import {limitsOf} from "../maths/limits";
import {
  areaFrom,
  cellAt,
  centerOfMass,
  coverage,
  energyInside,
  entropy,
  iou,
  iouFrom,
  type Place,
  pointingGame,
} from "../maths/metrics";
import {entriesOf, rawMap} from "../maths/series";
import type {Limits, Look, MapSeries, RawMap, Sample} from "../types";

export const METRICS = [
  "entropy",
  "coverage",
  "x",
  "y",
  "pointing",
  "energy",
  "iou",
  "area",
  "iouFrom",
  "pin",
] as const;
export type Metric = (typeof METRICS)[number];

/** What a number depends on beside the map. */
interface Setting {
  sample: Sample;
  look: Look;
  limits: Limits | null; // null: the map's own
  pin: Place | null;
}

/** One number about a map; NaN where it has none. */
export function measured(metric: Metric, map: RawMap, {sample, look, limits, pin}: Setting): number {
  const spans = limits ?? limitsOf(map);
  switch (metric) {
    case "entropy":
      return entropy(map);
    case "coverage":
      return coverage(map);
    case "area":
      return areaFrom(map, spans, thresholdOf(map, look, spans), look.smooth);
    case "x":
    case "y":
      return centerOfMass(map)?.[metric] ?? Number.NaN;
    case "pointing":
      return numberOf(pointingGame(map, sample));
    case "energy":
      return energyInside(map, sample) ?? Number.NaN;
    case "iou":
      return iou(map, sample) ?? Number.NaN;
    case "iouFrom":
      return iouFrom(map, sample, spans, thresholdOf(map, look, spans), look.smooth) ?? Number.NaN;
    case "pin":
      return pin ? cellAt(map, pin.x, pin.y).value : Number.NaN;
  }
}

function numberOf(hit: boolean | null): number {
  return hit === null ? Number.NaN : Number(hit);
}

/** A sample's entry at each kept step that has one (of the class that `targetAt` names there, where it names one). */
export function entriesOver(
  series: MapSeries,
  sample: number,
  targetAt: (step: number) => number | null = () => null,
): {step: number; entry: number}[] {
  const found: {step: number; entry: number}[] = [];
  series.steps.forEach((step, index) => {
    const own = entriesOf(series, index, sample);
    const target = targetAt(step);
    const entry = target === null ? own[0] : own.find((one) => series.target[one] === target);
    if (entry !== undefined) found.push({step, entry});
  });
  return found;
}

/** At most `most` of `items`, evenly apart, with the first and the last. */
export function thinned<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({length: most}, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!);
}

export function mapOfEntry(series: MapSeries, entry: number): RawMap {
  return rawMap(series, entry);
}

/** Whether a threshold was chosen: then IoU is told for it as well. */
export function isCut({threshold, thresholdBy}: Pick<Look, "threshold" | "thresholdBy">): boolean {
  return threshold > 0 || thresholdBy === "area";
}
