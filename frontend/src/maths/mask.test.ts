import {expect, test} from "vitest";

import {limitsOf} from "./limits";
import {maskAt, resized, strengthGrid, valueAt} from "./mask";
import {mapOf} from "./testMaps";

const UNIT = {low: 0, high: 1};

test("two cells to six pixels: half-pixel centres, edges held", () => {
  const mask = resized(mapOf([[0, 1]]), 1, 6, UNIT);
  // Pixel i lies at (i + 0.5) / 3 - 0.5 cells: -1/3 (held at 0), 0, 1/3, 2/3, 1, 4/3 (held at 1).
  const expected = [0, 0, 1 / 3, 2 / 3, 1, 1];
  for (const [i, value] of mask.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
});

test("nearest shows cell floor(i * w / W), as OpenCV does, and no rounding moves an edge", () => {
  const cells = Array.from({length: 7}, (_, i) => i / 6);
  const mask = resized(mapOf([cells]), 1, 100, UNIT, false);
  for (const [i, value] of mask.entries()) expect(value).toBeCloseTo(Math.floor((i * 7) / 100) / 6, 6);
});

test("a cell's value stands at its centre", () => {
  const map = mapOf([
    [1, 2],
    [3, 4],
  ]);
  expect(valueAt(map, 0.75, 0.25)).toBe(2);
  expect(valueAt(map, 0.5, 0.5)).toBe(2.5);
  expect(valueAt(map, 0.49, 0.9, 0, false)).toBe(3);
});

test("cells are rectified before they are mixed, unless signs are meant", () => {
  expect(valueAt(mapOf([[-4, 2]]), 0.5, 0.5)).toBe(1);
  expect(valueAt(mapOf([[-4, 2]], "signed"), 0.5, 0.5)).toBe(-1);
});

test("cells that are not finite count as the lower limit", () => {
  expect(maskAt(mapOf([[NaN, 3]]), 0.25, 0.5, {low: 1, high: 3}, true)).toBe(0);
  expect(maskAt(mapOf([[Infinity, 3]], "signed"), 0.25, 0.5, {low: -3, high: 3}, true)).toBe(0);
});

test("a flat range is 0, or the middle where signs are meant", () => {
  const flat = {low: 2, high: 2};
  expect(maskAt(mapOf([[2, 2]]), 0.5, 0.5, flat, true)).toBe(0);
  expect(maskAt(mapOf([[2, 2]], "signed"), 0.5, 0.5, flat, true)).toBe(0.5);
});

test("the grid for areas is kept with the map until what it depends on changes", () => {
  const map = mapOf([[0, 1]]);
  const grid = strengthGrid(map, limitsOf(map), true);
  expect(strengthGrid(map, limitsOf(map), true)).toBe(grid);
  expect(strengthGrid(map, {low: 0, high: 2}, true)).not.toBe(grid);
  expect(grid).toMatchObject({height: 48, width: 96});
  expect(strengthGrid(map, limitsOf(map), false)).toMatchObject({height: 1, width: 2});
});

test("of a colour map, the mask is the channel farthest from the middle", () => {
  const map = {...mapOf([[0, 0, 0]], "rgb"), columns: 1, values: Float32Array.of(0.1, -0.9, 0.5)};
  expect(resized(map, 1, 1, {low: -1, high: 1})[0]).toBeCloseTo(0.05, 6);
});
