/** Maps for the tests of this folder. */

import type {MapKind, MapSeries, RawMap} from "../types";

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
