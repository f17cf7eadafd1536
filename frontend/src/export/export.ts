/** What leaves the page: pictures, animations, tables. All is made here, in the browser; nothing is sent anywhere. */

import {applyPalette, GIFEncoder, quantize} from "gifenc";

import type {Renderer} from "../gpu/renderer";
import {type Size, WHOLE} from "../maths/placement";
import type {Limits, Look, RawMap, Viewport} from "../types";

/** One tile as it is to be exported, at the image's native size. */
export interface Drawing {
  image: ImageBitmap | null;
  map: RawMap | null;
  look: Look;
  limits: Limits;
  view?: Viewport; // the whole image by default
}

const MOST_SIDE = 16384; // of a canvas, in Chromium
const LEAST_SIDE = 224; // of a map without a picture

/** Pixels that a drawing is exported at: the image's own, or whole multiples of the map's cells. */
function nativeSize({image, map}: Pick<Drawing, "image" | "map">): Size {
  if (image) return {width: image.width, height: image.height};
  if (!map?.rows || !map.columns) return {width: LEAST_SIDE, height: LEAST_SIDE};
  const times = Math.max(Math.ceil(LEAST_SIDE / Math.max(map.columns, map.rows)), 1);
  return {width: map.columns * times, height: map.rows * times};
}

function canvasOf({width, height}: Size): HTMLCanvasElement {
  if (width > MOST_SIDE || height > MOST_SIDE) {
    throw new Error(
      `a picture of ${width} x ${height} pixels is larger than the browser can draw (at most ${MOST_SIDE} per side): choose fewer tiles`,
    );
  }
  return Object.assign(document.createElement("canvas"), {width, height});
}

function drawn(renderer: Renderer, drawing: Drawing): HTMLCanvasElement {
  const canvas = canvasOf(nativeSize(drawing));
  const {image, map, look, limits, view = WHOLE} = drawing;
  renderer.draw(canvas, image, map, look, limits, view);
  renderer.flush();
  return canvas;
}

export function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("the browser could not encode the PNG"))),
      "image/png",
    );
  });
}

/** A tile at its image's own size. */
export async function tilePng(renderer: Renderer, drawing: Drawing): Promise<Blob> {
  return pngOf(drawn(renderer, drawing));
}

/** The steps of one sample as an endless animation; `delay` in milliseconds a frame, `progress` in [0, 1]. */
export async function stepsGif(
  renderer: Renderer,
  frames: readonly Drawing[],
  delay: number,
  progress?: (done: number) => void,
): Promise<Blob> {
  const [first] = frames;
  if (!first) throw new Error("expected at least one step to animate, got none");
  const {width, height} = nativeSize(first); // of all frames: an animation has one size
  const gif = GIFEncoder();
  for (const [index, {image, map, look, limits, view = WHOLE}] of frames.entries()) {
    const {data} = renderer.pixels(image, map, look, limits, view, width, height);
    const palette = quantize(data, 256);
    gif.writeFrame(applyPalette(data, palette), width, height, {palette, delay, repeat: 0});
    progress?.((index + 1) / frames.length);
    await new Promise((resolve) => setTimeout(resolve)); // the page stays alive meanwhile
  }
  gif.finish();
  return new Blob([gif.bytes()], {type: "image/gif"});
}

export type Cell = string | number | null;

/** Comma-separated values (RFC 4180): a header from `columns`, then one line a row; null and NaN are empty. */
export function csv(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return `${[columns, ...rows].map((row) => row.map(field).join(",")).join("\r\n")}\r\n`;
}

function field(cell: Cell): string {
  if (cell === null || Number.isNaN(cell)) return "";
  const text = String(cell);
  // A caption that begins like a formula must not be run by a spreadsheet.
  const inert = typeof cell === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** Save `blob` as a file called `name` (characters that file systems refuse are replaced). */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the browser may still be reading
}

/** A name that every file system takes. */
export function fileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be kept out
  return name.replaceAll(/[\u0000-\u001f<>:"/\\|?*]+/g, "_").slice(0, 200);
}
