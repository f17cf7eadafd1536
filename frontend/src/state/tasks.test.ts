import {expect, test} from "vitest";

import type {PredictionSeries, Sample} from "../types";
import {errorsOf, predictedOf} from "./tasks";

const NONE = {
  threshold: 0.5,
  setClasses: null,
  setProbabilities: null,
  values: null,
  boxes: null,
  boxClasses: null,
  boxScores: null,
  masks: null,
} as unknown as PredictionSeries;
const sample = {labels: [2, 4], values: [1, null]} as unknown as Sample;

test("a set says of each class whether it is predicted and whether it is true, most probable first", () => {
  const said = {
    ...NONE,
    setClasses: {data: Int32Array.of(0, 0, 0, 4, 2, -1), shape: [1, 2, 3]},
    setProbabilities: {data: Float32Array.of(0, 0, 0, 0.25, 0.75, NaN), shape: [1, 2, 3]},
  };
  expect(predictedOf(sample, said, 0, 1).set).toEqual([
    {class: 2, probability: 0.75, predicted: true, isTrue: true},
    {class: 4, probability: 0.25, predicted: false, isTrue: true},
  ]);
  expect(predictedOf({...sample, labels: null}, said, 0, 1).set![0]!.isTrue).toBeNull();
});

test("boxes end where they are not numbers, and each has its class and score", () => {
  const said = {
    ...NONE,
    boxes: {data: Float32Array.of(0, 0.25, 0.5, 1, NaN, NaN, NaN, NaN), shape: [1, 1, 2, 4]},
    boxClasses: {data: Int32Array.of(7, -1), shape: [1, 1, 2]},
    boxScores: {data: Float32Array.of(0.5, NaN), shape: [1, 1, 2]},
  };
  expect(predictedOf(sample, said, 0, 0).boxes).toEqual([{x0: 0, y0: 0.25, x1: 0.5, y1: 1, class: 7, score: 0.5}]);
});

test("a mask without a class is none", () => {
  const masks = {data: Int16Array.of(-1, -1, 3, 0), shape: [1, 2, 1, 2]};
  expect(predictedOf(sample, {...NONE, masks}, 0, 0).mask).toBeNull();
  expect(predictedOf(sample, {...NONE, masks}, 0, 1).mask).toEqual({height: 1, width: 2, cells: Int16Array.of(3, 0)});
});

test("an error is the prediction less the truth, where that is known", () => {
  expect(errorsOf(sample, [1.5, 3])).toEqual([0.5, null]);
});
