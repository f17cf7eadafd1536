import {expect, test} from "vitest";

import {csv, fileName} from "./export";

test("fields with commas, quotes and line ends are quoted; nothing is an empty field", () => {
  const text = csv(
    ["run", "step", "IoU"],
    [
      ["a,b", 1, 0.5],
      ['say "hi"', 2, NaN],
      ["two\nlines", 3, null],
    ],
  );
  expect(text).toBe('run,step,IoU\r\n"a,b",1,0.5\r\n"say ""hi""",2,\r\n"two\nlines",3,\r\n');
});

test("a caption can't be a formula, a negative number stays one", () => {
  expect(csv(["x", "y"], [["=HYPERLINK(1)", -2]])).toBe("x,y\r\n'=HYPERLINK(1),-2\r\n");
});

test("names of files", () => {
  expect(fileName("val/layer4: step 3?.png")).toBe("val_layer4_ step 3_.png");
});
