/** Maps for the tests of this folder. */

import type {MapKind, RawMap} from "../types";

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
