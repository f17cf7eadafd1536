/** Maps for the tests of this folder. */

import type {Limits, Look, MapKind, MapSeries, RawMap} from "../types";

export function mapOf(rows: number[][], kind: MapKind = "positive"): RawMap {
  const values = Float32Array.from(rows.flat());
  const finite = [...values].filter(Number.isFinite);
  return {
    rows: rows.length,
    columns: rows[0]!.length,
    kind,
    values,
    minimum: finite.length ? Math.min(...finite) : NaN,
    maximum: finite.length ? Math.max(...finite) : NaN,
    nonFinite: values.length - finite.length,
    target: -1,
    score: NaN,
    step: 0,
  };
}

const SCALES = [1, 1.5, 0.7]; // of the map's own: just it, more, less

/** Each kind of map, on each scale, with each look. */
export function casesOf(looks: readonly Partial<Look>[]): (readonly [MapKind, number, Partial<Look>])[] {
  return (["positive", "signed"] as MapKind[]).flatMap((kind) =>
    looks.flatMap((look) => SCALES.map((scale) => [kind, scale, look] as const)),
  );
}

/** A map with all there can be in one, and its limits where its scale is as large as its own, or larger, or smaller. */
export function heatOf(kind: MapKind, scale: number): {map: RawMap; limits: Limits} {
  const map = mapOf(
    [
      [-0.4, 0.1, 0.9, 1.2],
      [0.3, Number.NaN, -1, 0.5],
      [0, 0.6, 0.02, 0.7],
    ],
    kind,
  );
  return {map, limits: kind === "signed" ? {low: -1.2 * scale, high: 1.2 * scale} : {low: 0, high: 1.2 * scale}};
}

/** A series of one sample's maps of one cell: each reaches from 0 to its maximum. */
export function mapSeries(maxima: readonly number[], kind: MapKind = "positive"): MapSeries {
  const count = maxima.length;
  return {
    run: "r",
    tag: "t",
    method: "m",
    layer: "l",
    kind,
    steps: Float64Array.from(maxima.keys()),
    wallTimes: new Float64Array(count),
    epochs: new Float32Array(count),
    ordinals: new Float64Array(count),
    cohort: new Int32Array(count),
    cohorts: ["c"],
    places: null,
    writers: [],
    replaced: [],
    notes: [],
    box: null,
    total: count,
    generation: "g",
    sampledDown: null,
    twoWriters: false,
    corrupt: [],
    first: Int32Array.from({length: count + 1}, (_, step) => step),
    sample: new Int32Array(count),
    target: new Int32Array(count).fill(-1),
    score: new Float32Array(count),
    minimum: Float32Array.from(maxima, (maximum) => 0 * maximum),
    maximum: Float32Array.from(maxima),
    nonFinite: null,
    shape: {data: new Int32Array(2 * count).fill(1), rows: count, columns: 2},
    offset: Int32Array.from(maxima.keys()),
    values: Uint8Array.from({length: count}, () => 255),
    names: [],
    name: null,
    nativeShape: null,
  };
}
