import {expect, test} from "vitest";

import type {Cohort, Sample} from "../types";
import {byPlace, columnOf, placesAt, placesIn, samplesEver} from "./places";
import {mapSeries} from "./testMaps";

const cohort = {classNames: [], samples: ["a", "b", "c"].map((image) => ({image}) as Sample)} satisfies Cohort;

test("samples stand at their places, with holes for those that other steps have", () => {
  const placed = byPlace(cohort, Int32Array.of(4, 0, 2));
  expect([0, 1, 2, 3, 4].map((place) => placed.samples[place]?.image)).toEqual(["b", undefined, "c", undefined, "a"]);
  expect(placesIn(placed)).toEqual([0, 2, 4]);
  expect(byPlace(cohort, null)).toBe(cohort);
  expect(placesIn(cohort)).toEqual([0, 1, 2]);
});

test("the same cohort at the same places is the same object", () => {
  const places = Int32Array.of(2, 1, 0);
  expect(byPlace(cohort, places)).toBe(byPlace(cohort, places));
});

test("a place is found in a step's columns, or is not in it", () => {
  const places = Int32Array.of(4, 0, 2);
  expect([0, 1, 4].map((place) => columnOf(places, place))).toEqual([1, -1, 0]);
  expect(columnOf(null, 7)).toBe(7);
});

test("places belong to the cohort of the step, and all of them together are the samples ever logged", () => {
  const places = new Map([
    ["c", Int32Array.of(0, 1)],
    ["d", Int32Array.of(1, 5)],
  ]);
  const series = {...mapSeries([1, 1]), cohorts: ["c", "d"], cohort: Int32Array.of(1, 0), places};
  expect(placesAt(series, 0)).toEqual(Int32Array.of(1, 5));
  expect(placesAt(series, 1)).toEqual(Int32Array.of(0, 1));
  expect(samplesEver(series)).toBe(3);
  expect(samplesEver(mapSeries([1]))).toBeNull();
});
