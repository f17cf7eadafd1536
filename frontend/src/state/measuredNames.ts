/** Which numbers of maps there are in the runs on the page. */

import {computed} from "@preact/signals";
import {groups} from "./store";

/** Gains before others: they are what maps are compared by. */
export function gainFirst(names: readonly string[]): string[] {
  const isGain = (name: string) => name.startsWith("gain");
  return [...names.filter(isGain), ...names.filter((name) => !isGain(name))];
}

export const measuredNames = computed(() =>
  gainFirst([
    ...new Set(groups.value.flatMap(({entry}) => entry.numbers.filter(({method}) => method).map(({name}) => name))),
  ]),
);
