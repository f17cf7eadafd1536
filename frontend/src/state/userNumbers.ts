/** Numbers for each sample and step, of samples or of their maps: asked for when they are first looked at. */

import {signal} from "@preact/signals";
import {nearestStep} from "../maths/steps";
import type {NumberEntry, NumberSeries} from "../types";
import {client, type Group} from "./store";

interface Asked {
  maxStep: number;
  series: NumberSeries | null;
}

const asked = new Map<string, Asked>();
/** Counts what came: whoever shows numbers reads it. */
const came = signal(0);

/** The names of a group's numbers: those of its samples, then those of the maps that are shown. */
export function ownNumbers(group: Group): string[] {
  return [...new Set([...sampleNumbers(group), ...mapNumbers(group)])];
}

/** The names of a group's numbers of samples. */
export function sampleNumbers({entry}: Group): string[] {
  return entry.numbers.filter(({method}) => !method).map(({name}) => name);
}

/** The names of the numbers of the maps that a group shows: how far they can be believed. */
export function mapNumbers({entry, maps}: Group): string[] {
  return entry.numbers
    .filter(({method, layer}) => method && method === maps?.method && layer === maps.layer)
    .map(({name}) => name);
}

/** Where a group's number of a name stands in the log. */
function entryOf({entry, maps}: Group, name: string): NumberEntry | undefined {
  const named = entry.numbers.filter((one) => one.name === name);
  return (
    named.find(({method, layer}) => method && method === maps?.method && layer === maps.layer) ??
    named.find(({method}) => !method)
  );
}

/** A series of numbers, null until it is here; asked for again when there is more of it. */
export function numbersOf({run, tag}: Pick<Group, "run" | "tag">, own: NumberEntry | undefined): NumberSeries | null {
  came.value;
  if (!own) return null;
  const {name, method, layer} = own;
  const key = JSON.stringify([run, tag, name, method, layer]);
  const known = asked.get(key);
  if (known?.maxStep === own.maxStep) return known.series;
  asked.set(key, {maxStep: own.maxStep, series: known?.series ?? null});
  void client.numbers({run, tag, name, method, layer}).then(
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
  const series = numbersOf(group, entryOf(group, name));
  if (!series) return null;
  const points: (readonly [number, number])[] = [];
  series.steps.forEach((step, row) => {
    const value = valueIn(series, row, sample);
    if (value !== null) points.push([step, value]);
  });
  return points;
}

/** A sample's number at a step; null where it has none there. `target`: of the map of this class, where there are several. */
export function numberAt(group: Group, name: string, sample: number, step: number, target?: number): number | null {
  const series = numbersOf(group, entryOf(group, name));
  const row = series ? nearestStep(series.steps, step) : -1;
  return series && series.steps[row] === step ? valueIn(series, row, sample, target) : null;
}

/** All samples' numbers at the kept step nearest to a step, by place; of several maps of a sample, the first one's. */
export function numbersAt(series: NumberSeries, step: number): {step: number; bySample: Map<number, number>} {
  const row = nearestStep(series.steps, step);
  const bySample = new Map<number, number>();
  if (row < 0) return {step, bySample};
  for (let entry = series.first[row]!; entry < series.first[row + 1]!; entry++) {
    const [sample, value] = [series.sample[entry]!, series.value[entry]!];
    if (Number.isFinite(value) && !bySample.has(sample)) bySample.set(sample, value);
  }
  return {step: series.steps[row]!, bySample};
}

function valueIn(
  {first, sample, target: of, value}: NumberSeries,
  row: number,
  place: number,
  target?: number,
): number | null {
  let found: number | null = null;
  for (let entry = first[row]!; entry < first[row + 1]!; entry++) {
    if (sample[entry] !== place) continue;
    if (target === undefined || of?.[entry] === target) return value[entry]!;
    found ??= value[entry]!;
  }
  return found;
}
