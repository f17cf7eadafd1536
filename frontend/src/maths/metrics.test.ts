import {expect, test} from "vitest";

import {contourPath, contours} from "./contour";
import {limitsOf} from "./limits";
import {resized} from "./mask";
import {
  areaFrom,
  areaThreshold,
  cellAt,
  centerOfMass,
  energyInside,
  entropy,
  iouFrom,
  peak,
  percentile,
  pointingGame,
  shareIn,
  truthOf,
} from "./metrics";
import {mapOf} from "./testMaps";

const corner = mapOf([
  [0, 0, 0, 0],
  [0, 0, 0, 0],
  [0, 0, 0, 0],
  [0, 0, 0, 8],
]);
const box = (x0: number, y0: number, x1: number, y1: number) => ({boxes: [{x0, y0, x1, y1}], mask: null});

test("entropy of one cell is 0, of equal cells 1; negative evidence is none", () => {
  expect(entropy(corner)).toBe(0);
  expect(entropy(mapOf([[3]]))).toBe(0);
  expect(entropy(mapOf([[3, 3, 3, 3]]))).toBeCloseTo(1, 6);
  expect(entropy(mapOf([[3, -9, 3, NaN]]))).toBeCloseTo(0.5, 6);
  expect(entropy(mapOf([[3, -3]], "signed"))).toBeCloseTo(1, 6);
  expect(entropy(mapOf([[-1, -2]]))).toBeNaN();
});

test("the share in a region counts parts of cells by their area, and leaves its hole out", () => {
  const region = (x0: number, y0: number, x1: number, y1: number) => ({x0, y0, x1, y1, hole: null});
  const flat = mapOf([
    [1, 1],
    [1, -1],
  ]);
  expect(shareIn(flat, region(0, 0, 0.5, 0.5))).toBeCloseTo(1 / 3, 6);
  expect(shareIn(flat, region(0, 0, 0.25, 1))).toBeCloseTo(1 / 3, 6);
  expect(shareIn(flat, {...region(0, 0, 1, 1), hole: [0, 0, 0.5, 1]})).toBeCloseTo(1 / 3, 6);
  expect(shareIn(corner, region(0.75, 0.75, 1, 1))).toBe(1);
  expect(shareIn(mapOf([[0, -1]]), region(0, 0, 1, 1))).toBeNaN();
  expect(shareIn(corner, null)).toBeNaN();
});

test("the centre of mass is the weighted mean of the cells' centres", () => {
  expect(centerOfMass(corner)).toEqual({x: 0.875, y: 0.875});
  const {x, y} = centerOfMass(mapOf([[1, 0, 0, 3]]))!;
  expect(x).toBeCloseTo((0.125 * 1 + 0.875 * 3) / 4, 6);
  expect(y).toBe(0.5);
  expect(centerOfMass(mapOf([[-1, 0]]))).toBeNull();
});

test("the percentile is the share of finite cells at or below", () => {
  const map = mapOf([[1, 2, 3, 4, NaN]]);
  expect(percentile(map, 3)).toBe(75);
  expect(percentile(map, 0)).toBe(0);
  expect(percentile(mapOf([[NaN]]), 0)).toBeNaN();
});

test("a probe reads the cell under it", () => {
  expect(cellAt(corner, 0.99, 0.76)).toEqual({row: 3, column: 3, value: 8});
  expect(cellAt(corner, 1, 1)).toEqual({row: 3, column: 3, value: 8});
});

test("coverage of a ramp is what its threshold leaves", () => {
  const ramp = mapOf([Array.from({length: 96}, (_, i) => i)]);
  const limits = limitsOf(ramp);
  expect(areaFrom(ramp, limits, 0.75)).toBeCloseTo(0.25, 1);
  expect(areaFrom(ramp, limits, 0)).toBeCloseTo(95 / 96, 6); // what has no evidence is not covered
  expect(areaFrom(corner, limitsOf(corner), 0.5, false)).toBe(1 / 16);
});

test.each([0.05, 0.3, 0.9])("a threshold by area leaves %f of the area", (share) => {
  const map = mapOf(
    Array.from({length: 9}, (_, i) => Array.from({length: 9}, (_, j) => Math.abs(Math.sin(i * 9 + j)))),
  );
  const limits = limitsOf(map);
  const threshold = areaThreshold(map, limits, share);
  const mask = resized(map, 90, 90, limits);
  const inside = mask.filter((value) => value >= threshold).length / mask.length;
  expect(inside).toBeGreaterThan(share - 0.01);
  expect(inside).toBeLessThan(share + 0.01);
});

