/** The way samples are looked at: as chosen, or what there is to see. */

import {computed} from "@preact/signals";
import {indexIn, castAt} from "./samples";
import type {Cohort} from "../types";
import type {View} from "./settings";
import {arrivals, type Group, groups, settings, step} from "./store";

const wanted = computed(() => settings.value.view);

/** Runs that logged the same samples are there to be compared. */
const comparable = computed(() => {
  arrivals.value;
  const [first, ...others] = groups.value;
  const second = others.find(({tag}) => tag === first?.tag);
  return first !== undefined && second !== undefined && shareSamples(first, second);
});

/** Until both lists are here: runs that log under one name mostly do. */
function shareSamples(a: Group, b: Group): boolean {
  const [own, other] = [castAt(a, step.value), castAt(b, step.value)];
  if (!own || !other) return true;
  return areAlike(own.cohort, other.cohort);
}

const known = new WeakMap<Cohort, WeakMap<Cohort, boolean>>();

/** Whether most samples of both lists are the same: others would have no place in a comparison. */
function areAlike(a: Cohort, b: Cohort): boolean {
  const own = known.get(a) ?? new WeakMap<Cohort, boolean>();
  known.set(a, own);
  const found = own.get(b) ?? countShared(a, b) * 2 > Math.max(a.samples.length, b.samples.length);
  own.set(b, found);
  return found;
}

function countShared(own: Cohort, other: Cohort): number {
  const {samples} = own;
  if (own === other) return samples.length;
  return samples.filter((sample, index) => indexIn(other, sample, index) >= 0).length;
}

export const view = computed<View>(() => wanted.value ?? (comparable.value ? "compare" : "grid"));

/** Whether the middle holds tiles that can be filtered and ordered. */
export const showsSamples = computed(() => view.value === "grid" || view.value === "compare");
