/** What the ribbon over the steps shows of each run, and its flags. */

import {computed, signal} from "@preact/signals";
import type {Timeline} from "../api/findings";
import {type Flag, flagsOf, nextFlag} from "../maths/ribbon";
import {nearestStep} from "../maths/steps";
import {answer, clearFindings, soughtSeries} from "./findings";
import {announce, change, goTo, lastStep, loader, step} from "./store";

export const MOST_ROWS = 5;

/** A run of the ribbon; without a timeline, its kept steps are all that is known. */
export interface Row {
  run: string;
  kept: Float64Array | null;
  timeline: Timeline | null;
  samples: number;
  isInside: boolean; // there is ground truth, so the area is the share inside it; else how far attention moved
}

/** How many runs have a row: known before anything of them is here, so that nothing jumps. */
export const rowCount = computed(() => Math.min(Math.max(soughtSeries.value.length, 1), MOST_ROWS));

export const rows = computed<Row[]>(() => {
  loader.arrivals.value;
  const known = new Map(answer.value.value?.runs.map((one) => [one.run, one]));
  return soughtSeries.value.slice(0, MOST_ROWS).map((key) => {
    const one = known.get(key.run);
    const timeline = one?.timeline.step?.length ? (one.timeline as Timeline) : null;
    const isInside = timeline?.inside.some((value) => value !== null) ?? false;
    return {run: key.run, kept: loader.stepsOf(key), timeline, samples: one?.samples ?? 0, isInside};
  });
});

export const flags = computed<Flag[]>(() =>
  rows.value.flatMap(({run, timeline}, row) => flagsOf(run, row, timeline, clearFindings.value)),
);

/** The flag whose card is shown: under the pointer, or gone to by key. */
export const flagShown = signal<Flag | null>(null);

/** A run's numbers at the kept step nearest to a step; null where nothing is known. */
export function numbersAt({timeline}: Row, at: number) {
  const index = timeline ? nearestStep(timeline.step, at) : -1;
  if (!timeline || index < 0) return null;
  const {inside, moved, accuracy, expected_inside: expected} = timeline;
  return {
    index,
    step: timeline.step[index]!,
    inside: inside[index] ?? null,
    expected: expected[index] ?? null,
    moved: moved[index] ?? null,
    accuracy: accuracy[index] ?? null,
  };
}

/** Go to the flag before or behind the shown step, and show what changed there. */
export function goToFlag(by: 1 | -1): void {
  const next = nextFlag(
    flags.value.map((flag) => flag.step),
    step.value,
    by,
  );
  const flag = flags.value.find((one) => one.step === next);
  if (!flag) {
    announce(flags.value.length ? "No more changes" : "No changes found");
    return;
  }
  if (flag.step >= lastStep.value) change({step: flag.step});
  else goTo(flag.step);
  flagShown.value = flag;
  announce(`${flag.run} changed at step ${flag.step}`);
}
