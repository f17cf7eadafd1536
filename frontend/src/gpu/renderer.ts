/** Draws maps over pictures into tiles: one WebGL2 context for the page, or a 2-D canvas where there is none. */

import {type ReadonlySignal, signal} from "@preact/signals";
import {begin} from "../busy";
import {dimToGray, isGray, paint} from "../maths/compose";
import {opaqueOf, paintOnColors} from "../maths/onColors";
import {graysOf, paintOnGrays} from "../maths/onGrays";
import {type Placement, placementOf, type Size} from "../maths/placement";
import type {Limits, Look, RawMap, Viewport} from "../types";
import {packed, type Slot} from "./atlas";
import {GlLayers, type Layer} from "./webgl";

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
  /**
   * Draw into the tile's own 2-D canvas, before the page is painted next: all tiles of a task are one batch, since every
   * copy out of the GPU's canvas costs. A tile that already shows just this is left alone, so asking on every frame is
   * cheap. `image` null: the map alone. `map` null: the image alone. `pen`: pixels of the canvas that a pixel of the page
   * takes, so that lines are as wide on every canvas.
   */
  draw(
    target: HTMLCanvasElement,
    image: ImageBitmap | null,
    map: RawMap | null,
    look: Look,
    limits: Limits,
    view: Viewport,
    pen?: number,
  ): void;
  /** Draw now what `draw` was asked for in this task. */
  flush(): void;
  /** The same picture as numbers (RGBA), at `width` x `height`. */
  pixels(
    image: ImageBitmap | null,
    map: RawMap | null,
    look: Look,
    limits: Limits,
    view: Viewport,
    width: number,
    height: number,
    pen?: number,
  ): ImageData;
  /** Counts losses of all that was drawn, when the GPU's context goes and comes back: whoever draws reads it. */
  readonly losses: ReadonlySignal<number>;
  dispose(): void;
}

/** From this many tile pixels a picture's pixel on, its pixels are shown as squares. */
const SQUARES = 4;

/** How many milliseconds tiles that are drawn for the first time may keep the page from painting what is there. */
const BUDGET_MS = 20;

/**
 * Make the page's renderer: the GPU's where there is a real one, else the 2-D canvas's.
 *
 * `force` is for tests, and for browsers whose WebGL draws wrongly.
 */
export function createRenderer(force?: "webgl2" | "canvas2d"): Renderer {
  return new TileRenderer(force);
}

/** What one tile is to show. */
interface Job {
  image: ImageBitmap | null;
  map: RawMap | null;
  look: Look;
  limits: Limits;
  view: Viewport;
  pen: number;
}

/** What a canvas was last drawn with. */
interface Shown extends Job, Size {}

function isSame(a: Job, b: Job): boolean {
  const sameView = a.view.x === b.view.x && a.view.y === b.view.y && a.view.zoom === b.view.zoom;
  const sameLimits = a.limits.low === b.limits.low && a.limits.high === b.limits.high;
  const same = a.image === b.image && a.map === b.map && a.look === b.look && a.pen === b.pen;
  return same && sameView && sameLimits;
}

class TileRenderer implements Renderer {
  readonly losses = signal(0);
  private readonly layers: GlLayers | null;
  private jobs = new Map<HTMLCanvasElement, Job>();
  private late = new Map<HTMLCanvasElement, Job>();
  private shown = new WeakMap<HTMLCanvasElement, Shown>();
  private readonly sheets = new WeakMap<HTMLCanvasElement, Sheet>();

  constructor(force?: "webgl2" | "canvas2d") {
    this.layers = force === "canvas2d" ? null : openLayers(() => this.forget(), force === "webgl2");
  }

  /** What took the GPU's context may have taken the tiles too: whatever is asked for next is drawn. */
  private forget(): void {
    this.shown = new WeakMap();
    this.losses.value++;
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
    pen = 1,
  ): void {
    if (!this.jobs.size) queueMicrotask(() => this.drawJobs(BUDGET_MS));
    this.jobs.set(target, {image, map, look, limits, view, pen});
  }

  flush(): void {
    this.drawJobs(Infinity);
  }

