/** Draws maps over pictures into tiles: one WebGL2 context for the page, or a 2-D canvas where there is none. */

import {Listeners} from "../api/listeners";
import {paint} from "../maths/compose";
import {type Placement, placementOf, type Size} from "../maths/placement";
import type {Limits, Look, RawMap, Viewport} from "../types";
import {GlLayers} from "./webgl";

export {WHOLE} from "../maths/placement";

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

/** From this many tile pixels a picture's pixel on, its pixels are shown as squares. */
const SQUARES = 4;

/** Make the page's renderer; `force` is for tests and for browsers whose WebGL draws wrongly. */
export function createRenderer(force?: "webgl2" | "canvas2d"): Renderer {
  return new TileRenderer(force);
}

class TileRenderer implements Renderer {
  private readonly listeners = new Listeners();
  private readonly layers: GlLayers | null;

  constructor(force?: "webgl2" | "canvas2d") {
    this.layers = force === "canvas2d" ? null : openLayers(() => this.listeners.notify(), force === "webgl2");
  }

  get kind(): "webgl2" | "canvas2d" {
    return this.layers?.ready ? "webgl2" : "canvas2d";
  }

  draw(
    target: HTMLCanvasElement,
    image: ImageBitmap | null,
    map: RawMap | null,
    look: Look,
    limits: Limits,
    view: Viewport,
  ): void {
    const context = target.getContext("2d", {willReadFrequently: this.layers === null});
    if (!context || !target.width || !target.height) return;
    context.clearRect(0, 0, target.width, target.height);
    const picture = pictureSize(image, map);
    if (!picture) return;
    const placement = placementOf(picture, target, view);
    if (image && look.mode !== "map") drawPhotograph(context, image, placement);
    if (map?.rows && map.columns && look.mode !== "image") {
      this.drawMap(context, map, image ? look : {...look, mode: "map"}, limits, placement, picture);
    }
  }

  pixels(
    image: ImageBitmap | null,
    map: RawMap | null,
    look: Look,
    limits: Limits,
    view: Viewport,
    width: number,
    height: number,
  ): ImageData {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    this.draw(canvas, image, map, look, limits, view);
    return canvas.getContext("2d")!.getImageData(0, 0, width, height);
  }

  subscribe(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  dispose(): void {
    this.layers?.dispose();
  }

  private drawMap(
    context: CanvasRenderingContext2D,
    map: RawMap,
    look: Look,
    limits: Limits,
    placement: Placement,
    picture: Size,
  ): void {
    const {width, height} = context.canvas;
    const {layers} = this;
    if (layers?.draw(map, look, limits, placement, picture, {width, height})) {
      context.drawImage(layers.canvas, 0, layers.canvas.height - height, width, height, 0, 0, width, height);
    } else {
      const pixels = context.getImageData(0, 0, width, height);
      paint(pixels, map, look, limits, placement, picture);
      context.putImageData(pixels, 0, 0);
    }
  }
}

function openLayers(onRestored: () => void, must: boolean): GlLayers | null {
  try {
    return new GlLayers(onRestored);
  } catch (error) {
    if (must) throw error;
    return null;
  }
}

function pictureSize(image: ImageBitmap | null, map: RawMap | null): Size | null {
  if (image) return image;
  return map?.rows && map.columns ? {width: map.columns, height: map.rows} : null;
}

function drawPhotograph(context: CanvasRenderingContext2D, image: ImageBitmap, placement: Placement): void {
  const {left, top, width, height} = placement;
  context.imageSmoothingEnabled = width / image.width < SQUARES;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, left, top, width, height);
}
