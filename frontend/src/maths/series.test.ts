import {expect, test} from "vitest";

import type {MapSeries} from "../types";
import {limitsOfSeries} from "./limits";
import {entriesOf, rawMap, shapeOf, stepIndexOf, targetName} from "./series";

/** Two steps; sample 4 has two maps at the second. */
function series(patch: Partial<MapSeries> = {}): MapSeries {
  return {
    run: "r",
    tag: "t",
    method: "m",
    layer: "l",
    kind: "positive",
    steps: Float64Array.of(10, 25),
    wallTimes: new Float64Array(2),
    epochs: new Float32Array(2),
    ordinals: new Float64Array(2),
    cohort: new Int32Array(2),
    cohorts: ["c"],
    places: null,
    writers: [],
    replaced: [],
    notes: [],
    box: null,
    total: 2,
    generation: "g",
    sampledDown: null,
    twoWriters: false,
    corrupt: [],
    first: Int32Array.of(0, 1, 4),
    sample: Int32Array.of(4, 4, 4, 9),
    target: Int32Array.of(1, 0, 1, -1),
    score: Float32Array.of(1, 2, 3, 4),
    minimum: Float32Array.of(-1, 0, 2, NaN),
    maximum: Float32Array.of(1, 0, 7.1, NaN),
    nonFinite: Int32Array.of(0, 0, 0, 2),
    shape: {data: Int32Array.of(1, 2, 1, 2, 1, 2, 1, 2), rows: 4, columns: 2},
    offset: Int32Array.of(0, 2, 4, 6),
    values: Uint8Array.of(0, 255, 0, 0, 51, 255, 0, 0),
    names: ["cat minus dog"],
    name: Int32Array.of(-1, -1, 0, -1),
    nativeShape: null,
    ...patch,
  };
}

test("entries of a step, of one sample and of all", () => {
  expect(entriesOf(series(), 1)).toEqual([1, 2, 3]);
  expect(entriesOf(series(), 1, 4)).toEqual([1, 2]);
  expect(entriesOf(series(), 1, 5)).toEqual([]);
  expect(entriesOf(series(), 7)).toEqual([]);
});

test("an entry knows its step, also behind a step without entries", () => {
  expect([0, 1, 2, 3].map((entry) => stepIndexOf(series(), entry))).toEqual([0, 1, 1, 1]);
  const gap = series({steps: Float64Array.of(1, 2, 3), first: Int32Array.of(0, 2, 2, 4)});
  expect([0, 1, 2, 3].map((entry) => stepIndexOf(gap, entry))).toEqual([0, 0, 2, 2]);
});

test("raw values are minimum + value / 255 * (maximum - minimum)", () => {
  const map = rawMap(series(), 2);
  expect(map).toMatchObject({rows: 1, columns: 2, step: 25, target: 1, score: 3, nonFinite: 0});
  expect(map.values[0]).toBeCloseTo(2 + (51 / 255) * 5.1, 5);
  expect(map.values[1]).toBeCloseTo(7.1, 5);
});

test("values logged as floats are as they were", () => {
  const values = Float32Array.of(0.5, -0.5, 0, 0, 0, 0, NaN, 1);
  expect([...rawMap(series({values}), 0).values]).toEqual([0.5, -0.5]);
});

test("a volume is shown by a slice, by default the one with the most evidence", () => {
  const shape = {data: Int32Array.of(3, 1, 2), rows: 1, columns: 3};
  const volume = series({shape, values: Float32Array.of(1, 2, 9, -4, 5, 6), offset: Int32Array.of(0)});
  expect(shapeOf(volume, 0)).toEqual([3, 1, 2]);
  expect([...rawMap(volume, 0).values]).toEqual([5, 6]);
  expect(rawMap(volume, 0).slice).toEqual({depth: 3, index: 2, position: 2.5 / 3});
  expect([...rawMap({...volume, values: Float32Array.of(0, 2, 9, 4, 5, 6)}, 0).values]).toEqual([9, 4]);
  expect([...rawMap({...volume, values: new Float32Array(6)}, 0).values], "nothing anywhere: the middle").toEqual([
    0, 0,
  ]);
  expect([...rawMap(volume, 0, 0.4).values]).toEqual([9, -4]);
  expect([...rawMap(volume, 0, 1).values]).toEqual([5, 6]);
  expect(rawMap(series(), 0).slice).toBeUndefined();
});

test("a map of one axis is one row, and colours are no axis", () => {
  const line = series({shape: {data: Int32Array.of(1, 1, 2), rows: 1, columns: 3}});
  expect(rawMap(line, 0)).toMatchObject({rows: 1, columns: 2});
  const rgb = series({
    kind: "rgb",
    shape: {data: Int32Array.of(2, 1, 3), rows: 1, columns: 3},
    values: new Float32Array(6),
  });
  expect(rawMap(rgb, 0)).toMatchObject({rows: 2, columns: 1});
  expect(rawMap(rgb, 0).values.length).toBe(6);
});

test("targets are called by their name, else their class, else not at all", () => {
  expect([0, 1, 2, 3].map((entry) => targetName(series(), entry, ["cat"]))).toEqual(["1", "cat", "cat minus dog", ""]);
});

test("a series spans what its maps span, without those that have no finite value", () => {
  expect(limitsOfSeries(series(), 9)).toEqual({low: 0, high: 0});
  expect(limitsOfSeries(series()).low).toBe(0);
  expect(limitsOfSeries(series()).high).toBeCloseTo(7.1, 5);
  const signed = limitsOfSeries(series({kind: "signed"}), 4);
  expect(signed.low).toBeCloseTo(-7.1, 5);
});
