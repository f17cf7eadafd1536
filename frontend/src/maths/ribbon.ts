/** The ribbon over the steps: where things stand on it, as SVG paths in pixels. */

import type {Finding, Timeline} from "../api/findings";

/** Pixels at either end that the playhead's grip needs, half its width. */
export const INSET = 6;

/** Where a step stands on an axis of `width` pixels. */
export function placeOn(axis: ArrayLike<number>, width: number): (step: number) => number {
  const first = axis[0] ?? 0;
  const span = Math.max((axis[axis.length - 1] ?? 0) - first, 1);
  return (step) => INSET + ((step - first) / span) * Math.max(width - 2 * INSET, 1);
}

/** The step number under a pixel, which need not be a logged one. */
export function stepUnder(axis: ArrayLike<number>, width: number, x: number): number {
  const first = axis[0] ?? 0;
  const span = Math.max((axis[axis.length - 1] ?? 0) - first, 1);
  return first + ((x - INSET) / Math.max(width - 2 * INSET, 1)) * span;
}

type Points = readonly (readonly [x: number, y: number])[];

/** The stretches of a series without gaps, as points. */
function stretches(xs: readonly number[], values: readonly (number | null)[], y: (value: number) => number): Points[] {
  const all: [number, number][][] = [];
  let open: [number, number][] | null = null;
  values.forEach((value, index) => {
    if (value === null) {
      open = null;
      return;
    }
    const point: [number, number] = [xs[index]!, y(value)];
    if (open) open.push(point);
    else {
      open = [point];
      all.push(open);
    }
  });
  return all;
}

function text(points: Points): string {
  return points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
}

/** A line through the values, broken at gaps; a value that stands alone is a dash of two pixels. */
export function linePath(
  xs: readonly number[],
  values: readonly (number | null)[],
  y: (value: number) => number,
): string {
  return stretches(xs, values, y)
    .map((points) => `M${text(points)}${points.length > 1 ? "" : "h2"}`)
    .join("");
}

/** The area between the values and the baseline. */
export function areaPath(
  xs: readonly number[],
  values: readonly (number | null)[],
  y: (value: number) => number,
  base: number,
): string {
  return stretches(xs, values, y)
    .filter((points) => points.length > 1)
    .map((points) => `M${points[0]![0].toFixed(1)} ${base}L${text(points)}L${points.at(-1)![0].toFixed(1)} ${base}Z`)
    .join("");
}

/** Bars from the baseline down, each of at most `most` pixels. */
export function barsPath(
  xs: readonly number[],
  values: readonly (number | null)[],
  largest: number,
  base: number,
  most: number,
): string {
  return values
    .map((value, index) =>
      value === null || !(largest > 0)
        ? ""
        : `M${xs[index]!.toFixed(1)} ${base}v${Math.max((most * value) / largest, 0.5).toFixed(1)}`,
    )
    .join("");
}

/** Round steps for the axis between the first and the last, at least `apart` pixels from each other and from those. */
export function roundSteps(axis: ArrayLike<number>, width: number, apart: number): number[] {
  const [first, last] = [axis[0] ?? 0, axis[axis.length - 1] ?? 0];
  const place = placeOn(axis, width);
  const least = ((last - first) * apart) / Math.max(width - 2 * INSET, 1);
  if (!(least > 0) || width < 3 * apart) return [];
  const unit = 10 ** Math.floor(Math.log10(least));
  const by = Math.max([1, 2, 5, 10].map((times) => times * unit).find((one) => one >= least) ?? 10 * unit, 1);
  const steps: number[] = [];
  for (let step = Math.ceil(first / by) * by; step < last; step += by) {
    const far = place(step) - place(first) >= apart * 0.6 && place(last) - place(step) >= apart * 0.6;
    if (far) steps.push(step);
  }
  return steps;
}

/** A step from which on something is different. */
export interface Flag {
  run: string;
  step: number;
  row: number;
  sentences: string[]; // of the findings that hold since then
}

/** A run's flags, the first step first: where its attention changed, and since when each of its findings holds. */
export function flagsOf(
  run: string,
  row: number,
  timeline: Pick<Timeline, "step" | "flag"> | null,
  findings: readonly Pick<Finding, "run" | "since" | "sentence">[],
): Flag[] {
  const found = new Map<number, Flag>();
  const at = (step: number) => {
    const flag = found.get(step) ?? {run, step, row, sentences: []};
    found.set(step, flag);
    return flag;
  };
  timeline?.step.filter((_, index) => timeline.flag[index]).forEach(at);
  for (const finding of findings) {
    if (finding.run === run && finding.since !== null) at(finding.since).sentences.push(`${finding.sentence}.`);
  }
  return [...found.values()].sort((a, b) => a.step - b.step);
}

/** The next flag before (-1) or behind (1) a step; null where there is none. */
export function nextFlag(flags: readonly number[], from: number, by: 1 | -1): number | null {
  const beyond = flags.filter((flag) => (by > 0 ? flag > from : flag < from));
  return beyond.length ? (by > 0 ? Math.min(...beyond) : Math.max(...beyond)) : null;
}

/** The median of what is known; null where nothing is. */
export function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (!known.length) return null;
  return (known[(known.length - 1) >> 1]! + known[known.length >> 1]!) / 2;
}
