/** Numbers of the user's own for each sample and step: asked for when they are first looked at. */

import {signal} from "@preact/signals";
import {nearestStep} from "../maths/steps";
import type {NumberSeries} from "../types";
import {client, type Group} from "./store";

interface Asked {
  maxStep: number;
  series: NumberSeries | null;
}

const asked = new Map<string, Asked>();
/** Counts what came: whoever shows numbers reads it. */
const came = signal(0);

/** The names of a group's numbers of samples. */
export function ownNumbers({entry}: Group): string[] {
  return entry.numbers.filter(({method}) => !method).map(({name}) => name);
}

/** A series of numbers, null until it is here; asked for again when there is more of it. */
function seriesOf({run, tag, entry}: Group, name: string): NumberSeries | null {
  came.value;
  const own = entry.numbers.find((one) => one.name === name && !one.method);
  if (!own) return null;
  const key = JSON.stringify([run, tag, name]);
  const known = asked.get(key);
  if (known?.maxStep === own.maxStep) return known.series;
  asked.set(key, {maxStep: own.maxStep, series: known?.series ?? null});
  void client.numbers(run, tag, name).then(
    (series) => {
      asked.set(key, {maxStep: own.maxStep, series});
      came.value++;
    },
    () => {}, // what is here stays; the next step asks again
  );
  return known?.series ?? null;
}

/** A sample's number over the steps at which it has one; null until it is here. */
export function numberOver(
  group: Group,
  name: string,
  sample: number,
): (readonly [step: number, value: number])[] | null {
  const series = seriesOf(group, name);
  if (!series) return null;
  const points: (readonly [number, number])[] = [];
  series.steps.forEach((step, row) => {
    const value = valueIn(series, row, sample);
    if (value !== null) points.push([step, value]);
  });
  return points;
}

/** A sample's number at a step; null where it has none there. */
export function numberAt(group: Group, name: string, sample: number, step: number): number | null {
  const series = seriesOf(group, name);
  const row = series ? nearestStep(series.steps, step) : -1;
  return series && series.steps[row] === step ? valueIn(series, row, sample) : null;
}

function valueIn({first, sample, value}: NumberSeries, row: number, place: number): number | null {
  for (let entry = first[row]!; entry < first[row + 1]!; entry++) {
    if (sample[entry] === place) return value[entry]!;
  }
  return null;
}
