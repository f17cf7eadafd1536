/** The difference of the two tiles that are compared closely. */

import type {Found} from "../api/loader";
import {difference} from "../maths/compare";
import type {Look, RawMap} from "../types";
import {currentLimits} from "./maps";
import type {Group} from "./store";

interface Minuend {
  group: Group;
  index: number;
  found: Found | null;
}

/** Mask A minus mask B under the chosen scale; null until both are here. */
export function differenceOf(a: Minuend, b: Minuend): RawMap | null {
  if (!a.found || !b.found) return null;
  const limits = [a, b].map(({found, group, index}) => currentLimits(found!, group, index));
  return difference(a.found.map, b.found.map, limits[0], limits[1]);
}

/** A difference is shown whole: neither cut nor outlined. */
export function lookOfDifference(look: Look): Look {
  return {...look, mode: look.mode === "map" ? "map" : "overlay", threshold: 0, thresholdBy: "value"};
}
