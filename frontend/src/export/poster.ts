/** A picture of a whole view: every tile with its words, at twice the page's size. Pure drawing: what is on it was gathered before. */

import type {Renderer} from "../gpu/renderer";
import type {Limits, Look, MapKind} from "../types";
import {
  type Box,
  DARK,
  dot,
  drawBar,
  drawOutline,
  drawPicture,
  FONT,
  type Ink,
  LIGHT,
  type Pictured,
  text,
} from "./ink";

/** Lines over a picture, as fractions of it. */
export interface Line {
  path: Path2D;
  color: string;
  dashed?: boolean;
}

export interface Under {
  sign: "✓" | "✗" | "←" | "";
  right: boolean | null;
  name: string;
  value: string;
}

/** One tile: a picture with all that is over and under it. */
export interface PosterTile extends Pictured {
  look: Look;
  ratio: number; // width to height, of its place
  lines: Line[];
  mark: string; // at its upper left
  corner: string; // at its lower right
  under: Under[];
}

/** Tiles that belong together: a sample, or a row of a table. */
export interface Block {
  title: string;
  truth: string;
  aside: string; // at the right
  tiles: (PosterTile | null)[]; // null: not logged
}

export interface Head {
  name: string;
  color: string | null;
}

/** A heading and blocks under it. */
export interface Section {
  title: string;
  color: string | null;
  meta: string;
  notes: string[];
  heads: Head[]; // over the tiles of a block
  blocks: Block[];
  places: Box[]; // of each block, from the section's corner; its height holds title, tiles and words
}

export interface Poster {
  dark: boolean;
  title: string;
  about: string;
  step: string;
  epoch: string;
  look: Look;
  kind: MapKind;
  limits: Limits | null; // of all tiles; null: each has its own
  scale: string;
  width: number; // pixels of the page
  sections: Section[];
}

const GAPS = {inside: 4}; // between the tiles of a block
export const TITLE = 22; // pixels that a block's title takes
export const LINE = 20; // of words under a tile
export const HEADS = 22; // over a block's tiles
const MARGIN = 16;
const TOP = 64;
const HEADING = 34;
const NOTE = 18;
const FOOT = 30;
const GAP = 16; // between sections
const TWICE = 2;
const MOST = {side: 32767, area: 2 ** 28}; // pixels of a canvas, in Firefox and in Chromium

/** Draw all of it; throws where no browser could hold the picture. */
export function drawPoster(poster: Poster, renderer: Renderer): HTMLCanvasElement {
  const heights = poster.sections.map(heightOf);
  const height = TOP + heights.reduce((sum, one) => sum + one + GAP, 0) + FOOT;
  const width = poster.width + 2 * MARGIN;
  const fitting = Math.min(MOST.side / Math.max(width, height), Math.sqrt(MOST.area / (width * height)));
  const scale = Math.min(TWICE, Math.floor(4 * fitting) / 4);
  if (scale < 1) {
    const count = poster.sections.flatMap(({blocks}) => blocks.flatMap(({tiles}) => tiles)).length;
    throw new Error(`${count} tiles do not fit into one picture: choose fewer or smaller tiles`);
  }
  const canvas = Object.assign(document.createElement("canvas"), {
    width: Math.floor(width * scale),
    height: Math.floor(height * scale),
  });
  const context = canvas.getContext("2d")!;
  const ink = poster.dark ? DARK : LIGHT;
  context.scale(scale, scale);
  context.fillStyle = ink.background;
  context.fillRect(0, 0, width, height);
  drawTop(context, poster, ink, width);
  let top = TOP;
  poster.sections.forEach((section, place) => {
    drawSection(context, section, top, ink, renderer, scale, poster.width);
    top += heights[place]! + GAP;
  });
  text(context, "Grad-CAM for TensorBoard", width - MARGIN, height - 12, ink.second, 11, 400, "right");
  return canvas;
}

function heightOf({places, notes}: Section): number {
  return HEADING + notes.length * NOTE + Math.max(0, ...places.map(({top, height}) => top + height));
}

const BAR = {width: 160, height: 10};

