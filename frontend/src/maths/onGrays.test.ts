import {describe, expect, it} from "vitest";
import type {Look} from "../types";
import {DEFAULTS} from "../state/settings";
import {dimToGray, paint} from "./compose";
import {graysOf, paintOnGrays} from "./onGrays";
import {casesOf, heatOf, mapOf} from "./testMaps";

const SIZE = {width: 40, height: 30};
const WHOLE = {left: 0, top: 0, ...SIZE};

function photograph(): Uint8ClampedArray {
  const data = Uint8ClampedArray.from({length: 4 * SIZE.width * SIZE.height}, (_, at) =>
    at % 4 === 3 ? 255 : (at * 37) % 256,
  );
  dimToGray(data);
  return data;
}

const LOOKS: Partial<Look>[] = [
  {},
  {opacity: 0.4},
  {alpha: "constant", opacity: 0.7},
  {gamma: 2},
  {threshold: 0.5},
  {threshold: 0.2, thresholdBy: "area"},
  {smooth: false},
  {colorMap: "viridis"},
];
describe("painting over greys", () => {
  it.each(casesOf(LOOKS))("equals painting over any photograph: %s, %d of the scale, %o", (kind, scale, some) => {
    const look = {...DEFAULTS, ...some} as Look;
    const {map, limits} = heatOf(kind, scale);
    const slow = {...SIZE, data: photograph()};
    paint(slow, map, look, limits, WHOLE, SIZE);
    const fast = {...SIZE, data: new Uint8ClampedArray(slow.data.length)};
    expect(paintOnGrays(fast, graysOf(photograph())!, map, look, limits, WHOLE, SIZE)).toBe(true);
    const apart = fast.data.map((value, at) => Math.abs(value - slow.data[at]!));
    expect(Math.max(...apart)).toBeLessThanOrEqual(1);
  });

  it("leaves to others what it can not do, and photographs that are not opaque", () => {
    const map = mapOf([[1, 0]]);
    const blank = {...SIZE, data: new Uint8ClampedArray(4 * SIZE.width * SIZE.height)};
    const grays = graysOf(photograph())!;
    const limits = {low: 0, high: 1};
    const contour = {...DEFAULTS, mode: "contour"} as Look;
    expect(paintOnGrays(blank, grays, map, contour, limits, WHOLE, SIZE)).toBe(false);
    expect(paintOnGrays(blank, grays, map, DEFAULTS, limits, {...WHOLE, left: 5}, SIZE)).toBe(false);
    expect(blank.data.every((one) => one === 0)).toBe(true);
    const clear = photograph();
    clear[7] = 200;
    expect(graysOf(clear)).toBeNull();
  });
});
