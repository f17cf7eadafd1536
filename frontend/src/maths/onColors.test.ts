import {describe, expect, it} from "vitest";
import {DEFAULTS} from "../state/settings";
import type {Look} from "../types";
import {paint} from "./compose";
import {opaqueOf, paintOnColors} from "./onColors";
import {casesOf, heatOf, mapOf} from "./testMaps";

const SIZE = {width: 40, height: 30};
const WHOLE = {left: 0, top: 0, ...SIZE};

/** Every brightness of each channel, beside others. */
function photograph(): Uint8ClampedArray {
  return Uint8ClampedArray.from({length: 4 * SIZE.width * SIZE.height}, (_, at) =>
    at % 4 === 3 ? 255 : (at * [37, 91, 151][at % 4]!) % 256,
  );
}

const LOOKS: Partial<Look>[] = [
  {},
  {opacity: 0.4},
  {opacity: 0},
  {alpha: "constant", opacity: 1},
  {gamma: 2},
  {threshold: 0.5},
  {threshold: 0.2, thresholdBy: "area"},
  {smooth: false},
  {mode: "spotlight"},
  {mode: "spotlight", threshold: 0.5},
];
describe("painting over opaque photographs", () => {
  it.each(casesOf(LOOKS))("equals painting over any: %s, %d of the scale, %o", (kind, scale, some) => {
    const look = {...DEFAULTS, photo: "color", ...some} as Look;
    const {map, limits} = heatOf(kind, scale);
    const slow = {...SIZE, data: photograph()};
    paint(slow, map, look, limits, WHOLE, SIZE);
    const fast = {...SIZE, data: new Uint8ClampedArray(slow.data.length)};
    expect(paintOnColors(fast, opaqueOf(photograph())!, map, look, limits, WHOLE, SIZE)).toBe(true);
    const apart = fast.data.map((value, at) => Math.abs(value - slow.data[at]!));
    expect(Math.max(...apart)).toBeLessThanOrEqual(1);
  });

  it("leaves to others what it can not do, and photographs that are not opaque", () => {
    const blank = {...SIZE, data: new Uint8ClampedArray(4 * SIZE.width * SIZE.height)};
    const below = opaqueOf(photograph())!;
    const contour = {...DEFAULTS, mode: "contour"} as Look;
    const limits = {low: 0, high: 1};
    expect(paintOnColors(blank, below, mapOf([[1, 0]]), contour, limits, WHOLE, SIZE)).toBe(false);
    expect(paintOnColors(blank, below, mapOf([[1, 0]]), DEFAULTS, limits, {...WHOLE, left: 5}, SIZE)).toBe(false);
    expect(blank.data.every((one) => one === 0)).toBe(true);
    const clear = photograph();
    clear[7] = 200;
    expect(opaqueOf(clear)).toBeNull();
  });
});