function drawTop(context: CanvasRenderingContext2D, poster: Poster, ink: Ink, width: number): void {
  context.fillStyle = ink.accent;
  context.fillRect(0, 0, width, 3);
  const right = width - MARGIN;
  const step = text(context, poster.step, right, 26, ink.text, 16, 500, "right");
  text(context, poster.epoch, right, 46, ink.second, 13, 400, "right");
  const left = right - Math.max(step, 90) - 24 - BAR.width;
  drawBar(context, poster.look, poster.kind, {left, top: 16, ...BAR});
  if (poster.limits) {
    const {low, high} = poster.limits;
    text(context, number(low), left, 40, ink.second, 11);
    text(context, number(high), left + BAR.width, 40, ink.second, 11, 400, "right");
  }
  text(context, poster.scale, left, poster.limits ? 54 : 42, ink.second, 11, 400, "left", BAR.width + 20);
  const room = left - MARGIN - 24;
  text(context, poster.title, MARGIN, 26, ink.text, 16, 500, "left", room);
  text(context, poster.about, MARGIN, 46, ink.second, 13, 400, "left", room);
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function drawSection(
  context: CanvasRenderingContext2D,
  section: Section,
  top: number,
  ink: Ink,
  renderer: Renderer,
  scale: number,
  width: number,
): void {
  const {title, color, meta, notes, blocks, places, heads} = section;
  let left = MARGIN;
  if (color) {
    dot(context, left + 5, top + 13, 5, color);
    left += 16;
  }
  const used = text(context, title, left, top + 18, ink.text, 14, 500, "left", width * 0.6);
  text(context, meta, left + used + 10, top + 18, ink.second, 12, 400, "left", width - used - left);
  notes.forEach((note, place) => {
    text(context, note, MARGIN, top + HEADING + place * NOTE + 8, ink.second, 12, 400, "left", width);
  });
  const corner = {left: MARGIN, top: top + HEADING + notes.length * NOTE};
  blocks.forEach((block, place) => {
    const box = places[place]!;
    drawBlock(
      context,
      block,
      heads,
      {...box, left: corner.left + box.left, top: corner.top + box.top},
      ink,
      renderer,
      scale,
    );
  });
}

function drawBlock(
  context: CanvasRenderingContext2D,
  {title, truth, aside, tiles}: Block,
  heads: readonly Head[],
  box: Box,
  ink: Ink,
  renderer: Renderer,
  scale: number,
): void {
  let {top} = box;
  if (title || truth || aside) {
    const right = aside ? text(context, aside, box.left + box.width, top + 15, ink.second, 13, 400, "right") + 8 : 0;
    const room = box.width - right;
    const used = text(context, title, box.left, top + 15, ink.second, 13, 400, "left", truth ? room * 0.6 : room);
    text(context, truth, box.left + used + 6, top + 15, ink.text, 13, 500, "left", room - used - 6);
    top += TITLE;
  }
  const width = (box.width - (tiles.length - 1) * GAPS.inside) / tiles.length;
  tiles.forEach((tile, place) => {
    const left = box.left + place * (width + GAPS.inside);
    const head = heads[place];
    if (head) drawHead(context, head, left, top, width, ink);
    if (tile)
      drawTile(
        context,
        tile,
        {left, top: top + (head ? HEADS : 0), width, height: width / tile.ratio},
        ink,
        renderer,
        scale,
      );
  });
}

function drawHead(
  context: CanvasRenderingContext2D,
  {name, color}: Head,
  left: number,
  top: number,
  width: number,
  ink: Ink,
) {
  if (color) dot(context, left + 5, top + 10, 5, color);
  text(context, name, left + (color ? 16 : 0), top + 15, ink.text, 13, 500, "left", width - 16);
}

function drawTile(
  context: CanvasRenderingContext2D,
  tile: PosterTile,
  box: Box,
  ink: Ink,
  renderer: Renderer,
  scale: number,
): void {
  const whole = {
    left: Math.round(box.left),
    top: Math.round(box.top),
    width: Math.floor(box.width),
    height: Math.round(box.height),
  };
  const place = drawPicture(context, tile, tile.look, whole, renderer, scale);
  context.save();
  context.beginPath();
  context.rect(place.left, place.top, place.width, place.height);
  context.clip(); // lines along the picture's edge are half as wide
  for (const {path, color, dashed} of tile.lines) drawOutline(context, path, place, color, 1.5, dashed ? [4, 3] : []);
  context.restore();
  if (tile.mark) label(context, tile.mark, place.left + 4, place.top + 4, place.width - 8, "left");
  if (tile.corner)
    label(context, tile.corner, place.left + place.width - 4, place.top + place.height - 20, place.width - 8, "right");
  tile.under.forEach((line, row) => {
    drawUnder(context, line, box.left, box.top + box.height + 15 + row * LINE, box.width, ink);
  });
}

/** Words on black, over a picture. */
function label(
  context: CanvasRenderingContext2D,
  words: string,
  x: number,
  top: number,
  room: number,
  align: "left" | "right",
): void {
  context.font = `400 11px ${FONT}`;
  const width = Math.min(context.measureText(words).width + 10, room);
  const left = align === "left" ? x : x - width;
  context.fillStyle = "rgb(0 0 0 / 78%)";
  context.fillRect(left, top, width, 16);
  text(context, words, left + 5, top + 12, "#fff", 11, 400, "left", width - 10);
}

function drawUnder(
  context: CanvasRenderingContext2D,
  {sign, right, name, value}: Under,
  left: number,
  base: number,
  width: number,
  ink: Ink,
): void {
  let at = left;
  if (sign) {
    text(context, sign, at, base, right === null ? ink.second : right ? ink.right : ink.wrong, 13, 500);
    at += 16;
  }
  context.font = `400 13px ${FONT}`;
  const share = value ? context.measureText(value).width + 6 : 0;
  const used = text(context, name, at, base, ink.text, 13, 400, "left", left + width - at - share);
  if (value) text(context, value, at + used + 6, base, ink.second, 13);
}
