import {useEffect, useRef} from "preact/hooks";
import uPlot from "uplot";
import {dark, goTo, pointedStep, step} from "../state/store";
import {compact, niceTop, shown} from "../maths/numbers";

/** One line of a chart. */
export interface Line {
  name: string;
  color: string;
  dashed?: boolean;
  points: readonly (readonly [step: number, value: number])[];
}

interface Props {
  title: string;
  lines: readonly Line[];
  range?: [number, number];
  height?: number;
  note?: string; // of what its numbers are
}

const HEIGHT = 132;
const ROOM = 6; // pixels that a measured point needs to be seen by itself
const DASH = [4, 3];

/** Lines over the steps, with axes; a click goes to the step. */
export function Chart({title, lines, range, height = HEIGHT, note}: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const at = useRef({step: step.value, pointed: pointedStep.value});
  at.current = {step: step.value, pointed: pointedStep.value};
  const text = JSON.stringify([lines, range, dark.value]);
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const chart = new uPlot(optionsOf(parent.clientWidth, height, lines, range, at), joined(lines), parent);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({width: parent.clientWidth, height}));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [text]);
  useEffect(() => {
    if (plot.current?.status === 1) plot.current.redraw(false); // before its first drawing it has no axes to redraw
  }, [step.value, pointedStep.value]);
  const read = pointedStep.value ?? step.value;
  return (
    <figure class="chart" data-testid="chart" aria-label={summaryOf(title, lines, step.value)}>
      <Legend lines={lines} at={read} pointed={pointedStep.value !== null} />
      {note && <p class="chart-note">{note}</p>}
      <div ref={place} />
    </figure>
  );
}

/** Names, and values at the step: a chart can be read without seeing its lines. */
function Legend({lines, at, pointed}: {lines: readonly Line[]; at: number; pointed: boolean}) {
  return (
    <ul class="legend">
      <li class={pointed ? "at pointed" : "at"} data-testid="chart-step">
        step {shown(at)}
      </li>
      {lines.map((line) => (
        <li key={line.name}>
          <svg class="swatch" viewBox="0 0 16 8" aria-hidden="true">
            <path d="M0 4H16" stroke={line.color} stroke-dasharray={line.dashed ? "4 3" : undefined} />
          </svg>
          <span class="name">{line.name}</span>
          <span class="value">{shown(valueNear(line, at))}</span>
        </li>
      ))}
    </ul>
  );
}

function summaryOf(title: string, lines: readonly Line[], at: number): string {
  return `${title} at step ${at}: ${lines.map((line) => `${line.name} ${shown(valueNear(line, at))}`).join(", ")}`;
}

function valueNear({points}: Line, at: number): number {
  let best: readonly [number, number] | undefined;
  for (const point of points) if (!best || Math.abs(point[0] - at) < Math.abs(best[0] - at)) best = point;
  return best?.[1] ?? Number.NaN;
}

/** Lines on one step axis; where another line has a step more, a line has a gap that is drawn across. */
function joined(lines: readonly Line[]): uPlot.AlignedData {
  if (!lines.length) return [[]];
  const tables = lines.map(
    ({points}): uPlot.AlignedData => [
      points.map(([at]) => at),
      points.map(([, value]) => (Number.isFinite(value) ? value : null)),
    ],
  );
  return uPlot.join(
    tables,
    tables.map(() => [0, 1]),
  );
}

function optionsOf(
  width: number,
  height: number,
  lines: readonly Line[],
  range: [number, number] | undefined,
  at: {current: {step: number; pointed: number | null}},
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const names = ["--second", "--line", "--accent"];
  const [ink, grid, accent] = names.map((name) => style.getPropertyValue(name));
  const axis = {stroke: ink!, font: "11px Roboto, sans-serif", grid: {stroke: grid!, width: 1}, ticks: {show: false}};
  return {
    width,
    height,
    legend: {show: false},
    cursor: {y: false, drag: {x: false, y: false}, points: {size: 5}},
    scales: {x: {time: false}, y: {range: range ?? rangeOf(lines)}},
    axes: [
      {
        ...axis,
        size: 22,
        gap: 2,
        space: 60,
        values: (_, splits) => splits.map((one) => (Number.isInteger(one) ? compact(one) : "")),
      },
      {...axis, size: 40, gap: 4, space: 24, values: (_, splits) => splits.map((one) => shown(one))},
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, width))],
    hooks: {
      draw: [
        (chart) => {
          markStep(chart, at.current.step, accent!, []);
          if (at.current.pointed !== null) markStep(chart, at.current.pointed, ink!, DASH);
        },
      ],
      ready: [goesToStep],
      setCursor: [pointAt],
    },
  };
}

/** From 0, or below where values are, to a round number above them. */
function rangeOf(lines: readonly Line[]): [number, number] {
  const values = lines.flatMap(({points}) => points.map(([, value]) => value)).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return [low < 0 ? -niceTop(-low) : 0, high > 0 || low === 0 ? niceTop(high) : 0];
}

/** Tell every chart which step is pointed at. */
function pointAt(chart: uPlot): void {
  const {idx, left} = chart.cursor;
  const pointed = idx == null || (left ?? -1) < 0 ? null : (chart.data[0][idx] ?? null);
  if (pointed !== null || chart.root.matches(":hover")) pointedStep.value = pointed;
}

/** Steps that were measured are points as long as there is room: what is between them was not. */
function seriesOf({color, dashed, points}: Line, width: number): uPlot.Series {
  return {
    stroke: color,
    width: 1.5,
    spanGaps: true,
    points: {show: points.length * ROOM < width, size: 4, fill: color},
    ...(dashed ? {dash: DASH} : {}),
  };
}

function markStep(chart: uPlot, at: number, color: string, dash: number[]): void {
  const {ctx, bbox} = chart;
  const x = chart.valToPos(at, "x", true);
  if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function goesToStep(chart: uPlot): void {
  chart.over.addEventListener("click", () => {
    const at = chart.data[0][chart.cursor.idx ?? -1];
    if (at !== undefined) goTo(at);
  });
  chart.over.addEventListener("pointerleave", () => {
    pointedStep.value = null;
  });
}
