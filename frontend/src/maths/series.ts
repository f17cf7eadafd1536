/** Maps out of a series of steps. */

import type {MapSeries, RawMap} from "../types";

/** Entries of one step (of one sample, where given), in the record's order. */
export function entriesOf(series: MapSeries, stepIndex: number, sample?: number): number[] {
  const entries: number[] = [];
  const end = series.first[stepIndex + 1] ?? 0;
  for (let entry = series.first[stepIndex] ?? 0; entry < end; entry++) {
    if (sample === undefined || series.sample[entry] === sample) entries.push(entry);
  }
  return entries;
}

/** The step that an entry belongs to. */
export function stepIndexOf(series: MapSeries, entry: number): number {
  let low = 0;
  let high = series.steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (series.first[middle]! <= entry) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Cells of an entry's axes without leading ones: [height, width], [depth, height, width] or [length]. */
export function shapeOf({shape, kind}: MapSeries, entry: number): number[] {
  const axes = Array.from(shape.data.subarray(entry * shape.columns, (entry + 1) * shape.columns));
  const least = kind === "rgb" ? 3 : 2;
  while (axes.length > least && axes[0] === 1) axes.shift();
  return axes;
}

/** Cells of an entry's axes: `depth` is 1 where it is no volume. */
export function sizeOf(series: MapSeries, entry: number): {depth: number; rows: number; columns: number} {
  const axes = shapeOf(series, entry);
  const spatial = series.kind === "rgb" ? axes.slice(0, -1) : axes;
  const depth = spatial.slice(0, -2).reduce((product, axis) => product * axis, 1);
  return {depth, rows: spatial.at(-2) ?? 1, columns: spatial.at(-1) ?? 0};
}

/** The slice of `depth` at a place from 0 to 1 of the depth. */
export function sliceAt(position: number, depth: number): number {
  return Math.min(Math.max(Math.floor(position * depth), 0), Math.max(depth - 1, 0));
}

/** The place in the depth that a slice's middle has. */
export function positionOf(slice: number, depth: number): number {
  return (slice + 0.5) / depth;
}

/**
 * An entry's raw values.
 *
 * Of a volume (depth, height, width) this is the slice at `position`, by default the one with the most evidence; a map
 * of one axis is one row.
 */
export function rawMap(series: MapSeries, entry: number, position: number | null = null): RawMap {
  const {depth, rows, columns} = sizeOf(series, entry);
  const cells = rows * columns * (series.kind === "rgb" ? 3 : 1);
  const chosen = position === null ? evidentSlice(series, entry, depth, cells) : sliceAt(position, depth);
  const minimum = series.minimum[entry]!;
  const maximum = series.maximum[entry]!;
  return {
    rows,
    columns,
    kind: series.kind,
    values: rawValues(series, series.offset[entry]! + chosen * cells, cells, minimum, maximum),
    minimum,
    maximum,
    nonFinite: series.nonFinite?.[entry] ?? 0,
    target: series.target[entry]!,
    score: series.score[entry]!,
    step: series.steps[stepIndexOf(series, entry)]!,
    ...(depth > 1 ? {slice: {depth, index: chosen, position: position ?? positionOf(chosen, depth)}} : {}),
  };
}

/** The slice with the largest sum of what speaks for the target, or of what speaks for or against it. */
function evidentSlice(series: MapSeries, entry: number, depth: number, cells: number): number {
  if (depth < 2) return 0;
  const weight = series.kind === "positive" ? (value: number) => Math.max(value, 0) : Math.abs;
  let [best, most] = [depth >> 1, 0];
  for (let slice = 0; slice < depth; slice++) {
    const sum = valuesOf(series, entry, slice * cells, cells).reduce((all, one) => all + (weight(one) || 0), 0);
    if (sum > most) [best, most] = [slice, sum];
  }
  return best;
}

/** Raw values of all of an entry's cells, slice by slice. */
export function volumeOf(series: MapSeries, entry: number): Float32Array {
  const {depth, rows, columns} = sizeOf(series, entry);
  return valuesOf(series, entry, 0, depth * rows * columns);
}

function valuesOf(series: MapSeries, entry: number, from: number, count: number): Float32Array {
  return rawValues(series, series.offset[entry]! + from, count, series.minimum[entry]!, series.maximum[entry]!);
}

function rawValues(series: MapSeries, from: number, cells: number, minimum: number, maximum: number): Float32Array {
  const stored = series.values.subarray(from, from + cells);
  if (stored instanceof Float32Array) return stored;
  const values = new Float32Array(cells);
  const scale = (maximum - minimum) / 255;
  for (let cell = 0; cell < cells; cell++) values[cell] = minimum + stored[cell]! * scale;
  return values;
}

/** What an entry explains, for people: its name, else its class, else "". */
export function targetName(series: MapSeries, entry: number, classNames: readonly string[]): string {
  const named = series.name ? series.names[series.name[entry]!] : undefined;
  if (named !== undefined) return named;
  const target = series.target[entry]!;
  return target < 0 ? "" : (classNames[target] ?? String(target));
}
