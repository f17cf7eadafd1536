/** Steps that were asked for with `after`, put behind those that are here already. */

import type {Lists, MapSeries, Matrix, PredictionSeries, Steps} from "../types";

type Numbers = Int16Array | Int32Array | Float32Array | Float64Array | Uint8Array;

function joined<T extends Numbers>(a: T, b: T): T {
  const both = new (a.constructor as new (length: number) => T)(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function filled<T extends Numbers>(like: T, length: number, value: number): T {
  return new (like.constructor as new (length: number) => T)(length).fill(value) as T;
}

function appendSteps(old: Steps, next: Steps): Steps {
  const cohorts = [...new Set([...old.cohorts, ...next.cohorts])];
  const renumbered = next.cohort.map((index) => cohorts.indexOf(next.cohorts[index]!));
  return {
    ...next,
    steps: joined(old.steps, next.steps),
    wallTimes: joined(old.wallTimes, next.wallTimes),
    epochs: joined(old.epochs, next.epochs),
    ordinals: joined(old.ordinals, next.ordinals),
    cohort: joined(old.cohort, renumbered),
    cohorts,
    places: old.places || next.places ? new Map([...(old.places ?? []), ...(next.places ?? [])]) : null,
    notes: [...old.notes, ...next.notes],
    corrupt: next.corrupt, // the server names all of a series'
    total: next.total ?? old.total,
  };
}

/** Whether `next` continues `old`: the server's numbering is the same, and nothing is there twice. */
function continues(old: Steps, next: Steps): boolean {
  return old.generation === next.generation && !(next.steps[0]! <= (old.steps.at(-1) ?? -Infinity));
}

/** `old` with the later steps of `next`; null where they don't fit together and all must be asked for again. */
export function appendMaps(old: MapSeries, next: MapSeries): MapSeries | null {
  if (!continues(old, next) || old.values.constructor !== next.values.constructor) return null;
  const entries = old.sample.length;
  const names = [...old.names, ...next.names];
  return {
    ...next,
    ...appendSteps(old, next),
    first: joined(
      old.first,
      next.first.subarray(1).map((first) => first + entries),
    ),
    sample: joined(old.sample, next.sample),
    target: joined(old.target, next.target),
    score: joined(old.score, next.score),
    minimum: joined(old.minimum, next.minimum),
    maximum: joined(old.maximum, next.maximum),
    box: old.box || next.box ? joined(boxOf(old), boxOf(next)) : null,
    nonFinite: old.nonFinite || next.nonFinite ? joined(orZeros(old), orZeros(next)) : null,
    shape: joinedShapes(old.shape, next.shape),
    offset: joined(
      old.offset,
      next.offset.map((offset) => offset + old.values.length),
    ),
    values: joined(old.values, next.values),
    names,
    name: old.name || next.name ? joined(namesOf(old, 0), namesOf(next, old.names.length)) : null,
    nativeShape: next.nativeShape ?? old.nativeShape,
  };
}

function boxOf({box, sample}: MapSeries): Int32Array {
  return box ?? filled(sample, sample.length, -1);
}

function orZeros({nonFinite, sample}: MapSeries): Int32Array {
  return nonFinite ?? new Int32Array(sample.length);
}

function namesOf({name, sample}: MapSeries, shift: number): Int32Array {
  return name ? name.map((index) => (index < 0 ? -1 : index + shift)) : filled(sample, sample.length, -1);
}

/** Shorter shapes get leading ones, as in the packet. */
function joinedShapes(a: Matrix<Int32Array>, b: Matrix<Int32Array>): Matrix<Int32Array> {
  const columns = Math.max(a.columns, b.columns);
  return {
    data: joined(widened(a, columns, 1, "start"), widened(b, columns, 1, "start")),
    rows: a.rows + b.rows,
    columns,
  };
}

function widened<T extends Numbers>(
  {data, rows, columns}: Matrix<T>,
  wanted: number,
  pad: number,
  side: "start" | "end",
): T {
  if (columns === wanted) return data;
  const wide = filled(data, rows * wanted, pad);
  const shift = side === "start" ? wanted - columns : 0;
  for (let row = 0; row < rows; row++) {
    wide.set(data.subarray(row * columns, (row + 1) * columns), row * wanted + shift);
  }
  return wide;
}

/** As `appendMaps`. A step with fewer samples is padded, as in the packet. */
export function appendPredictions(old: PredictionSeries, next: PredictionSeries): PredictionSeries | null {
  if (!continues(old, next)) return null;
  const rows: [number, number] = [old.steps.length, next.steps.length];
  const topCount = Math.max(old.topCount, next.topCount);
  return {
    ...next,
    ...appendSteps(old, next),
    setClasses: joinedLists(old.setClasses, next.setClasses, rows, -1),
    setProbabilities: joinedLists(old.setProbabilities, next.setProbabilities, rows, NaN),
    values: joinedLists(old.values, next.values, rows, NaN),
    boxes: joinedLists(old.boxes, next.boxes, rows, NaN),
    boxClasses: joinedLists(old.boxClasses, next.boxClasses, rows, -1),
    boxScores: joinedLists(old.boxScores, next.boxScores, rows, NaN),
    masks: joinedLists(old.masks, next.masks, rows, -1),
    prediction: joinedRows(old.prediction, next.prediction, rows, -1),
    probability: joinedRows(old.probability, next.probability, rows, NaN),
    labelProbability: joinedRows(old.labelProbability, next.labelProbability, rows, NaN),
    loss: joinedRows(old.loss, next.loss, rows, NaN),
    topClasses:
      joinedRows(topOf(old, old.topClasses, topCount, -1), topOf(next, next.topClasses, topCount, -1), rows, -1)
        ?.data ?? null,
    topProbabilities:
      joinedRows(
        topOf(old, old.topProbabilities, topCount, NaN),
        topOf(next, next.topProbabilities, topCount, NaN),
        rows,
        NaN,
      )?.data ?? null,
    topCount,
  };
}

function joinedRows<T extends Numbers>(
  a: Matrix<T> | null,
  b: Matrix<T> | null,
  rows: [number, number],
  pad: number,
): Matrix<T> | null {
  const like = a ?? b;
  if (!like) return null;
  const columns = Math.max(a?.columns ?? 0, b?.columns ?? 0);
  const part = (matrix: Matrix<T> | null, count: number) =>
    matrix ? widened(matrix, columns, pad, "end") : filled(like.data, count * columns, pad);
  return {data: joined(part(a, rows[0]), part(b, rows[1])), rows: rows[0] + rows[1], columns};
}

/** Lists of all steps, padded to the longest of each axis. */
function joinedLists<T extends Numbers>(
  a: Lists<T> | null,
  b: Lists<T> | null,
  rows: [number, number],
  pad: number,
): Lists<T> | null {
  const like = a ?? b;
  if (!like) return null;
  const inner = like.shape.slice(1).map((_, axis) => Math.max(a?.shape[axis + 1] ?? 0, b?.shape[axis + 1] ?? 0));
  const shape = [rows[0] + rows[1], ...inner];
  const data = filled(
    like.data,
    shape.reduce((all, axis) => all * axis, 1),
    pad,
  );
  if (a) lay(a, data, shape, 0);
  if (b) lay(b, data, shape, rows[0]);
  return {data, shape};
}

/** Copy lists into larger ones from a step on. */
function lay<T extends Numbers>({data, shape}: Lists<T>, into: T, wide: readonly number[], row: number): void {
  const run = shape.at(-1)!;
  const count = run ? data.length / run : 0;
  for (let index = 0; index < count; index++) {
    let [rest, at, step] = [index, 0, wide.at(-1)!];
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      at += ((rest % shape[axis]!) + (axis === 0 ? row : 0)) * step;
      rest = Math.floor(rest / shape[axis]!);
      step *= wide[axis]!;
    }
    into.set(data.subarray(index * run, (index + 1) * run), at);
  }
}

/** A top-k array [S, N, K] as rows of N * `topCount` numbers. */
function topOf<T extends Numbers>(
  series: PredictionSeries,
  top: T | null,
  topCount: number,
  pad: number,
): Matrix<T> | null {
  const rows = series.steps.length;
  if (!top || !rows || !series.topCount) return null;
  const samples = top.length / rows / series.topCount;
  const data = widened({data: top, rows: rows * samples, columns: series.topCount}, topCount, pad, "end");
  return {data, rows, columns: samples * topCount};
}
