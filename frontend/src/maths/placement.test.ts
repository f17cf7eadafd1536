import {expect, test} from "vitest";

import {packed} from "../gpu/atlas";
import {cssGradient} from "./colors";
import {placeAt, placementOf, sharpSize, viewportFrom, viewportText, within, WHOLE, zoomed} from "./placement";

test("a picture is fitted and centred", () => {
  expect(placementOf({width: 100, height: 50}, {width: 200, height: 200})).toEqual({
    left: 0,
    top: 50,
    width: 200,
    height: 100,
  });
});

test("zooming keeps the place under the cursor", () => {
  const tile = {width: 160, height: 160};
  const picture = {width: 224, height: 224};
  let view = {x: 0.5, y: 0.5, zoom: 1};
  for (const factor of [1.5, 1.5, 1.2]) {
    const cursor = placeAt(placementOf(picture, tile, view), 120, 30);
    view = zoomed(view, factor, cursor);
    const after = placeAt(placementOf(picture, tile, view), 120, 30);
    expect(after.x).toBeCloseTo(cursor.x, 6);
    expect(after.y).toBeCloseTo(cursor.y, 6);
  }
});

test("a view stays inside the picture", () => {
  expect(within({x: 0, y: 2, zoom: 2})).toEqual({x: 0.25, y: 0.75, zoom: 2});
  expect(zoomed({x: 0.3, y: 0.3, zoom: 2}, 0.1, {x: 0.1, y: 0.1})).toEqual({x: 0.5, y: 0.5, zoom: 1});
});

test("tiles of a batch don't overlap, and what does not fit waits", () => {
  const sizes = Array.from({length: 60}, (_, i) => ({width: 100 + (i % 7) * 20, height: 90 + (i % 5) * 30}));
  const atlas = packed(sizes, 1024, 1024);
  expect(atlas.slots.length).toBeGreaterThan(20);
  expect(atlas.slots.length).toBeLessThan(60);
  const boxes = atlas.slots.map(({x, y}, i) => ({x, y, right: x + sizes[i]!.width, bottom: y + sizes[i]!.height}));
  for (const [i, a] of boxes.entries()) {
    expect(a.right).toBeLessThanOrEqual(atlas.width);
    expect(a.bottom).toBeLessThanOrEqual(atlas.height);
    for (const b of boxes.slice(i + 1))
      expect(a.x >= b.right || b.x >= a.right || a.y >= b.bottom || b.y >= a.bottom).toBe(true);
  }
  expect(packed([{width: 9000, height: 9000}]).slots).toHaveLength(1);
});

test("a colour bar runs from the first colour to the last", () => {
  const gradient = cssGradient("gray");
  expect(gradient.startsWith("linear-gradient(to right, rgb(0 0 0)")).toBe(true);
  expect(gradient.endsWith("rgb(255 255 255))")).toBe(true);
});

test("a view comes back from its own link, and none that could not be", () => {
  const view = within({x: 0.3, y: 0.6, zoom: 4});
  expect(viewportFrom(viewportText(view))).toEqual(view);
  expect(viewportText(WHOLE)).toBeNull();
  expect(viewportFrom("9,-9,2")).toEqual({x: 0.75, y: 0.25, zoom: 2});
  for (const text of [null, "", "1,2", "a,b,c", "0.5,0.5,0.5"]) expect(viewportFrom(text)).toEqual(WHOLE);
});

test("small pictures are drawn in whole multiples, large ones in whole parts, and lines never coarser than the screen", () => {
  expect(sharpSize({width: 16, height: 16}, 148)).toEqual({width: 144, height: 144});
  expect(sharpSize({width: 16, height: 16}, 148, true)).toEqual({width: 160, height: 160});
  expect(sharpSize({width: 96, height: 48}, 148)).toEqual({width: 96, height: 48});
  expect(sharpSize({width: 96, height: 48}, 148, true)).toEqual({width: 192, height: 96});
  expect(sharpSize({width: 2000, height: 1200}, 200)).toEqual({width: 200, height: 120});
  expect(sharpSize({width: 2000, height: 1}, 200)).toEqual({width: 200, height: 1});
  expect(sharpSize({width: 224, height: 224}, 0)).toEqual({width: 224, height: 224});
  expect(sharpSize({width: 224, height: 224}, 224, true)).toEqual({width: 224, height: 224});
});
