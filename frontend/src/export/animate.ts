/** Animations of a canvas that is drawn frame by frame: GIF by our own hands, WebM by the browser's recorder. */

import {GIFEncoder, quantize} from "gifenc";

/** Draws frame `index` and returns the canvas. */
export type Draw = (index: number) => HTMLCanvasElement;

export interface Progress {
  tell: (done: number) => void; // in [0, 1]
  signal: AbortSignal;
}

const COLORS = 256;
/** Photographs under the heat are greys, whose steps would be seen. */
const GREYS = Array.from({length: 65}, (_, i) => {
  const level = Math.min(i * 4, 255);
  return [level, level, level];
});
const SAMPLED = 5; // frames that the palette is made of
const EVERY = 7; // pixels of those
const BITS = 6; // of each channel, that a colour is looked up by

/**
 * Encode an endless GIF; `delay` and `rest` (of the last frame) in milliseconds.
 *
 * One palette for all frames, made of a few of them, and a table from colours to its entries: a palette and a search for
 * each frame would take most of the time, and the background would flicker.
 */
export async function gifOf(count: number, draw: Draw, delay: number, rest: number, progress: Progress): Promise<Blob> {
  const palette = [...GREYS, ...quantize(sampled(count, draw), COLORS - GREYS.length, {format: "rgb565"})];
  const lookUp = new Lookup(palette);
  const gif = GIFEncoder();
  for (let index = 0; index < count; index++) {
    progress.signal.throwIfAborted();
    const {width, height, data} = pixelsOf(draw(index));
    const shared = index === 0 ? {palette, repeat: 0} : {};
    gif.writeFrame(lookUp.indices(data), width, height, {...shared, delay: index === count - 1 ? rest : delay});
    progress.tell((index + 1) / count);
    await new Promise((resolve) => setTimeout(resolve)); // the page stays alive meanwhile
  }
  gif.finish();
  return new Blob([gif.bytes()], {type: "image/gif"});
}

function pixelsOf(canvas: HTMLCanvasElement): ImageData {
  return canvas.getContext("2d", {willReadFrequently: true})!.getImageData(0, 0, canvas.width, canvas.height);
}

/** Some pixels of some frames, RGBA. */
function sampled(count: number, draw: Draw): Uint8ClampedArray {
  const frames = new Set(
    Array.from({length: Math.min(SAMPLED, count)}, (_, i) => Math.round((i * (count - 1)) / (SAMPLED - 1 || 1))),
  );
  const parts = [...frames].map((index) => {
    const pixels = new Uint32Array(pixelsOf(draw(Math.min(index, count - 1))).data.buffer);
    return pixels.filter((_, at) => at % EVERY === 0);
  });
  const all = new Uint32Array(parts.reduce((sum, {length}) => sum + length, 0));
  parts.reduce((at, part) => {
    all.set(part, at);
    return at + part.length;
  }, 0);
  return new Uint8ClampedArray(all.buffer);
}

/** The palette's nearest entry for any colour, found once for all that are nearly alike. */
class Lookup {
  private readonly found = new Int16Array(1 << (3 * BITS)).fill(-1);

  constructor(private readonly palette: readonly number[][]) {}

  indices(rgba: Uint8ClampedArray): Uint8Array {
    const indices = new Uint8Array(rgba.length / 4);
    const drop = 8 - BITS;
    const {found} = this;
    for (let pixel = 0, at = 0; pixel < indices.length; pixel++, at += 4) {
      const key = ((rgba[at]! >> drop) << (2 * BITS)) | ((rgba[at + 1]! >> drop) << BITS) | (rgba[at + 2]! >> drop);
      let index = found[key]!;
      if (index < 0) {
        index = this.nearest(rgba[at]!, rgba[at + 1]!, rgba[at + 2]!);
        found[key] = index;
      }
      indices[pixel] = index;
    }
    return indices;
  }

  private nearest(red: number, green: number, blue: number): number {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    this.palette.forEach((color, index) => {
      const away = (color[0]! - red) ** 2 + (color[1]! - green) ** 2 + (color[2]! - blue) ** 2;
      if (away < least) [best, least] = [index, away];
    });
    return best;
  }
}

/** The type of video that this browser records; null where it records none. */
export function videoType(): string | null {
  const canvas = document.createElement("canvas");
  if (typeof MediaRecorder === "undefined" || !canvas.captureStream) return null;
  return (
    ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"].find((type) =>
      MediaRecorder.isTypeSupported(type),
    ) ?? null
  );
}

const BITS_A_SECOND = 8e6;

/** Record a WebM while the frames are drawn in their own time. */
export async function webmOf(
  count: number,
  draw: Draw,
  delay: number,
  rest: number,
  progress: Progress,
): Promise<Blob> {
  const type = videoType();
  if (!type) throw new Error("This browser can't record video");
  const canvas = draw(0);
  const recorder = new MediaRecorder(canvas.captureStream(30), {mimeType: type, videoBitsPerSecond: BITS_A_SECOND});
  const parts: Blob[] = [];
  recorder.ondataavailable = ({data}) => parts.push(data);
  const ended = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  recorder.start();
  try {
    for (let index = 0; index < count; index++) {
      progress.signal.throwIfAborted();
      draw(index);
      progress.tell((index + 1) / count);
      await new Promise((resolve) => setTimeout(resolve, index === count - 1 ? rest : delay));
    }
  } finally {
    recorder.stop();
  }
  await ended;
  return new Blob(parts, {type: "video/webm"});
}
