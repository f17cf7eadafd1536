/** The raw values that a mask's 0 and 1 stand for (`heatmap.value_range` in Python). */

import type {Limits, MapKind, MapSeries, RawMap} from "../types";

/** What one map spans by itself: its rectified range, or one symmetric around 0 where signs are meant. */
export function limitsOf({minimum, maximum, kind}: Pick<RawMap, "minimum" | "maximum" | "kind">): Limits {
  if (!(Number.isFinite(minimum) && Number.isFinite(maximum))) return {low: 0, high: 0};
  if (kind === "positive") return {low: Math.max(minimum, 0), high: Math.max(maximum, 0)};
  const peak = Math.max(Math.abs(minimum), Math.abs(maximum));
  return {low: -peak, high: peak};
}

/** What a series spans over all its steps: of one sample, or of all that are in it. */
export function limitsOfSeries(series: MapSeries, sample?: number): Limits {
  const range = new Range(series.kind);
  for (let entry = 0; entry < series.sample.length; entry++) {
    if (sample === undefined || series.sample[entry] === sample)
      range.add(series.minimum[entry]!, series.maximum[entry]!);
  }
  return range.limits;
}

/** The span of all of `limits`; ranges of maps without a finite value (0 to 0) count only where there is no other. */
export function unionOfLimits(limits: readonly Limits[]): Limits {
  const spans = limits.filter(({low, high}) => low !== 0 || high !== 0);
  if (!spans.length) return {low: 0, high: 0};
  return {low: Math.min(...spans.map(({low}) => low)), high: Math.max(...spans.map(({high}) => high))};
}

/** A map that reaches less than this share of its series' usual peak is all but zero beside it. */
export const FAINT = 0.02;
const USUAL = 0.9; // of a series' maps reach no more than its usual peak: a single spike does not make the others faint

const peaks = new WeakMap<MapSeries, number>();

/** How far a map reaches from 0; 0 where it holds nothing that is shown. */
export function peakOf(map: Pick<RawMap, "minimum" | "maximum" | "kind">): number {
  return limitsOf(map).high;
}

/** The peak that nine in ten of a series' maps don't exceed; 0 where it has none. */
export function usualPeak(series: MapSeries): number {
  const kept = peaks.get(series);
  if (kept !== undefined) return kept;
  const {kind, minimum, maximum} = series;
  const own = Float64Array.from(minimum, (low, entry) => peakOf({kind, minimum: low, maximum: maximum[entry]!}))
    .filter((peak) => peak > 0)
    .sort();
  const usual = own[Math.ceil(USUAL * own.length) - 1] ?? 0;
  peaks.set(series, usual);
  return usual;
}

/** Whether a map is all but zero beside the others of its series. */
export function isFaint(map: Pick<RawMap, "minimum" | "maximum" | "kind">, usual: number): boolean {
  const peak = peakOf(map);
  return peak > 0 && peak < FAINT * usual;
}

class Range {
  minimum = Infinity;
  maximum = -Infinity;

  constructor(readonly kind: MapKind) {}

  add(minimum: number, maximum: number): void {
    if (minimum < this.minimum) this.minimum = minimum;
    if (maximum > this.maximum) this.maximum = maximum;
  }

  get limits(): Limits {
    return limitsOf(this);
  }
}

/** What must be said of a map beside its picture; null where nothing. */
export function flaw(
  map: RawMap,
): "no finite value" | "some values are not finite" | "all negative" | "all zero" | "flat" | null {
  if (!Number.isFinite(map.minimum) || !Number.isFinite(map.maximum)) return "no finite value";
  if (map.nonFinite > 0) return "some values are not finite";
  if (map.minimum === 0 && map.maximum === 0) return "all zero";
  if (map.kind === "positive" && map.maximum <= 0) return "all negative";
  return map.minimum === map.maximum ? "flat" : null;
}
