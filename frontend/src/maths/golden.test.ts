/** The numbers that Python is held to as well: tests/golden/metrics.json. */

import {readFileSync} from "node:fs";
import {expect, test} from "vitest";

import type {MapKind, RawMap, Sample} from "../types";
import {coverage, energyInside, entropy, iou, pointingGame} from "./metrics";

interface Case {
  name: string;
  kind: MapKind;
  rows: number;
  columns: number;
  values: (number | null)[];
  truth: {
    boxes: [number, number, number, number][];
    mask?: {height: number; width: number; cells: number[]};
  } | null;
  metrics: Record<"entropy" | "coverage" | "pointing_game" | "energy_inside" | "iou", number | null>;
}

const file = new URL("../../../tests/golden/metrics.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as Case[];

function mapOf({kind, rows, columns, values}: Case): RawMap {
  const raw = Float32Array.from(values, (value) => value ?? Number.NaN);
  const finite = raw.filter(Number.isFinite);
  const [minimum, maximum] = [Math.min(...finite), Math.max(...finite)];
  const nonFinite = raw.length - finite.length;
  return {kind, rows, columns, values: raw, minimum, maximum, nonFinite, target: -1, score: Number.NaN, step: 0};
}

function truthOf({truth}: Case): Pick<Sample, "boxes" | "mask"> {
  const mask = truth?.mask;
  return {
    boxes: (truth?.boxes ?? []).map(([x0, y0, x1, y1]) => ({x0, y0, x1, y1})),
    mask: mask ? ({...mask, depth: null, cells: Uint8Array.from(mask.cells)} as Sample["mask"]) : null,
  };
}

test.each(cases)("$name: every number is Python's", (one) => {
  const [map, truth] = [mapOf(one), truthOf(one)];
  const hit = pointingGame(map, truth);
  const found = {
    entropy: entropy(map),
    coverage: coverage(map),
    pointing_game: hit === null ? null : Number(hit),
    energy_inside: energyInside(map, truth),
    iou: iou(map, truth),
  };
  for (const [name, expected] of Object.entries(one.metrics)) {
    const value = found[name as keyof typeof found];
    if (expected === null) expect(Number.isFinite(value ?? Number.NaN), name).toBe(false);
    else expect(value, name).toBeCloseTo(expected, 6);
  }
});

test("there are cases of each kind, with boxes, masks and without", () => {
  expect(new Set(cases.map(({kind}) => kind))).toEqual(new Set(["positive", "signed", "rgb"]));
  expect(cases.length).toBeGreaterThan(15);
});
