/** A card: one picture for a talk, drawn on a canvas. Pure drawing: what is on it was gathered before. */

import {colorMapFor, colorTable} from "../maths/colors";
import {maskPath} from "../maths/contour";
import {niceTop, shown} from "../maths/numbers";
import type {Renderer} from "../gpu/renderer";
import {type Size, WHOLE} from "../maths/placement";
import type {Limits, Look, MapKind, RawMap, Sample} from "../types";

export const SHAPES = {wide: {width: 1200, height: 675}, square: {width: 1080, height: 1080}} as const;
export type Shape = keyof typeof SHAPES;

/** One picture of a card at one step. */
export interface CardPicture {
  image: ImageBitmap | null;
  map: RawMap | null;
  limits: Limits;
  boxes: Sample["boxes"];
  mask: Sample["mask"];
  verdict: {right: boolean | null; name: string; probability: number | null} | null;
  aside: string; // at the right over the picture
}

/** One column of a card: the same sample and run at every step. */
export interface CardColumn {
  name: string;
  color: string | null;
  look: Look;
  pictures: CardPicture[]; // one for each of the card's steps
}

export interface CardLine {
  name: string;
  color: string;
  points: readonly (readonly [step: number, value: number])[];
}

export interface CardChart {
  title: string;
  lines: CardLine[];
  range: [number, number] | null;
}

export interface Card {
  shape: Shape;
  dark: boolean;
  title: string;
  subtitle: string;
  steps: readonly number[];
  epochs: readonly (number | null)[];
  columns: CardColumn[];
  charts: CardChart[];
  kind: MapKind;
  scale: string; // what the colours span, in words
  note: string;
}

interface Ink {
  background: string;
  text: string;
  second: string;
  line: string;
  accent: string;
  right: string;
  wrong: string;
}

const LIGHT: Ink = {
  background: "#ffffff",
  text: "#212121",
  second: "#616161",
  line: "#e0e0e0",
  accent: "#e8710a",
  right: "#1e7d34",
  wrong: "#c5221f",
};
const DARK: Ink = {
  background: "#303030",
  text: "#f5f5f5",
  second: "#c0c0c0",
  line: "#4c4c4c",
  accent: "#ff9d3f",
  right: "#8fd6a2",
  wrong: "#ff9c93",
};

const MARGIN = 40;
const GAP = 20;
const TOP = 136; // of the pictures
const CHARTS = 228; // width of the charts beside them
const FONT = "Roboto, system-ui, sans-serif";

interface Box extends Size {
  left: number;
  top: number;
}

/** Where everything is on a card of this shape. */
interface Plan {
  pictures: Box[];
  charts: Box[];
  foot: number;
}

function planOf({shape, columns, charts}: Card): Plan {
  const {width, height} = SHAPES[shape];
  const foot = height - 34;
  const count = columns.length;
  const beside = shape === "wide" && charts.length > 0;
  const room = width - 2 * MARGIN - (beside ? CHARTS + GAP + 4 : 0);
  const most = shape === "wide" ? foot - TOP - 80 : 560;
  const side = Math.floor(Math.min(most, (room - GAP * (count - 1)) / count));
  const pictures = columns.map((_, i) => ({left: MARGIN + i * (side + GAP), top: TOP, width: side, height: side}));
  const under = TOP + side + 70;
  const chartBoxes = charts.map((_, i): Box => {
    if (beside) {
      const tall = (foot - TOP - 60) / charts.length;
      return {left: width - MARGIN - CHARTS, top: TOP - 28 + i * tall, width: CHARTS, height: Math.min(tall - 24, 210)};
    }
    const wide = (width - 2 * MARGIN - GAP * 2 * (charts.length - 1)) / charts.length;
    return {left: MARGIN + i * (wide + GAP * 2), top: under, width: wide, height: Math.max(foot - under - 60, 60)};
  });
  return {pictures, charts: chartBoxes, foot};
}

