import {describe, expect, it} from "vitest";
import {areaPath, barsPath, flagsOf, linePath, median, nextFlag, placeOn, roundSteps, stepUnder} from "./ribbon";

describe("the ribbon", () => {
  it("puts the first and the last step where the playhead's grip still fits", () => {
    const place = placeOn([10, 20, 110], 212);
    expect([place(10), place(20), place(110)]).toEqual([6, 26, 206]);
    expect(stepUnder([10, 20, 110], 212, 26)).toBeCloseTo(20);
    expect(placeOn([5], 100)(5)).toBe(6);
  });

  it("breaks lines and areas at gaps, and shows a value that stands alone", () => {
    const y = (value: number) => 10 - value;
    expect(linePath([0, 1, 2, 3], [1, 2, null, 4], y)).toBe("M0.0 9.0L1.0 8.0M3.0 6.0h2");
    expect(areaPath([0, 1, 2, 3], [1, 2, null, 4], y, 10)).toBe("M0.0 10L0.0 9.0L1.0 8.0L1.0 10Z");
  });

  it("draws the largest movement as long as there is room, and none without any", () => {
    expect(barsPath([0, 1, 2], [null, 0.5, 0.25], 0.5, 20, 5)).toBe("M1.0 20v5.0M2.0 20v2.5");
    expect(barsPath([0], [0], 0, 20, 5)).toBe("");
  });

  it("labels round steps that keep away from each other and from both ends", () => {
    expect(roundSteps([10, 400], 840, 90)).toEqual([50, 100, 150, 200, 250, 300, 350]);
    expect(roundSteps([0, 29500], 800, 90)).toEqual([5000, 10000, 15000, 20000, 25000]);
    expect(roundSteps([0, 3], 900, 90)).toEqual([1, 2]);
    expect(roundSteps([0], 900, 90)).toEqual([]);
    expect(roundSteps([0, 100], 100, 90)).toEqual([]);
  });

  it("goes from next or previous flag, and nowhere behind the last", () => {
    expect([nextFlag([150, 30], 30, 1), nextFlag([150, 30], 100, -1), nextFlag([30], 30, 1)]).toEqual([150, 30, null]);
  });

  it("flags where attention changed and since when findings hold, each step once and in order", () => {
    const timeline = {step: [0, 10, 20, 30], flag: [0, 1, 0, 1]};
    const findings = [
      {run: "a", since: 30, sentence: "It looks at the corner"},
      {run: "a", since: 30, sentence: "It fell"},
      {run: "a", since: 0, sentence: "It is dark"},
      {run: "a", since: null, sentence: "It is so at every step"},
      {run: "b", since: 20, sentence: "Another run's"},
    ];
    expect(flagsOf("a", 1, timeline, findings)).toEqual([
      {run: "a", row: 1, step: 0, sentences: ["It is dark."]},
      {run: "a", row: 1, step: 10, sentences: []},
      {run: "a", row: 1, step: 30, sentences: ["It looks at the corner.", "It fell."]},
    ]);
    expect(flagsOf("b", 0, null, findings).map(({step}) => step)).toEqual([20]);
  });

  it("takes the median of what is known", () => {
    expect([median([null, 1, 3]), median([5, 1, 2]), median([null])]).toEqual([2, 2, null]);
  });
});
