import {expect, test} from "vitest";

import {isFaint, usualPeak} from "./limits";
import {mapSeries} from "./testMaps";

test("a map that is all but zero beside its series is faint, one that is only weaker is not", () => {
  const usual = usualPeak(mapSeries([1, 0.9, 1.1, 1e-9, 0.03]));
  expect([1, 0.03, 0.02, 1e-9, 0].map((maximum) => isFaint({minimum: 0, maximum, kind: "positive"}, usual))).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
});

test("one spike does not make all the others faint", () => {
  const usual = usualPeak(mapSeries([...new Array(20).fill(1), 1e6]));
  expect(usual).toBe(1);
});

test("a signed map reaches as far as its larger side", () => {
  const usual = usualPeak(mapSeries([1, 1, 1]));
  expect(isFaint({minimum: -1, maximum: 1e-9, kind: "signed"}, usual)).toBe(false);
  expect(isFaint({minimum: -1, maximum: 1e-9, kind: "positive"}, usual)).toBe(true);
});

test("a series without evidence has no faint maps", () => {
  expect(usualPeak(mapSeries([0, 0, Number.NaN]))).toBe(0);
  expect(isFaint({minimum: 0, maximum: 1e-9, kind: "positive"}, 0)).toBe(false);
});
