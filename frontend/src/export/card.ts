/** A card: one picture for a talk, drawn on a canvas. Pure drawing: what is on it was gathered before. */

import {niceTop, shown} from "../maths/numbers";
import type {Renderer} from "../gpu/renderer";
import type {Look, MapKind, Sample} from "../types";
import {type Box, DARK, dot, drawBar, drawPicture, type Ink, FONT, LIGHT, type Pictured, text} from "./ink";

export const SHAPES = {wide: {width: 1200, height: 675}, square: {width: 1080, height: 1080}} as const;
export type Shape = keyof typeof SHAPES;

/** One picture of a card at one step. */
export interface CardPicture extends Omit<Pictured, "truth"> {
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

const MARGIN = 40;
const GAP = 20;
const TOP = 136; // of the pictures
const CHARTS = 228; // width of the charts beside them
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
    dot(context, left + 6, box.top - 16, 6, color);
    left += 20;
  }
  const aside = picture.aside
    ? text(context, picture.aside, box.left + box.width, box.top - 11, ink.second, 16, 400, "right")
    : 0;
  text(context, name, left, box.top - 10, ink.text, size, 500, "left", box.left + box.width - left - aside - 12);
  const {boxes, mask} = picture;
  drawPicture(context, {...picture, truth: look.groundTruth ? {boxes, mask} : null}, look, box, renderer);
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
  dot(context, x(end[0]), y(end[1]), 4, color);
}

const BAR = {width: 160, height: 10};

function drawFoot(context: CanvasRenderingContext2D, card: Card, foot: number, ink: Ink, width: number): void {
  drawBar(context, card.columns[0]?.look ?? {colorMap: "inferno"}, card.kind, {left: MARGIN, top: foot - 4, ...BAR});
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
