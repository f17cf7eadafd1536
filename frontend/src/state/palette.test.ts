import {expect, test} from "vitest";
import {placeOf} from "./palette";

test("a run that TensorBoard has not listed yet takes no other run's colour", () => {
  const host = ["clean", "shortcut"];
  const all = ["clean", "fresh", "shortcut", "latest"];
  expect(all.map((run) => placeOf(run, host, all))).toEqual([0, 2, 1, 3]);
});

test("without TensorBoard's list, as in a file, the order is our own", () => {
  expect(["a", "b"].map((run) => placeOf(run, [], ["a", "b"]))).toEqual([0, 1]);
});
