import {expect, test} from "vitest";
import {foldTitle, inRuns, notesAt} from "./notes";

const PREDICTED = {
  notes: [
    {step: 10, texts: ["3 samples left out", "no labels"]},
    {step: 20, texts: ["later"]},
  ],
  replaced: [{first: 1010, last: 1500, steps: 50}],
};
const MAPPED = {notes: [{step: 10, texts: ["no labels", "maps were cut"]}], replaced: [{first: 7, last: 7, steps: 1}]};

test("a step's notes stand once, whichever of its series say them", () => {
  expect(notesAt([PREDICTED, null, MAPPED], 10)).toEqual([
    "Step 10: 3 samples left out",
    "Step 10: no labels",
    "Steps 1,010 to 1,500 (50 kept) were replaced when training resumed from an earlier step",
    "Step 10: maps were cut",
    "Step 7 was replaced when training resumed from an earlier step",
  ]);
  expect(notesAt([{...MAPPED, replaced: []}], 20)).toEqual([]);
});

test("of several runs each note says whose it is", () => {
  const notes = ["a", "b"];
  expect(inRuns([{run: "clean", notes}])).toEqual(notes);
  expect(
    inRuns([
      {run: "clean", notes},
      {run: "other", notes: []},
    ]),
  ).toEqual(["clean: a", "clean: b"]);
});

test("one note stands open, and more are folded under their number", () => {
  expect([[], ["a"], ["a", "b"]].map(foldTitle)).toEqual([null, null, "2 notes on this step"]);
});
