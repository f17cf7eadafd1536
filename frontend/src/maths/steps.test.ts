import {expect, test} from "vitest";

import {limitsOf, unionOfLimits, flaw} from "./limits";
import {axisOf, nearestStep, stepUnion} from "./steps";
import {mapOf} from "./testMaps";

test("the nearest step is what a plain search finds, the lower of two", () => {
  const steps = Float64Array.of(0, 10, 11, 40, 1000);
  for (let step = -5; step < 1010; step++) {
    const distances = Array.from(steps, (one) => Math.abs(one - step));
    expect(nearestStep(steps, step)).toBe(distances.indexOf(Math.min(...distances)));
  }
  expect(nearestStep([], 3)).toBe(-1);
});

test("a union has every step once, in order", () => {
  expect([...stepUnion([[0, 10, 200], Float64Array.of(5, 10), []])]).toEqual([0, 5, 10, 200]);
  expect([...stepUnion([])]).toEqual([]);
});

test("an axis ends at the last step of the maps, also while only predictions are here, which lack it", () => {
  expect([...axisOf({mapped: null, said: null, last: 30})]).toEqual([30]);
  expect([...axisOf({mapped: null, said: Float64Array.of(0, 10, 20), last: 30})]).toEqual([0, 10, 20, 30]);
  expect([...axisOf({mapped: null, said: Float64Array.of(0, 10, 20, 30, 40), last: 30})]).toEqual([0, 10, 20, 30]);
  expect([...axisOf({mapped: Float64Array.of(0, 15, 30), said: Float64Array.of(0, 10), last: 30})]).toEqual([
    0, 15, 30,
  ]);
  expect([...axisOf({mapped: null, said: Float64Array.of(0, 10), last: null})]).toEqual([0, 10]);
});

test("limits of one map", () => {
  expect(limitsOf(mapOf([[-1, 3]]))).toEqual({low: 0, high: 3});
  expect(limitsOf(mapOf([[1, 3]]))).toEqual({low: 1, high: 3});
  expect(limitsOf(mapOf([[-3, 1]], "signed"))).toEqual({low: -3, high: 3});
  expect(limitsOf(mapOf([[-3, -1]]))).toEqual({low: 0, high: 0});
  expect(limitsOf(mapOf([[NaN, NaN]]))).toEqual({low: 0, high: 0});
});

test("a union of limits passes over maps without a value", () => {
  expect(
    unionOfLimits([
      {low: 1, high: 2},
      {low: 0, high: 0},
      {low: 0.5, high: 1},
    ]),
  ).toEqual({low: 0.5, high: 2});
  expect(unionOfLimits([])).toEqual({low: 0, high: 0});
});

test.each([
  [[[1, 2]], null],
  [[[NaN, NaN]], "no finite value"],
  [[[NaN, 2]], "some values are not finite"],
  [[[-2, -1]], "all negative"],
  [[[2, 2]], "flat"],
  [[[0, 0]], "all zero"],
] as const)("what is to be said of %j", (rows, expected) => {
  expect(flaw(mapOf(rows.map((row) => [...row])))).toBe(expected);
});
