/** Numbers of maps that say how far they can be believed: what they are measured against, and which can be told apart. */

import {type BySample, difference, type Interval, interval, isOpen} from "../maths/bootstrap";
import type {NumberEntry} from "../types";
import type {Group} from "./store";
import {gainFirst} from "./measuredNames";
import {mapNumbers, numbersAt, numbersOf} from "./userNumbers";

export const RANDOM = "random_cam";

/** Numbers of which less is better. */
const FALLING = /^(average_drop|randomisation)/;

/** What a map that says nothing has, where no random map was logged. */
const ZERO: readonly (readonly [RegExp, number])[] = [
  [/^(gain|gain_head)(_|$)/, 0],
  [/^class_sensitivity$/, 0],
  [/^mosaic$/, 0.25],
];

/** A number's name as it is read. */
export function measureName(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** With its sign, where 0 is a map that says nothing. */
export function measured(name: string, value: number): string {
  const sign = ZERO.some(([pattern]) => pattern.test(name)) && value > 0 ? "+" : "";
  return Number.isFinite(value) ? `${sign}${value.toFixed(2)}`.replace("-", "−") : "–";
}

/** One number of the shown maps: what a tile has room for. */
export function badgeOf(group: Group): string | null {
  return gainFirst(mapNumbers(group))[0] ?? null;
}

/** A method at a layer, with the numbers of its maps at one step. */
export interface Measured {
  run: string;
  method: string;
  layer: string;
  step: number;
  bySample: BySample;
  interval: Interval;
}

function entriesOf({entry}: Group, name: string): NumberEntry[] {
  return entry.numbers.filter((one) => one.name === name && one.method);
}

/** All methods and layers of which a number was logged, at the kept step nearest to a step; null until all are here. */
export function methodsAt(group: Group, name: string, step: number): Measured[] | null {
  const all = entriesOf(group, name).map((own) => ({own, series: numbersOf(group, own)}));
  if (all.some(({series}) => !series)) return null;
  return all.map(({own: {method, layer}, series}) => {
    const found = numbersAt(series!, step);
    return {run: group.run, method, layer, ...found, interval: interval([...found.bySample.values()])};
  });
}

/** Run by run, best first; what has no number comes last. */
export function best(all: readonly Measured[], name: string): Measured[] {
  const sign = FALLING.test(name) ? 1 : -1;
  const runs = [...new Set(all.map(({run}) => run))];
  const rank = ({interval: {mean}}: Measured) => (Number.isFinite(mean) ? sign * mean : Number.POSITIVE_INFINITY);
  const order = (a: Measured, b: Measured) => runs.indexOf(a.run) - runs.indexOf(b.run) || rank(a) - rank(b);
  return [...all].sort(order);
}

export function isFalling(name: string): boolean {
  return FALLING.test(name);
}

/** What can't be told, in words: whether a row differs from the best, and from random maps of its layer. */
export function doubtsOf(row: Measured, ranked: readonly Measured[]): string[] {
  const first = ranked.find(({run}) => run === row.run);
  const random = ranked.find((one) => one.run === row.run && one.method === RANDOM && one.layer === row.layer);
  return [
    first && first !== row && isOpen(difference(row.bySample, first.bySample))
      ? "no clear difference from the best"
      : "",
    random && random !== row && isOpen(difference(row.bySample, random.bySample))
      ? "no clear difference from random"
      : "",
  ].filter(Boolean);
}

/** What a map that says nothing has: the mean of random maps at the same layer, else what the measure's definition says. */
export function zeroOf(group: Group, name: string, step: number): {value: number; isMeasured: boolean} | null {
  const layer = group.maps?.layer;
  const random = entriesOf(group, name).find((one) => one.method === RANDOM && one.layer === layer);
  const series = numbersOf(group, random);
  if (series) {
    const {
      interval: {mean},
    } = {interval: interval([...numbersAt(series, step).bySample.values()], 1)};
    if (Number.isFinite(mean)) return {value: mean, isMeasured: true};
  }
  const known = ZERO.find(([pattern]) => pattern.test(name));
  return known ? {value: known[1], isMeasured: false} : null;
}

/** The mean over the samples of the shown maps' number at a step, with its interval; null until it is here. */
export function meanOf(group: Group, name: string, step: number): Interval | null {
  const own = entriesOf(group, name).find(
    ({method, layer}) => method === group.maps?.method && layer === group.maps.layer,
  );
  const series = numbersOf(group, own);
  return series && interval([...numbersAt(series, step).bySample.values()], 300);
}
