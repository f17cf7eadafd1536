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

/**
 * An entry's raw values.
 *
 * Of a volume (depth, height, width) this is `slice`, by default the middle one; a map of one axis is one row.
 */
export function rawMap(series: MapSeries, entry: number, slice?: number): RawMap {
  const axes = shapeOf(series, entry);
  const channels = series.kind === "rgb" ? 3 : 1;
  const spatial = channels === 3 ? axes.slice(0, -1) : axes;
  const columns = spatial.at(-1) ?? 0;
  const rows = spatial.at(-2) ?? 1;
  const depth = spatial.slice(0, -2).reduce((product, axis) => product * axis, 1);
  const cells = rows * columns * channels;
  const chosen = Math.min(Math.max(slice ?? depth >> 1, 0), Math.max(depth - 1, 0));
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
  };
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
