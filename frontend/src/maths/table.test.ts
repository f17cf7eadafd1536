import {expect, test} from "vitest";

import {chosenWith, firstAxes, limited, numbersIn, tablesOf, turned, type Values} from "./table";

const VALUES: Values = {
  run: ["a", "b"],
  tag: ["val"],
  layer: ["layer3", "layer4"],
  method: ["grad_cam"],
  target: [null],
  step: [0, 50, 100],
  sample: [4, 2],
};

test("a cell is its row, its column, and what is the same in the whole table", () => {
  const [table] = tablesOf({...VALUES, layer: ["layer4"], sample: [2]}, "run", "step");
  expect(table!.cells.map((row) => row.map(({run, step}) => `${run}${step}`))).toEqual([
    ["a0", "a50", "a100"],
    ["b0", "b50", "b100"],
  ]);
  expect(table!.cells[1]![2]).toEqual({
    run: "b",
    tag: "val",
    layer: "layer4",
    method: "grad_cam",
    target: null,
    step: 100,
    sample: 2,
  });
});

test("what is on neither axis makes a table each, in its own order", () => {
  const tables = tablesOf(VALUES, "layer", "step");
  expect(tables.map(({fixed: {run, sample}}) => [run, sample])).toEqual([
    ["a", 4],
    ["a", 2],
    ["b", 4],
    ["b", 2],
  ]);
  expect(tables.every(({cells}) => cells.length === 2 && cells.every((row) => row.length === 3))).toBe(true);
  const seen = tables.flatMap(({cells}) => cells.flat().map((cell) => JSON.stringify(Object.entries(cell).sort())));
  expect(new Set(seen).size).toBe(2 * 2 * 3 * 2);
});

test("an axis that is taken from the other side changes places with it", () => {
  expect(turned({rows: "sample", columns: "run"}, "rows", "run")).toEqual({rows: "run", columns: "sample"});
  expect(turned({rows: "sample", columns: "run"}, "columns", "step")).toEqual({rows: "sample", columns: "step"});
});

test("chosen values limit their own axis, and one that is left without any shows all", () => {
  const chosen = chosenWith(chosenWith(["run=gone"], "layer", ["layer=3,4"]), "step", [50, 7]);
  expect(limited("run", ["a", "b"], chosen)).toEqual(["a", "b"]);
  expect(limited("layer", ["layer3", "layer=3,4"], chosen)).toEqual(["layer=3,4"]);
  expect(limited("target", [null, 0], chosenWith(chosen, "target", [null]))).toEqual([null]);
  expect(numbersIn("step", chosen)).toEqual([50, 7]);
  expect(chosenWith(chosen, "step", [])).toEqual(["run=gone", "layer=layer=3,4"]);
});

test("what differs is what is compared first", () => {
  expect(firstAxes({run: ["a", "b"], layer: ["x", "y"]})).toEqual({rows: "sample", columns: "run"});
  expect(firstAxes({run: ["a"], layer: ["x", "y"]})).toEqual({rows: "sample", columns: "layer"});
  expect(firstAxes({run: ["a"], layer: ["x"]})).toEqual({rows: "sample", columns: "step"});
});
