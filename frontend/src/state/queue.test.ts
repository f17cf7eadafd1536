import {signal} from "@preact/signals";
import {expect, test} from "vitest";

import {createQueue} from "./queue";

test("a move is made at once where nothing is to be waited for", () => {
  const made: string[] = [];
  createQueue(signal(false)).add(() => made.push("a"));
  expect(made).toEqual(["a"]);
});

test("moves wait in order for what they need, and are made once", () => {
  const mustWait = signal(true);
  const made: string[] = [];
  const queue = createQueue(mustWait);
  queue.add(() => made.push("a"));
  queue.add(() => made.push("b"));
  expect(made).toEqual([]);
  mustWait.value = false;
  expect(made).toEqual(["a", "b"]);
  mustWait.value = true;
  queue.add(() => made.push("c"));
  mustWait.value = false;
  expect(made).toEqual(["a", "b", "c"]);
});
