import {expect, test} from "vitest";

import {entriesOf, rawMap, targetName} from "../maths/series";
import type {MapSeries} from "../types";
import {appendMaps, appendPredictions} from "./merge";
import {decodeMaps, decodePredictions} from "./packet";
import {type MadeUp, mapsPacket, predictionsPacket} from "./testServer";

const MADE: MadeUp = {steps: [0, 10, 20, 30], samples: 2, generation: "g"};

function mapsOf(made: MadeUp, query: Record<string, string> = {}): MapSeries {
  return decodeMaps(mapsPacket(made, new URLSearchParams(query)).slice().buffer as ArrayBuffer);
}

function predictionsOf(made: MadeUp, query: Record<string, string> = {}) {
  return decodePredictions(predictionsPacket(made, new URLSearchParams(query)).slice().buffer as ArrayBuffer);
}

const early: MadeUp = {...MADE, steps: [0, 10]};

test("steps put behind others are the whole series", () => {
  expect(appendMaps(mapsOf(early), mapsOf(MADE, {after: "10"}))).toEqual(mapsOf(MADE));
  expect(appendPredictions(predictionsOf(early), predictionsOf(MADE, {after: "10"}))).toEqual(predictionsOf(MADE));
});

test("nothing new changes nothing", () => {
  expect(appendMaps(mapsOf(MADE), mapsOf(MADE, {after: "30"}))).toEqual(mapsOf(MADE));
});

test("another generation does not fit", () => {
  expect(appendMaps(mapsOf(early), mapsOf({...MADE, generation: "h"}, {after: "10"}))).toBeNull();
  expect(appendPredictions(predictionsOf(early), predictionsOf({...MADE, generation: "h"}, {after: "10"}))).toBeNull();
});

test("steps that are here already do not fit", () => {
  expect(appendMaps(mapsOf(early), mapsOf(MADE))).toBeNull();
});

test("cohorts and names keep their meaning", () => {
  const old = {...mapsOf(early), cohorts: ["c0"], names: ["cat"], name: Int32Array.of(0, -1, 0, -1)};
  const next = mapsOf(MADE, {after: "10"});
  const other = {
    ...next,
    cohorts: ["c1", "c0"],
    cohort: Int32Array.of(0, 1),
    names: ["dog"],
    name: Int32Array.of(-1, 0, 0, 0),
  };
  const both = appendMaps(old, other)!;
  expect(Array.from(both.cohort, (index) => both.cohorts[index])).toEqual(["c0", "c0", "c1", "c0"]);
  const names = Array.from(both.sample, (_, entry) => targetName(both, entry, ["zero", "one"]));
  expect(names).toEqual(["cat", "one", "cat", "one", "one", "dog", "dog", "dog"]);
});

test("more samples than before are padded before", () => {
  const both = appendPredictions(predictionsOf(early), predictionsOf({...MADE, samples: 3}, {after: "10"}))!;
  expect([...both.prediction!.data]).toEqual([0, 1, -1, 10, 11, -1, 20, 21, 22, 30, 31, 32]);
  expect(both.probability!.data[2]).toBeNaN();
  expect(both.topClasses!.length).toBe(4 * 3 * 2);
  expect([...both.topClasses!.subarray(0, 6)]).toEqual([0, 1, 1, 2, -1, -1]);
});

test("shapes of a lower rank get leading ones", () => {
  const next = mapsOf(MADE, {after: "10"});
  const volumes = {...next, shape: {data: Int32Array.of(1, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 1), rows: 4, columns: 3}};
  const both = appendMaps(mapsOf(early), volumes)!;
  expect([...both.shape.data.subarray(0, 3)]).toEqual([1, 2, 2]);
  const [entry] = entriesOf(both, 0, 1);
  expect([...rawMap(both, entry!).values]).toEqual([0, 1, 0, 1]);
});

test("what can't be read is named once, as the last answer has it, and so is the count of what was written", () => {
  const damaged = (step: number) => ({step, message: "checksum mismatch"});
  const old = {...mapsOf(early), corrupt: [damaged(5)], total: 2};
  const next = {...mapsOf(MADE, {after: "10"}), corrupt: [damaged(5), damaged(25)], total: 5};
  expect(appendMaps(old, next)).toMatchObject({corrupt: [damaged(5), damaged(25)], total: 5});
  expect(appendMaps(old, {...next, corrupt: []})).toMatchObject({corrupt: []});
  expect(appendMaps(old, {...next, total: null})).toMatchObject({total: 2});
});

test("places are those of all cohorts", () => {
  const old = {...mapsOf(early), cohorts: ["a"], places: new Map([["a", Int32Array.of(0, 1)]])};
  const next = {...mapsOf(MADE, {after: "10"}), cohorts: ["b"], places: new Map([["b", Int32Array.of(1, 0)]])};
  const places = appendMaps(old, next)!.places;
  expect([...places!]).toEqual([
    ["a", Int32Array.of(0, 1)],
    ["b", Int32Array.of(1, 0)],
  ]);
  expect(appendMaps(mapsOf(early), mapsOf(MADE, {after: "10"}))!.places).toBeNull();
});
