/** What cards and pictures of views are drawn with: inks, words, pictures with what is over them. */

import {colorMapFor, colorTable} from "../maths/colors";
import {maskPath} from "../maths/contour";
import type {Renderer} from "../gpu/renderer";
import {type Size, WHOLE} from "../maths/placement";
import type {Limits, Look, MapKind, RawMap, Sample} from "../types";

export const FONT = "Roboto, system-ui, sans-serif";

export interface Ink {
  background: string;
  text: string;
  second: string;
  line: string;
  accent: string;
  right: string;
  wrong: string;
}

export const LIGHT: Ink = {
  background: "#ffffff",
  text: "#212121",
  second: "#616161",
  line: "#e0e0e0",
  accent: "#e8710a",
  right: "#1e7d34",
  wrong: "#c5221f",
};
export const DARK: Ink = {
  background: "#303030",
  text: "#f5f5f5",
  second: "#c0c0c0",
  line: "#4c4c4c",
  accent: "#ff9d3f",
  right: "#8fd6a2",
  wrong: "#ff9c93",
};

export interface Box extends Size {
  left: number;
  top: number;
}

/** A picture with what is drawn over it. */
export interface Pictured {
  image: ImageBitmap | null;
  map: RawMap | null;
  limits: Limits;
  truth: Pick<Sample, "boxes" | "mask"> | null; // null: not to be drawn
}

/** Draw a picture into a box, and return where it lies; `scale`: pixels of the canvas that a unit of the context takes. */
export function drawPicture(
  context: CanvasRenderingContext2D,
  {image, map, limits, truth}: Pictured,
  look: Look,
  box: Box,
  renderer: Renderer,
  scale = 1,
): Box {
  const size = image ?? (map ? {width: map.columns, height: map.rows} : {width: 1, height: 1});
  const times = Math.min(box.width / size.width, box.height / size.height);
  const [width, height] = [size.width * times, size.height * times].map(Math.round) as [number, number];
  const canvas = Object.assign(document.createElement("canvas"), {
    width: Math.round(width * scale),
    height: Math.round(height * scale),
  });
  renderer.draw(canvas, image, map, look, limits, WHOLE, PEN * scale);
  renderer.flush();
  const left = box.left + Math.round((box.width - width) / 2);
  const top = box.top + Math.round((box.height - height) / 2);
  context.drawImage(canvas, left, top, width, height);
  const place = {left, top, width, height};
  if (truth) drawTruth(context, truth, place, scale === 1 ? 2 : 1.5);
  return place;
}

const PEN = 1.5;

function drawTruth(
  context: CanvasRenderingContext2D,
  {boxes, mask}: Pick<Sample, "boxes" | "mask">,
  place: Box,
  line: number,
): void {
  const outline = new Path2D();
  for (const {x0, y0, x1, y1} of boxes) outline.rect(x0, y0, x1 - x0, y1 - y0);
  if (mask) outline.addPath(new Path2D(maskPath(mask)));
  drawOutline(context, outline, place, "#fff", line);
}

/** Lines given as fractions of a picture: light between two thin black ones, so that they are seen on any photograph. */
export function drawOutline(
  context: CanvasRenderingContext2D,
  outline: Path2D,
  {left, top, width, height}: Box,
  color: string,
  line: number,
  dash: number[] = [],
): void {
  const placed = new Path2D();
  placed.addPath(outline, new DOMMatrix().translate(left, top).scale(width, height));
  Object.assign(context, {strokeStyle: "#000", lineWidth: line + 2});
  context.stroke(placed);
  Object.assign(context, {strokeStyle: color, lineWidth: line});
  context.setLineDash(dash);
  context.stroke(placed);
  context.setLineDash([]);
}

export function dot(context: CanvasRenderingContext2D, x: number, y: number, radius: number, color: string): void {
  context.fillStyle = color;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** The colour bar. */
export function drawBar(
  context: CanvasRenderingContext2D,
  look: Pick<Look, "colorMap">,
  kind: MapKind,
  {left, top, width, height}: Box,
): void {
  const table = colorTable(colorMapFor(look, kind));
  for (let i = 0; i < width; i++) {
    const color = Math.round((i / (width - 1)) * 255) * 3;
    context.fillStyle = `rgb(${table[color]} ${table[color + 1]} ${table[color + 2]})`;
    context.fillRect(left + i, top, 1, height);
  }
}

/** Write a line, cut in the middle where it has no room; its width. */
export function text(
  context: CanvasRenderingContext2D,
  words: string,
  left: number,
  base: number,
  color: string,
  size: number,
  weight = 400,
  align: CanvasTextAlign = "left",
  room = Number.POSITIVE_INFINITY,
): number {
  Object.assign(context, {fillStyle: color, textAlign: align, textBaseline: "alphabetic"});
  context.font = `${weight} ${size}px ${FONT}`;
  const cut = cutToFit(words, (one) => context.measureText(one).width <= room);
  context.fillText(cut, left, base);
  return context.measureText(cut).width;
}

/** `words`, or as much of both ends as fits around an ellipsis. */
export function cutToFit(words: string, fits: (words: string) => boolean): string {
  if (fits(words)) return words;
  for (let kept = words.length - 1; kept > 1; kept--) {
    const cut = `${words.slice(0, Math.ceil(kept / 2))}…${words.slice(words.length - Math.floor(kept / 2))}`;
    if (fits(cut)) return cut;
  }
  return "…";
}
