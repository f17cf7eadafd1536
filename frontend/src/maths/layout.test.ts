import {expect, test} from "vitest";

import {boxRatio, groupsAbreast, justified} from "./layout";

const GAP = 12;
const item = (perHeight: number) => ({perHeight, fixed: 0});

/** Items of each row, told apart by where the widths would pass the edge, as the page wraps them. */
function rowsOf(places: {width: number; height: number}[], width: number) {
  const rows: (typeof places)[] = [];
  let used = Infinity;
  for (const place of places) {
    if (used + GAP + place.width > width) {
      rows.push([]);
      used = -GAP;
    }
    used += GAP + place.width;
    rows.at(-1)!.push(place);
  }
  return rows;
}

test("rows of mixed proportions have one height each and fill the width to the pixel", () => {
  const ratios = [90 / 480, 2000 / 1200, 1, 640 / 427, 1, 0.75, 3, 1, 0.5, 1.2, 1, 1].map((ratio) =>
    item(boxRatio(ratio, 1)),
  );
  const rows = rowsOf(justified(ratios, 1000, 180, GAP), 1000);
  expect(rows.length).toBeGreaterThan(1);
  for (const row of rows) expect(new Set(row.map(({height}) => height)).size).toBe(1);
  for (const row of rows.slice(0, -1)) {
    expect(row.reduce((sum, {width}) => sum + width, 0) + GAP * (row.length - 1)).toBe(1000);
    expect(row[0]!.height).toBeGreaterThanOrEqual(180);
  }
});

test("tiles of one proportion stand in columns, the last row too", () => {
  const places = justified(
    Array.from({length: 8}, () => item(1)),
    1000,
    180,
    GAP,
  );
  const rows = rowsOf(places, 1000);
  expect(rows.map((row) => row.length)).toEqual([5, 3]);
  expect(rows[1]![0]!.height).toBe(rows[0]![0]!.height);
});

test("a picture alone is not blown up beyond its row, and one that is wider than the page fits", () => {
  expect(justified([item(1)], 1000, 180, GAP)).toEqual([{width: 180, height: 180}]);
  expect(justified([item(3)], 400, 180, GAP)[0]!.width).toBe(400);
});

test.each([
  [1160, 2, 3],
  [828, 2, 2],
  [600, 2, 1],
  [1160, 7, 1],
  [100, 2, 1],
])("%i pixels hold groups of %i tiles %i abreast", (width, across, expected) => {
  expect(groupsAbreast(width, across, 180, {inside: 4, between: 20})).toBe(expected);
});
