import {expect, test} from "vitest";

import {attentionMoved, blinking, difference, intersection, pearson} from "./compare";
import {mapOf} from "./testMaps";

const left = mapOf([[2, 0]]);
const right = mapOf([[0, 6]]);

test("a difference is mask minus mask, signed", () => {
  const map = difference(left, right);
  expect([...map.values]).toEqual([1, -1]);
  expect(map).toMatchObject({kind: "signed", minimum: -1, maximum: 1, rows: 1, columns: 2});
  expect([...difference(left, left).values]).toEqual([0, 0]);
});

test("with the same limits for both it is the difference of raw values", () => {
  const limits = {low: 0, high: 10};
  const values = [...difference(left, right, limits, limits).values];
  expect(values[0]).toBeCloseTo(0.2, 6);
  expect(values[1]).toBeCloseTo(-0.6, 6);
});

test("maps of two resolutions meet on the finer grid", () => {
  const fine = mapOf([[2, 2, 0, 0]]);
  expect(difference(left, fine)).toMatchObject({rows: 1, columns: 4});
  expect(pearson(left, fine)).toBeGreaterThan(0.9);
});

test("Pearson is 1 for the same picture at any scale, -1 for its opposite, NaN for none", () => {
  expect(pearson(mapOf([[1, 2, 3]]), mapOf([[10, 20, 30]]))).toBeCloseTo(1, 6);
  expect(pearson(left, right)).toBeCloseTo(-1, 6);
  expect(pearson(left, mapOf([[1, 1]]))).toBeNaN();
  const [x, y] = [
    [1, 4, 2, 8],
    [3, 1, 5, 9],
  ];
  const mean = (v: number[]) => v.reduce((a, b) => a + b) / v.length;
  const sum = (f: (i: number) => number) => x.reduce((all, _, i) => all + f(i), 0);
  const [mx, my] = [mean(x), mean(y)];
  const expected =
    sum((i) => (x[i]! - mx) * (y[i]! - my)) / Math.sqrt(sum((i) => (x[i]! - mx) ** 2) * sum((i) => (y[i]! - my) ** 2));
  expect(pearson(mapOf([x]), mapOf([y]))).toBeCloseTo(expected, 5);
});

test("attention moved by the share that has no counterpart", () => {
  expect(attentionMoved(left, mapOf([[7, 0]]))).toBeCloseTo(0, 6);
  expect(attentionMoved(left, right)).toBeCloseTo(1, 6);
  expect(attentionMoved(left, mapOf([[1, 1]]))).toBeCloseTo(0.5, 6);
  expect(attentionMoved(left, mapOf([[-1, 0]]))).toBeNaN();
  // by hand: (1, 2, 1)/4 and (3, 0, 1)/4 share 1/4 + 0 + 1/4
  expect(intersection(mapOf([[1, 2, 1]]), mapOf([[6, -5, 2]]))).toBeCloseTo(0.5, 6);
});

test("a blink goes to and fro once a second", () => {
  const shown = Array.from({length: 2000}, (_, elapsed) => blinking(elapsed));
  const changes = shown.filter((one, i) => i > 0 && one !== shown[i - 1]).length;
  expect(shown[0]).toBe("a");
  expect(changes).toBe(3);
});
