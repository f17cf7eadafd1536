import {describe, expect, it} from "vitest";
import {flipOf, rowsAround} from "./flip";

describe("the step at which a prediction flipped", () => {
  it("begins the stretch of equal predictions that a row is in", () => {
    expect(flipOf([0, 1, 0, 1, 1, 1, 0], 5)).toEqual({from: 3, before: 0, until: 6});
    expect(flipOf([2, 1, 1], 2)).toEqual({from: 1, before: 2, until: null});
  });

  it("is none where the class was predicted from the first step on", () => {
    expect(flipOf([1, 1, 1, 0], 1)).toEqual({from: 0, before: null, until: 3});
  });

  it("is looked for across rows without a prediction", () => {
    expect(flipOf([null, 0, null, 1, null, 1, null], 5)).toEqual({from: 3, before: 0, until: null});
    expect(flipOf([0, null], 1)).toBeNull();
  });

  it("is shown with the rows around it, as many as there are", () => {
    expect(rowsAround([0, 1, 2, 3, 4, 5, 6, 7], 4, 5)).toEqual([2, 3, 4, 5, 6]);
    expect(rowsAround([0, 1, 2, 3, 4, 5, 6, 7], 0, 5)).toEqual([0, 1, 2, 3, 4]);
    expect(rowsAround([0, 1, 2, 3, 4, 5, 6, 7], 7, 5)).toEqual([3, 4, 5, 6, 7]);
    expect(rowsAround([3, 9], 9, 5)).toEqual([3, 9]);
  });
});