test("a threshold by area never takes in what has no evidence, and none of the area is none", () => {
  expect(areaFrom(corner, limitsOf(corner), areaThreshold(corner, limitsOf(corner), 0.5, false), false)).toBe(1 / 16);
  expect(areaThreshold(corner, limitsOf(corner), 1)).toBe(0);
  expect(areaThreshold(corner, limitsOf(corner), 0)).toBe(Infinity);
});

test("the pointing game asks whether the peak is inside", () => {
  expect(peak(corner)).toEqual({x: 0.875, y: 0.875});
  expect(pointingGame(corner, box(0.8, 0.8, 1, 1))).toBe(true);
  expect(pointingGame(corner, box(0, 0, 0.8, 0.8))).toBe(false);
  expect(pointingGame(corner, {boxes: [], mask: null})).toBeNull();
  expect(pointingGame(mapOf([[-1]]), box(0, 0, 1, 1))).toBeNull();
});

test("a mask decides where a sample has both", () => {
  const both = {...box(0, 0, 1, 1), mask: {height: 2, width: 2, cells: Uint8Array.of(1, 0, 0, 0)}};
  expect(pointingGame(corner, both)).toBe(false);
  expect([...truthOf(both, 2, 2)!]).toEqual([1, 0, 0, 0]);
});

test("energy inside is the evidence inside over all of it", () => {
  const even = mapOf([
    [5, 5],
    [5, 5],
  ]);
  expect(energyInside(even, box(0, 0, 0.5, 1))).toBeCloseTo(0.5, 6);
  expect(energyInside(even, box(0, 0, 0.25, 0.5))).toBeCloseTo(0.125, 6);
  const left = mapOf([[1, 0]]);
  expect(energyInside(left, box(0, 0, 0.5, 1))).toBeCloseTo(0.875, 2); // the ramp between the centres reaches over
  expect(energyInside(mapOf([[-1, 0]]), box(0, 0, 1, 1))).toBeNull();
});

test("energy is of evidence, not of the displayed range", () => {
  const raised = mapOf([
    [10, 11],
    [10, 11],
  ]);
  expect(energyInside(raised, box(0.5, 0, 1, 1))).toBeCloseTo(0.518, 2);
});

test("IoU counts what is inside both over what is inside either", () => {
  const truth = box(0.5, 0.5, 1, 1); // four of sixteen cells
  expect(iouFrom(corner, truth, limitsOf(corner), 0.5, false)).toBe(1 / 4);
  const small = box(0.75, 0.75, 0.875, 1); // half a cell
  expect(iouFrom(corner, small, limitsOf(corner), 0.5, false)).toBe(1 / 2);
  const half = mapOf([
    [1, 1],
    [0, 0],
  ]);
  expect(iouFrom(half, box(0, 0, 0.5, 1), limitsOf(half), 0.5, false)).toBeCloseTo(1 / 3, 6);
  expect(iouFrom(half, {boxes: [], mask: null}, limitsOf(half), 0.5)).toBeNull();
});

test("a contour encloses the area that it is the threshold of", () => {
  const size = 24;
  const distance = (i: number, j: number) => Math.hypot((i + 0.5) / size - 0.5, (j + 0.5) / size - 0.5);
  const cone = mapOf(Array.from({length: size}, (_, i) => Array.from({length: size}, (_, j) => 1 - distance(i, j))));
  const [ring, ...others] = contours(cone, {low: 0, high: 1}, 0.7);
  expect(others).toEqual([]);
  for (const {x, y} of ring!) expect(Math.hypot(x - 0.5, y - 0.5)).toBeCloseTo(0.3, 1.7);
  expect(contours(cone, {low: 0, high: 1}, 0)).toEqual([]);
  expect(
    contourPath(
      [
        [
          {x: 0, y: 0},
          {x: 0.5, y: 1},
        ],
      ],
      10,
      20,
    ),
  ).toBe("M0,0L5,20Z");
});

test("a threshold by area stands above what has no evidence and below the least that has some", () => {
  const faint = mapOf([[1, 1e-5, 0, 0]]);
  const threshold = areaThreshold(faint, limitsOf(faint), 0.75, false);
  expect(threshold).toBeGreaterThan(0);
  expect(threshold).toBeLessThanOrEqual(1e-5);
});
