/** Samples by place: the number that is a sample's own at every step of a series (viewer/http_api.md). */

import type {Cohort, Sample, Steps} from "../types";

const placed = new WeakMap<Int32Array, {cohort: Cohort; byPlace: Cohort}>();
const columns = new WeakMap<Int32Array, ReadonlyMap<number, number>>();

/** The cohort with its samples by place; the same object each time. */
export function byPlace(cohort: Cohort, places: Int32Array | null): Cohort {
  if (!places) return cohort;
  const kept = placed.get(places);
  if (kept?.cohort === cohort) return kept.byPlace;
  const samples: Sample[] = [];
  cohort.samples.forEach((sample, index) => {
    const place = places[index];
    if (place !== undefined) samples[place] = sample;
  });
  const made = {...cohort, samples};
  placed.set(places, {cohort, byPlace: made});
  return made;
}

/** Where the arrays of a step have a place: its column, or -1. */
export function columnOf(places: Int32Array | null, place: number): number {
  if (!places) return place;
  let found = columns.get(places);
  if (!found) {
    found = new Map(Array.from(places, (one, column) => [one, column] as const));
    columns.set(places, found);
  }
  return found.get(place) ?? -1;
}

/** The places of a step's samples; null: as in the cohort. */
export function placesAt({places, cohorts, cohort}: Steps, row: number): Int32Array | null {
  return places?.get(cohorts[cohort[row] ?? 0] ?? "") ?? null;
}

/** How many samples a series has over all its steps; null where it has the same at each. */
export function samplesEver({places}: Steps): number | null {
  if (!places) return null;
  const all = new Set<number>();
  for (const row of places.values()) for (const place of row) all.add(place);
  return all.size;
}

/** The places that a cohort has samples at, ascending. */
export function placesIn({samples}: Cohort): number[] {
  const places: number[] = [];
  samples.forEach((_, place) => {
    places.push(place); // holes are gone past
  });
  return places;
}
