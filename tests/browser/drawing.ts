/** What test_pixels_drawing.py calls in the page: the tab's own drawing, and numbers in and out of it. */

import {pngOf, stepsGif, tilePng} from "../../frontend/src/export/export";
import {drawPoster, type Poster, type PosterTile} from "../../frontend/src/export/poster";
import {createRenderer, type Renderer} from "../../frontend/src/gpu/renderer";
import {colorTable} from "../../frontend/src/maths/colors";
import {resized} from "../../frontend/src/maths/mask";
import {COLOR_MAPS, type Limits, type Look, type RawMap, type Viewport} from "../../frontend/src/types";

export interface Case {
  image: {width: number; height: number; rgba: string} | null;
  map: {rows: number; columns: number; kind: RawMap["kind"]; values: string; minimum: number; maximum: number};
  look: Look;
  limits: Limits;
  view: Viewport;
  width: number;
  height: number;
}

const renderers = new Map<string, Renderer>();

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function base64Of(bytes: Uint8Array | Uint8ClampedArray): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

export function rendererOf(kind: "webgl2" | "canvas2d"): Renderer {
  let renderer = renderers.get(kind);
  if (!renderer) {
    renderer = createRenderer(kind);
    renderers.set(kind, renderer);
  }
  return renderer;
}

async function bitmapOf(image: Case["image"]): Promise<ImageBitmap | null> {
  if (!image) return null;
  return createImageBitmap(new ImageData(new Uint8ClampedArray(bytesOf(image.rgba)), image.width, image.height));
}

function mapOf({values, ...map}: Case["map"]): RawMap {
  return {...map, values: new Float32Array(bytesOf(values).buffer), nonFinite: 0, target: -1, score: NaN, step: 0};
}

/** The picture's RGBA bytes in base64. */
export async function drawCase(kind: "webgl2" | "canvas2d", test: Case): Promise<string> {
  const {look, limits, view, width, height} = test;
  const renderer = rendererOf(kind);
  if (renderer.kind !== kind) throw new Error(`asked for ${kind}, got ${renderer.kind}`);
  const image = await bitmapOf(test.image);
  return base64Of(renderer.pixels(image, mapOf(test.map), look, limits, view, width, height).data);
}

/** Exports of one case, in base64. */
export async function exportCase(what: "tile" | "grid" | "gif", test: Case): Promise<string> {
  const drawing = {image: await bitmapOf(test.image), map: mapOf(test.map), look: test.look, limits: test.limits};
  const renderer = rendererOf("webgl2");
  const blobs = {
    tile: () => tilePng(renderer, drawing),
    grid: () => pngOf(drawPoster(posterOf({...drawing, truth: null}), renderer)),
    gif: () => stepsGif(renderer, [drawing, {...drawing, look: {...drawing.look, mode: "image" as const}}], 200),
  };
  return base64Of(new Uint8Array(await (await blobs[what]()).arrayBuffer()));
}

/** Two blocks below each other: a tile and a gap, a gap and a tile with a long name. */
function posterOf(drawing: Pick<PosterTile, "image" | "map" | "look" | "limits" | "truth">): Poster {
  const {width, height} = drawing.image!;
  const tile = {...drawing, ratio: width / height, lines: [], mark: "", corner: "", under: []};
  const long = {...tile, under: [{sign: "" as const, right: null, name: "a".repeat(99), value: ""}]};
  const block = (tiles: (PosterTile | null)[]) => ({title: "", truth: "", aside: "", tiles});
  const box = {left: 0, width: 2 * width + 4, height};
  return {
    dark: false, title: "", about: "", step: "", epoch: "", look: drawing.look, kind: "positive", limits: null, scale: "",
    width: box.width,
    sections: [
      {
        title: "", color: null, meta: "", notes: [], heads: [],
        blocks: [block([tile, null]), block([null, long])],
        places: [{...box, top: 0}, {...box, top: height + 10}],
      },
    ],
  };
}

/** The mask as float32 in base64. */
export function maskCase({map, limits, look, width, height}: Case): string {
  return base64Of(new Uint8Array(resized(mapOf(map), height, width, limits, look.smooth).buffer));
}