/** Draw a card as it is at one of its steps; its curves reach to that step. */
export function drawCard(canvas: HTMLCanvasElement, card: Card, at: number, renderer: Renderer): void {
  const {width, height} = SHAPES[card.shape];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d", {willReadFrequently: true})!;
  const ink = card.dark ? DARK : LIGHT;
  const plan = planOf(card);
  context.fillStyle = ink.background;
  context.fillRect(0, 0, width, height);
  context.fillStyle = ink.accent;
  context.fillRect(0, 0, width, 6);
  drawHead(context, card, at, ink, width);
  card.columns.forEach((column, i) => {
    drawColumn(context, column, at, plan.pictures[i]!, ink, renderer);
  });
  card.charts.forEach((chart, i) => {
    drawChart(context, chart, card.steps, at, plan.charts[i]!, ink);
  });
  drawFoot(context, card, plan.foot, ink, width);
}

function drawHead(context: CanvasRenderingContext2D, card: Card, at: number, ink: Ink, width: number): void {
  const step = `step ${shown(card.steps[at] ?? 0)}`;
  const epoch = card.epochs[at];
  text(context, step, width - MARGIN, 60, ink.text, 28, 500, "right");
  const aside = epoch == null ? `of ${shown(card.steps.at(-1) ?? 0)}` : `epoch ${shown(Number(epoch.toFixed(2)))}`;
  text(context, aside, width - MARGIN, 85, ink.second, 16, 400, "right");
  context.font = `500 28px ${FONT}`;
  const room = width - 2 * MARGIN - 60 - context.measureText(`step ${shown(card.steps.at(-1) ?? 0)}`).width;
  text(context, card.title, MARGIN, 60, ink.text, 28, 500, "left", room);
  text(context, card.subtitle, MARGIN, 85, ink.second, 16, 400, "left", room);
}

function drawColumn(
  context: CanvasRenderingContext2D,
  {name, color, look, pictures}: CardColumn,
  at: number,
  box: Box,
  ink: Ink,
  renderer: Renderer,
): void {
  const picture = pictures[at];
  if (!picture) return;
  const size = box.width < 300 ? 16 : 20;
  let left = box.left;
  if (color) {
    context.fillStyle = color;
    context.beginPath();
    context.arc(left + 6, box.top - 16, 6, 0, 2 * Math.PI);
    context.fill();
    left += 20;
  }
  const aside = picture.aside
    ? text(context, picture.aside, box.left + box.width, box.top - 11, ink.second, 16, 400, "right")
    : 0;
  text(context, name, left, box.top - 10, ink.text, size, 500, "left", box.left + box.width - left - aside - 12);
  drawPicture(context, picture, look, box, renderer);
  if (picture.verdict) drawVerdict(context, picture.verdict, box, size, ink);
}

function drawVerdict(
  context: CanvasRenderingContext2D,
  {right, name, probability}: NonNullable<CardPicture["verdict"]>,
  box: Box,
  size: number,
  ink: Ink,
): void {
  const base = box.top + box.height + 27;
  const share =
    probability === null
      ? 0
      : text(context, probability.toFixed(2), box.left + box.width, base, ink.text, size, 500, "right");
  let left = box.left;
  if (right !== null) {
    text(context, right ? "✓" : "✗", left, base, right ? ink.right : ink.wrong, size, 500);
    left += size + 4;
  }
  text(context, name, left, base, ink.text, size, 500, "left", box.left + box.width - left - share - 12);
}

function drawPicture(
  context: CanvasRenderingContext2D,
  {image, map, limits, boxes, mask}: CardPicture,
  look: Look,
  box: Box,
  renderer: Renderer,
): void {
  const size = image ?? (map ? {width: map.columns, height: map.rows} : {width: 1, height: 1});
  const scale = Math.min(box.width / size.width, box.height / size.height);
  const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  renderer.draw(canvas, image, map, look, limits, WHOLE, 1.5);
  renderer.flush();
  const left = box.left + Math.round((box.width - width) / 2);
  const top = box.top + Math.round((box.height - height) / 2);
  context.drawImage(canvas, left, top);
  if (look.groundTruth) drawTruth(context, boxes, mask, {left, top, width, height});
}

