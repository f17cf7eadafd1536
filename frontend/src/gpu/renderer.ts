/** Draws maps over pictures into tiles: one WebGL2 context for the page, or a 2-D canvas where there is none. */

import type {Limits, Look, RawMap, Viewport} from "../types";

export const WHOLE: Viewport = {x: 0.5, y: 0.5, zoom: 1};

/**
 * One picture's drawing.
 *
 * The image (or, without one, the map) is fitted into the canvas at zoom 1 and centred; a canvas of the image's own size
 * shows it pixel by pixel and equals `heatmap.overlay` in Python. The canvas's `width` and `height` are the caller's to
 * set (CSS size times device pixels).
 */
export interface Renderer {
  readonly kind: "webgl2" | "canvas2d";
  /** Draw into the tile's own 2-D canvas. `image` null: the map alone. `map` null: the image alone. */
  draw(
    target: HTMLCanvasElement,
    image: ImageBitmap | null,
    map: RawMap | null,
    look: Look,
    limits: Limits,
    view: Viewport,
  ): void;
  /** The same picture as numbers (RGBA), at `width` x `height`. */
  pixels(
    image: ImageBitmap | null,
    map: RawMap | null,
    look: Look,
    limits: Limits,
    view: Viewport,
    width: number,
    height: number,
  ): ImageData;
  /** Called when everything must be drawn again (a lost context came back). Returns what ends it. */
  subscribe(listener: () => void): () => void;
  dispose(): void;
}

/** Make the page's renderer; `force` is for tests and for the "no GPU" switch. */
export function createRenderer(_force?: "webgl2" | "canvas2d"): Renderer {
  throw new Error("signature only: follows within minutes");
}