export function tables(): Record<string, string> {
  return Object.fromEntries(COLOR_MAPS.map((name) => [name, base64Of(colorTable(name))]));
}

/** Lose the context, draw, let it come back, and draw again: which renderer each drawing was by, and the pictures. */
export async function throughContextLoss(test: Case): Promise<{kinds: string[]; pictures: string[]; calls: number}> {
  const canvases: HTMLCanvasElement[] = [];
  const create = document.createElement.bind(document);
  document.createElement = ((name: string) => {
    const element = create(name);
    if (name === "canvas") canvases.push(element as HTMLCanvasElement);
    return element;
  }) as typeof document.createElement;
  const renderer = createRenderer("webgl2");
  document.createElement = create;
  const extension = canvases[0]!.getContext("webgl2")!.getExtension("WEBGL_lose_context")!;
  const kinds: string[] = [];
  const pictures: string[] = [];
  const image = await bitmapOf(test.image);
  const shoot = () => {
    kinds.push(renderer.kind);
    const {look, limits, view, width, height} = test;
    pictures.push(base64Of(renderer.pixels(image, mapOf(test.map), look, limits, view, width, height).data));
  };
  shoot();
  extension.loseContext();
  await new Promise((resolve) => setTimeout(resolve, 100));
  shoot();
  extension.restoreContext();
  await new Promise((resolve) => setTimeout(resolve, 300));
  shoot();
  renderer.dispose();
  return {kinds, pictures, calls: renderer.losses.value};
}

/** Draw one tile again and again, changing one thing each time: which drawings wrote to the canvas. */
export async function redrawings(test: Case): Promise<boolean[]> {
  const renderer = createRenderer("canvas2d");
  const image = await bitmapOf(test.image);
  const map = mapOf(test.map);
  const tile = Object.assign(document.createElement("canvas"), {width: test.width, height: test.height});
  const {look, limits, view} = test;
  const context = tile.getContext("2d", {willReadFrequently: true})!;
  const wrote = (...[changedMap, changedLook, changedLimits, changedView]: [RawMap, Look, Limits, Viewport]) => {
    context.fillStyle = "#123456";
    context.fillRect(0, 0, tile.width, tile.height);
    renderer.draw(tile, image, changedMap, changedLook, changedLimits, changedView);
    renderer.flush();
    return context.getImageData(0, 0, 1, 1).data.join() !== "18,52,86,255";
  };
  return [
    wrote(map, look, limits, view),
    wrote(map, look, {...limits}, {...view}), // the same in new objects
    wrote({...map}, look, limits, view), // another map
    wrote({...map}, {...look, opacity: 0.1}, limits, view),
    wrote(map, look, {...limits, high: limits.high * 2}, view),
    wrote(map, look, {...limits, high: limits.high * 2}, {...view, zoom: 2}),
  ];
}

/** Ask for many large tiles at once, then for the first and the last anew: the layer's weight on each in the end. */
export async function manyTiles(test: Case, count: number): Promise<number[]> {
  const renderer = createRenderer("canvas2d");
  const map = mapOf(test.map);
  const tiles = Array.from({length: count}, () => Object.assign(document.createElement("canvas"), {width: 600, height: 600}));
  const image = await bitmapOf(test.image);
  const constant: Look = {...test.look, mode: "overlay", alpha: "constant", opacity: 1};
  const ask = (tile: HTMLCanvasElement, look: Look) => renderer.draw(tile, image, map, look, test.limits, test.view);
  for (const tile of tiles) ask(tile, constant);
  await Promise.resolve(); // the first batch is drawn; what was over its budget waits
  for (const tile of tiles) ask(tile, constant); // the same again, as whenever anything arrives
  await Promise.resolve();
  for (const tile of [tiles[0]!, tiles.at(-1)!]) ask(tile, {...constant, opacity: 0});
  for (let frame = 0; frame < 3 * count; frame++) await new Promise(requestAnimationFrame);
  return tiles.map((tile) => {
    const [red, , , alpha] = tile.getContext("2d")!.getImageData(0, 0, 1, 1).data;
    return alpha ? red! : -1; // -1: never drawn
  });
}