/** White between two thin black lines, so that it is seen on any photograph. */
function drawTruth(context: CanvasRenderingContext2D, boxes: Sample["boxes"], mask: Sample["mask"], box: Box): void {
  const outline = new Path2D();
  for (const {x0, y0, x1, y1} of boxes) {
    outline.rect(box.left + x0 * box.width, box.top + y0 * box.height, (x1 - x0) * box.width, (y1 - y0) * box.height);
  }
  if (mask) {
    const place = new DOMMatrix().translate(box.left, box.top).scale(box.width, box.height);
    outline.addPath(new Path2D(maskPath(mask)), place);
  }
  for (const [style, line] of [
    ["#000", 4],
    ["#fff", 2],
  ] as const) {
    Object.assign(context, {strokeStyle: style, lineWidth: line});
    context.stroke(outline);
  }
}

function drawChart(
  context: CanvasRenderingContext2D,
  {title, lines, range}: CardChart,
  steps: readonly number[],
  at: number,
  box: Box,
  ink: Ink,
): void {
  text(context, title, box.left, box.top + 16, ink.second, 16, 400, "left", box.width);
  const [first, last] = [steps[0] ?? 0, steps.at(-1) ?? 1];
  const values = lines.flatMap(({points}) => points.map(([, value]) => value)).filter(Number.isFinite);
  const [low, high] = range ?? [Math.min(0, ...values), niceTop(Math.max(0, ...values))];
  const area = {left: box.left + 30, top: box.top + 36, width: box.width - 42, height: box.height - 60};
  const x = (step: number) => area.left + ((step - first) / (last - first || 1)) * area.width;
  const y = (value: number) => area.top + area.height - ((value - low) / (high - low || 1)) * area.height;
  for (const value of [low, (low + high) / 2, high]) {
    context.fillStyle = ink.line;
    context.fillRect(area.left, Math.round(y(value)), area.width, 1);
    text(context, shown(Number(value.toPrecision(2))), area.left - 8, y(value) + 5, ink.second, 13, 400, "right");
  }
  text(context, `step ${shown(first)}`, area.left, area.top + area.height + 22, ink.second, 13);
  text(context, shown(last), area.left + area.width, area.top + area.height + 22, ink.second, 13, 400, "right");
  const until = steps[at] ?? last;
  for (const {color, points} of lines) drawLine(context, color, points, until, x, y);
}

/** A curve that has drawn itself as far as a step. */
function drawLine(
  context: CanvasRenderingContext2D,
  color: string,
  points: CardLine["points"],
  until: number,
  x: (step: number) => number,
  y: (value: number) => number,
): void {
  const drawn = points.filter(([step, value]) => step <= until && Number.isFinite(value));
  const end = drawn.at(-1);
  if (!end) return;
  Object.assign(context, {strokeStyle: color, lineWidth: 2.5, lineJoin: "round"});
  context.beginPath();
  for (const [step, value] of drawn) context.lineTo(x(step), y(value));
  context.stroke();
  context.fillStyle = color;
  context.beginPath();
  context.arc(x(end[0]), y(end[1]), 4, 0, 2 * Math.PI);
  context.fill();
}

const BAR = {width: 160, height: 10};

function drawFoot(context: CanvasRenderingContext2D, card: Card, foot: number, ink: Ink, width: number): void {
  const table = colorTable(colorMapFor(card.columns[0]?.look ?? {colorMap: "inferno"}, card.kind));
  for (let i = 0; i < BAR.width; i++) {
    const color = Math.round((i / (BAR.width - 1)) * 255) * 3;
    context.fillStyle = `rgb(${table[color]} ${table[color + 1]} ${table[color + 2]})`;
    context.fillRect(MARGIN + i, foot - 4, 1, BAR.height);
  }
  const note = text(context, card.note, width - MARGIN, foot + 6, ink.second, 13, 400, "right");
  text(
    context,
    card.scale,
    MARGIN + BAR.width + 10,
    foot + 6,
    ink.second,
    13,
    400,
    "left",
    width - 2 * MARGIN - BAR.width - 30 - note,
  );
}

/** Write a line, cut in the middle where it has no room; its width. */
function text(
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
