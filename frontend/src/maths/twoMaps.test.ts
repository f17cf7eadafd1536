import {describe, expect, it} from "vitest";
import {mapOf} from "./testMaps";
import {paintParts} from "./twoMaps";

const BLUE = [40, 140, 255] as const;
const ORANGE = [255, 125, 0] as const;
const LIMITS = {low: 0, high: 1};

/** Two pixels a cell of a map of one row, over a grey. */
function painted(label: number[], prediction: number[], grey = 60): number[][] {
  const width = label.length;
  const data = new Uint8ClampedArray(4 * width).fill(grey);
  paintParts({data, width, height: 1}, [
    {map: mapOf([label]), limits: LIMITS, color: BLUE},
    {map: mapOf([prediction]), limits: LIMITS, color: ORANGE},
  ]);
  return Array.from({length: width}, (_, pixel) => [...data.subarray(4 * pixel, 4 * pixel + 3)]);
}

describe("two maps over one photograph", () => {
  it("have a colour each, and leave the photograph where neither is", () => {
    const [blue, grey, orange] = painted([1, 0, 0], [0, 0, 1]);
    expect(blue![2]).toBeGreaterThan(blue![0]! + 120);
    expect(orange![0]).toBeGreaterThan(orange![2]! + 120);
    expect(grey).toEqual([60, 60, 60]);
  });

  it("are nearly white where both are, whatever is under them", () => {
    for (const grey of [18, 171])
      for (const channel of painted([1], [1], grey)[0]!) expect(channel).toBeGreaterThan(215);
  });

  it("are the stronger the more evidence there is", () => {
    const blues = painted([0, 0.25, 0.5, 0.75, 1], [0, 0, 0, 0, 0]).map(([red, , blue]) => blue! - red!);
    expect([...blues].sort((a, b) => a - b)).toEqual(blues);
    expect(new Set(blues).size).toBe(5);
  });
});
