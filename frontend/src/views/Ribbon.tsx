import {useMemo} from "preact/hooks";
import {shown} from "../maths/numbers";
import {areaPath, barsPath, linePath, placeOn, roundSteps} from "../maths/ribbon";
import {flags, flagShown, type Row, rowCount} from "../state/ribbon";
import {colorOf, dark, pointedStep} from "../state/store";

export const AXIS = 15; // pixels below the rows
const FIRST = 37; // pixels of a single row
const MORE = 10; // that each further run adds to all rows together
const BARS = 5; // pixels of the largest movement
const LEAST = 16; // pixels of a row that has room for bars
const LABELS = 90; // pixels between labelled steps

/** Pixels of a row, where several share the bar. */
export function rowHeight(count: number): number {
  return (FIRST + MORE * (count - 1)) / count;
}

interface Props {
  all: readonly Row[];
  axis: Float64Array;
  width: number;
}

/** A row for each run: how far attention moved between kept steps, the share inside the ground truth, and flags. */
export function Ribbon({all, axis, width}: Props) {
  const count = rowCount.value;
  const height = rowHeight(count);
  const total = FIRST + MORE * (count - 1);
  const place = placeOn(axis, width);
  const pointed = pointedStep.value;
  const night = dark.value;
  const drawn = useMemo(() => {
    const largest = largestOf(all);
    return all.map((row, index) => (
      <g key={row.run} transform={`translate(0 ${index * height})`} style={{color: colorOf(row.run)}}>
        {row.timeline ? (
          <Told row={row} place={place} height={height} largest={largest} width={width} />
        ) : (
          <Ticks at={row.kept ?? []} place={place} base={height - 1} />
        )}
      </g>
    ));
  }, [all, axis, width, height, night]);
  return (
    <svg class="ribbon" width={width} height={total + AXIS} aria-hidden="true" data-testid="ribbon">
      {!all.length && <Ticks at={axis} place={place} base={total - 1} />}
      {drawn}
      <Axis axis={axis} width={width} top={total} />
      {pointed !== null && <path class="pointed" d={`M${place(pointed).toFixed(1)} 0V${total}`} />}
    </svg>
  );
}

interface Largest {
  inside: number;
  moved: number;
}

/** One scale for all runs: the log's largest. */
function largestOf(all: readonly Row[]): Largest {
  const most = (name: "inside" | "moved" | "expected_inside") =>
    Math.max(0, ...all.flatMap(({timeline}) => timeline?.[name].filter((value) => value !== null) ?? []));
  return {inside: Math.max(most("inside"), most("expected_inside")), moved: most("moved")};
}

interface ToldProps {
  row: Row;
  place: (step: number) => number;
  height: number;
  largest: Largest;
  width: number;
}

function Told({row: {run, timeline, isInside}, place, height, largest, width}: ToldProps) {
  const {step, inside, moved, expected_inside: expected} = timeline!;
  const xs = step.map(place);
  const hasBars = isInside && height >= LEAST;
  const base = height - 1 - (hasBars ? BARS : 0);
  const values = isInside ? inside : moved;
  const most = (isInside ? largest.inside : largest.moved) || 1;
  const y = (value: number) => base - (value / most) * (base - 3);
  return (
    <>
      <path class="area" d={areaPath(xs, values, y, base)} />
      <path class="base" d={`M0 ${base}H${width}`} />
      {isInside && <path class="expected" d={linePath(xs, expected, y)} />}
      <path class="line" d={linePath(xs, values, y)} data-run={run} />
      {hasBars && <path class="moves" d={barsPath(xs, moved, largest.moved, base, BARS)} />}
      {flags.value
        .filter((flag) => flag.run === run)
        .map(({step: at}) => (
          <Flag key={at} run={run} at={at} x={place(at)} base={base} />
        ))}
    </>
  );
}

function Flag({run, at, x, base}: {run: string; at: number; x: number; base: number}) {
  const grown = flagShown.value?.run === run && flagShown.value.step === at;
  const size = grown ? 1.3 : 1;
  const middle = Math.round(x) + 0.5;
  return (
    <path
      class={grown ? "flag grown" : "flag"}
      data-testid="flag"
      data-run={run}
      data-step={at}
      d={`M${middle} ${base}V0.5h${9 * size}l${-2.5 * size} ${3 * size}l${2.5 * size} ${3 * size}H${middle}`}
    />
  );
}

/** Where steps are kept, of a run of which nothing more is known. */
function Ticks({at, place, base}: {at: ArrayLike<number>; place: (step: number) => number; base: number}) {
  const d = Array.from(at, (step) => `M${Math.round(place(step)) + 0.5} ${base}v-5`).join("");
  return <path class="ticks" d={d} />;
}

function Axis({axis, width, top}: {axis: Float64Array; width: number; top: number}) {
  const place = placeOn(axis, width);
  const [first, last] = [axis[0], axis.at(-1)];
  if (first === undefined || last === undefined) return null;
  const label = (step: number, anchor: string, x: number) => (
    <text key={step} x={x} y={top + 12} text-anchor={anchor}>
      {shown(step)}
    </text>
  );
  return (
    <g class="axis">
      {label(first, "start", 0)}
      {roundSteps(axis, width, LABELS).map((step) => label(step, "middle", place(step)))}
      {last > first && label(last, "end", width)}
    </g>
  );
}
