import {expect, test} from "vitest";

import type {Coordinates} from "../types";
import {specFrom, specText} from "./spec";

const spec: Coordinates = {
  run: "a&b=c",
  tag: "val/x",
  sample: 3,
  method: "grad_cam",
  layer: "layer4.1",
  target: null,
  step: null,
};

test("a tile's name says which tile it is", () => {
  expect(specFrom(specText(spec))).toEqual(spec);
  expect(specFrom(specText({...spec, target: 0, step: 0}))).toEqual({...spec, target: 0, step: 0});
});

test.each([null, "", "run=a&tag=b", "run=a&tag=b&sample=x", "tag=b&sample=1"])("%j names no tile", (text) => {
  expect(specFrom(text)).toBeNull();
});
