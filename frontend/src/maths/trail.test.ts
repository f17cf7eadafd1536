import {describe, expect, it} from "vitest";
import {nearestStop, type Stop} from "./trail";

/** A way to the right and back again, a little lower. */
const THERE_AND_BACK: Stop[] = [0.1, 0.3, 0.5, 0.7, 0.5, 0.3, 0.1].map((x, index) => ({
  x,
  y: index < 4 ? 0.5 : 0.5001,
  step: index * 10,
}));

describe("the trail", () => {
  it("is taken where the pointer is closest to it", () => {
    expect(nearestStop(THERE_AND_BACK, {x: 0.72, y: 0.4}, 0, 1)).toBe(3);
    expect(nearestStop([], {x: 0.5, y: 0.5}, 0, 1)).toBe(-1);
  });

  it("stays on its way where it comes by the same place again", () => {
    expect(nearestStop(THERE_AND_BACK, {x: 0.5, y: 0.5001}, 1, 1)).toBe(2);
    expect(nearestStop(THERE_AND_BACK, {x: 0.5, y: 0.5}, 5, 1)).toBe(4);
  });

  it("measures distances as they are seen, on pictures of any proportions", () => {
    const corner: Stop[] = [
      {x: 0.5, y: 0.2, step: 0},
      {x: 0.7, y: 0.5, step: 1},
    ];
    expect(nearestStop(corner, {x: 0.5, y: 0.5}, 0, 1)).toBe(1);
    expect(nearestStop(corner, {x: 0.5, y: 0.5}, 0, 4)).toBe(0);
  });
});