  private drawJobs(budget: number): void {
    const {jobs} = this;
    this.jobs = new Map();
    const changed = [...jobs].filter(([canvas, job]) => this.isNew(canvas, job));
    if (this.kind === "canvas2d") {
      this.paintTiles(changed, budget);
      return;
    }
    let tiles = changed.map(([canvas, job]) => new Tile(canvas, job));
    for (const tile of tiles) tile.drawPhotograph(false);
    tiles = tiles.filter(({layer}) => layer);
    while (tiles.length) tiles = tiles.slice(this.drawBatch(tiles));
  }

  /** By our own loop: tiles beyond the budget that show nothing yet wait for the next frame, so that the first come soon. */
  private paintTiles(tiles: readonly [HTMLCanvasElement, Job][], budget: number): void {
    const began = performance.now();
    for (const [canvas, job] of tiles) {
      if (performance.now() - began > budget && !this.sheets.has(canvas)) this.postpone(canvas, job);
      else new Tile(canvas, job).paint(this.sheets);
    }
  }

  private postpone(canvas: HTMLCanvasElement, job: Job): void {
    this.shown.delete(canvas); // so that the same, asked for again before then, is drawn
    if (!this.late.size) {
      const end = begin();
      requestAnimationFrame(() => {
        this.drawLate();
        end();
      });
    }
    this.late.set(canvas, job);
  }

  /** Ask again for tiles that nothing newer was asked for since. */
  private drawLate(): void {
    const {late} = this;
    this.late = new Map();
    for (const [canvas, {image, map, look, limits, view, pen}] of late) {
      if (!this.jobs.has(canvas) && !this.shown.has(canvas)) this.draw(canvas, image, map, look, limits, view, pen);
    }
  }

  /** Whether the canvas shows something else yet; remembers what it will show. */
  private isNew(canvas: HTMLCanvasElement, job: Job): boolean {
    const {width, height} = canvas;
    if (!width || !height) return false;
    const before = this.shown.get(canvas);
    if (before?.width === width && before.height === height && isSame(before, job)) return false;
    this.shown.set(canvas, {...job, width, height});
    return true;
  }

  pixels(
    image: ImageBitmap | null,
    map: RawMap | null,
    look: Look,
    limits: Limits,
    view: Viewport,
    width: number,
    height: number,
    pen = 1,
  ): ImageData {
    const canvas = Object.assign(document.createElement("canvas"), {width, height});
    this.draw(canvas, image, map, look, limits, view, pen);
    this.flush();
    return canvas.getContext("2d")!.getImageData(0, 0, width, height);
  }

  dispose(): void {
    this.jobs.clear();
    this.layers?.dispose();
  }

  /** Draw the maps of the first tiles, as many as go on one canvas; returns how many. */
  private drawBatch(tiles: readonly Tile[]): number {
    const {layers} = this;
    const atlas = packed(tiles.map(({layer}) => layer!.tile));
    const batch = tiles.slice(0, atlas.slots.length);
    const drawn = layers?.draw(
      batch.map(({layer}) => layer!),
      atlas,
    );
    batch.forEach((tile, index) => {
      if (drawn && layers) tile.copy(layers.canvas, atlas.slots[index]!);
      else tile.paint(this.sheets);
    });
    return batch.length;
  }
}

/** A tile's photograph as numbers, which stays while maps pass over it; only where our own loop draws. */
interface Sheet {
  image: ImageBitmap | null;
  placement: Placement;
  gray: boolean;
  photograph: ImageData;
  grays: Uint8Array | null; // of a photograph that is drawn in greys and opaque
  colors: Uint32Array | null; // of one that is drawn in its colours and opaque
  blend: ImageData; // written over at each drawing
}

