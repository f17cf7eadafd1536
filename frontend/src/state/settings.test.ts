import {expect, test} from "vitest";

import {DEFAULTS, fromHash, intoHash, type Settings} from "./settings";

test("a view comes back from its own link", () => {
  const settings: Settings = {
    ...DEFAULTS,
    step: 0,
    runs: ["a,b", "50%/val&x=y"],
    tags: [],
    colorMap: "viridis",
    smooth: false,
    opacity: 0.35,
    locks: ["run=a&tag=val&sample=3@40"],
  };
  expect(fromHash(intoHash("#gradcam", settings))).toEqual(settings);
});

test("what others keep in the hash stays, and defaults are left out", () => {
  expect(intoHash("#gradcam&run=x&p.gradcam.step=4", DEFAULTS)).toBe("#gradcam&run=x");
  expect(intoHash("", {...DEFAULTS, step: 4})).toBe("#gradcam&p.gradcam.step=4");
});

test("values that are no such value are the default, and numbers stay in their bounds", () => {
  const settings = fromHash(
    "#gradcam&p.gradcam.step=soon&p.gradcam.colorMap=pink&p.gradcam.opacity=7&p.gradcam.toString=1&p.gradcam.text=%",
  );
  expect(settings).toEqual({...DEFAULTS, opacity: 1, text: "%"});
});
