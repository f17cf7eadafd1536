import {expect, test} from "vitest";
import {difference, interval, isOpen} from "./bootstrap";

const many = Array.from({length: 400}, (_, index) => Math.sin(index * 12.9898) * 3 + 1);

test("the interval of a mean is that of the normal approximation where there are many samples", () => {
  const {mean, low, high, count} = interval(many, 4000);
  const spread = Math.sqrt(many.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (many.length - 1) / many.length);
  expect(count).toBe(400);
  expect(low).toBeCloseTo(mean - 1.96 * spread, 1);
  expect(high).toBeCloseTo(mean + 1.96 * spread, 1);
  expect(interval(many, 4000)).toEqual({mean, low, high, count});
});

test("what is not known is left out, and nothing known has no interval", () => {
  expect(interval([2, Number.NaN, 2])).toEqual({mean: 2, low: 2, high: 2, count: 2});
  expect(interval([Number.NaN])).toEqual({mean: Number.NaN, low: Number.NaN, high: Number.NaN, count: 0});
});

test("differences are those of the same samples: a small one is seen where the samples differ much", () => {
  const numbered = (values: readonly number[]) =>
    new Map(values.map((value, sample): [number, number] => [sample, value]));
  const first = numbered(many.map((value) => value + 0.01));
  const second = numbered([...many.slice(1), many[0]!]);
  const shifted = numbered(many);
  expect(isOpen(difference(first, shifted))).toBe(false);
  expect(difference(first, shifted).mean).toBeCloseTo(0.01, 6);
  expect(isOpen(difference(first, second))).toBe(true);
  expect(isOpen(difference(new Map([[1, 5]]), new Map([[1, 1]])))).toBe(true); // of one sample nothing follows
});
