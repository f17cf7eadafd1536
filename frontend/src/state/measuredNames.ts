/** Which numbers of maps there are in the runs on the page. */

import {computed} from "@preact/signals";
import {groups} from "./store";

export const measuredNames = computed(() => [
  ...new Set(groups.value.flatMap(({entry}) => entry.numbers.filter(({method}) => method).map(({name}) => name))),
]);