/** One tile's canvas and what comes onto it. */
class Tile {
  readonly layer: Layer | null = null;
  private readonly photograph: {image: ImageBitmap; placement: Placement; gray: boolean} | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    {image, map, look, limits, view, pen}: Job,
  ) {
    const picture = pictureSize(image, map);
    if (!picture) return;
    const tile = {width: canvas.width, height: canvas.height};
    const placement = placementOf(picture, tile, view);
    if (image && look.mode !== "map") this.photograph = {image, placement, gray: isGray(look, map?.kind ?? "positive")};
    if (map?.rows && map.columns && look.mode !== "image") {
      this.layer = {map, look: image ? look : {...look, mode: "map"}, limits, placement, picture, tile, pen};
    }
  }

  /** As it is or in greys; with `readBack` our own loop makes the greys, of the tile's pixels alone. */
  drawPhotograph(readBack: boolean): void {
    const context = this.canvas.getContext("2d", {willReadFrequently: readBack});
    if (!context) return;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.photograph) return;
    const {image, placement, gray} = this.photograph;
    context.imageSmoothingEnabled = placement.width / image.width < SQUARES;
    context.imageSmoothingQuality = "high";
    const source = gray && !readBack ? grayOf(image) : image;
    context.drawImage(source, placement.left, placement.top, placement.width, placement.height);
  }

  copy(source: HTMLCanvasElement, {x, y}: Slot): void {
    const {width, height} = this.canvas;
    this.canvas.getContext("2d")?.drawImage(source, x, y, width, height, 0, 0, width, height);
  }

  paint(sheets: WeakMap<HTMLCanvasElement, Sheet>): void {
    if (!this.layer && !this.photograph?.gray) {
      this.drawPhotograph(true);
      return;
    }
    const sheet = this.sheetOf(sheets, this.layer?.placement ?? this.photograph!.placement);
    const {blend} = sheet;
    if (!this.paintFast(sheet)) {
      blend.data.set(sheet.photograph.data);
      if (this.layer) {
        const {map, look, limits, placement, picture, pen} = this.layer;
        paint(blend, map, look, limits, placement, picture, pen);
      }
    }
    this.canvas.getContext("2d", {willReadFrequently: true})?.putImageData(blend, 0, 0);
  }

  private paintFast({blend, grays, colors}: Sheet): boolean {
    if (!this.layer) return false;
    const {map, look, limits, placement, picture} = this.layer;
    if (grays) return paintOnGrays(blend, grays, map, look, limits, placement, picture);
    return colors !== null && paintOnColors(blend, colors, map, look, limits, placement, picture);
  }

  private sheetOf(sheets: WeakMap<HTMLCanvasElement, Sheet>, placement: Placement): Sheet {
    const {width, height} = this.canvas;
    const image = this.photograph?.image ?? null;
    const gray = this.photograph?.gray ?? false;
    const kept = sheets.get(this.canvas);
    const same = kept?.image === image && kept.photograph.width === width && kept.photograph.height === height;
    if (kept && same && kept.gray === gray && samePlacement(kept.placement, placement)) return kept;
    this.drawPhotograph(true);
    const context = this.canvas.getContext("2d")!;
    const photograph = context.getImageData(0, 0, width, height);
    if (gray) dimToGray(photograph.data);
    const grays = gray ? graysOf(photograph.data) : null;
    const colors = gray ? null : opaqueOf(photograph.data);
    const sheet = {image, gray, placement, photograph, grays, colors, blend: new ImageData(width, height)};
    sheets.set(this.canvas, sheet);
    return sheet;
  }
}

const grays = new WeakMap<ImageBitmap, HTMLCanvasElement>();

/** The photograph in dimmed greys, in its own pixels; made once. */
function grayOf(image: ImageBitmap): HTMLCanvasElement {
  const kept = grays.get(image);
  if (kept) return kept;
  const {width, height} = image;
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  const context = canvas.getContext("2d", {willReadFrequently: true})!;
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height);
  dimToGray(pixels.data);
  context.putImageData(pixels, 0, 0);
  grays.set(image, canvas);
  return canvas;
}

function samePlacement(a: Placement, b: Placement): boolean {
  return a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;
}

function openLayers(onRestored: () => void, must: boolean): GlLayers | null {
  try {
    const layers = new GlLayers(onRestored);
    if (must || !layers.software) return layers;
    layers.dispose(); // a GPU that is emulated takes twice as long as our own loop
    return null;
  } catch (error) {
    if (must) throw error;
    return null;
  }
}

function pictureSize(image: ImageBitmap | null, map: RawMap | null): Size | null {
  if (image) return image;
  return map?.rows && map.columns ? {width: map.columns, height: map.rows} : null;
}
