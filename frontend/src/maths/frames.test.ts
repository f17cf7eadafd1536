import {expect, test} from "vitest";

import {framesOf} from "./frames";

const steps = Array.from({length: 101}, (_, i) => i * 10);

test("all steps where they fit", () => {
  expect(framesOf([0, 5, 9], 5, 4)).toEqual([0, 5, 9]);
});

test.each([0, 10, 470, 480, 555, 990, 1000, -5, 2000])("first, last and shown are among the frames: %i", (shown) => {
  const frames = framesOf(steps, shown, 12);
  const nearest = Math.min(Math.max(Math.round((shown - 0.1) / 10) * 10, 0), 1000);
  expect(frames).toHaveLength(12);
  expect(new Set(frames).size).toBe(12);
  expect(frames[0]).toBe(0);
  expect(frames.at(-1)).toBe(1000);
  expect(frames).toContain(nearest);
  expect(frames).toEqual([...frames].sort((a, b) => a - b));
});
