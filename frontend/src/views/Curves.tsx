import {useId} from "preact/hooks";
import {explainedOver, limitsFor, seriesOf} from "../state/maps";
import {entriesOver, isCut, mapOfEntry, measured, type Metric, thinned} from "../state/measure";
import {sizeOf, stepIndexOf} from "../maths/series";
import {measureName} from "../state/belief";
import {numberOver, ownNumbers} from "../state/userNumbers";
import {numberOf, useSlowly} from "./slowly";
import type {Twin} from "../state/twins";
import {arrivals, change, colorOf, look, pin, predictionsOf, settings} from "../state/store";
import type {Sample} from "../types";
import {Chart, type Line} from "./Chart";
import {type Cast, className, sampleOf, saidOver} from "../state/samples";

const MOST = 200; // steps of a curve: more than it has pixels

interface Props {
  twins: readonly Twin[];
  sample: Sample;
  cast: Cast;
}

interface Curve {
  name: string; // of its tab
  title: string;
  lines: Line[] | null; // null: on their way
  range?: [number, number];
  note?: string; // of what it is, where that is not the whole map
}

/** One sample over the steps, in each run: one chart, with a tab for each number. */
export function Curves({twins, sample, cast}: Props) {
  arrivals.value;
  const all = useCurves(twins, sample, cast);
  const shown = all.find(({name}) => name === settings.value.chart) ?? all[0]!;
  const id = useId();
  const go = (event: KeyboardEvent) => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!by) return;
    event.preventDefault();
    const next = all[(all.indexOf(shown) + by + all.length) % all.length]!;
    change({chart: next.name});
    (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=tab]")[all.indexOf(next)]?.focus();
  };
  return (
    <section class="curves" aria-label="Over the steps">
      <div class="tabs" role="tablist" aria-label="Numbers over the steps" onKeyDown={go} tabIndex={-1}>
        {all.map(({name}) => (
          <button
            key={name}
            type="button"
            role="tab"
            aria-selected={name === shown.name}
            aria-controls={id}
            tabIndex={name === shown.name ? 0 : -1}
            onClick={() => change({chart: name})}
          >
            {measureName(name)}
          </button>
        ))}
      </div>
      <div id={id} role="tabpanel" aria-label={shown.title}>
        {shown.lines ? (
          <Chart
            key={shown.name}
            title={shown.title}
            lines={shown.lines}
            {...(shown.range ? {range: shown.range} : {})}
            {...(shown.note ? {note: shown.note} : {})}
          />
        ) : (
          <div class="chart waits" />
        )}
      </div>
    </section>
  );
}

function useCurves(twins: readonly Twin[], sample: Sample, cast: Cast): Curve[] {
  const label = className(cast.cohort, sample.label);
  const curves = useMeasured(twins, sample);
  const lines = (metrics: readonly (readonly [Metric, string])[]) => curves && linesOf(twins, curves, metrics);
  const said = probabilities(twins);
  const share: [number, number] = [0, 1];
  const all: (Curve | false)[] = [
    said.length > 0 && {
      name: "Probability",
      title: label ? `Probability of ${label} and of the prediction` : "Probability",
      lines: said,
      range: share,
    },
    (sample.boxes.length > 0 || sample.mask !== null) && {
      name: "Inside the region",
      title: "Energy inside the marked region, and IoU with it",
      lines: lines([
        ["energy", "energy inside"],
        [isCut(look.value) ? "iouFrom" : "iou", "IoU"],
      ]),
    },
    pin.value !== null && {name: "Pin", title: "Value at the pin", lines: lines([["pin", ""]])},
    {name: "Entropy", title: "Entropy of the map", lines: lines([["entropy", ""]])},
    {name: "Area", title: "Area above the threshold", lines: lines([["area", ""]])},
    {
      name: "Center",
      title: "Center of the map",
      lines: lines([
        ["x", "x"],
        ["y", "y"],
      ]),
      range: share,
    },
  ];
  const found = all.filter((curve) => curve !== false);
  return [...(hasSlices(twins) ? found.map(ofSlice) : found), ...numberCurves(twins)];
}

/** Whether any of the maps is a volume's. */
function hasSlices(twins: readonly Twin[]): boolean {
  return twins.some(({group, index}) => {
    const series = seriesOf(group, index);
    const [first] = series ? entriesOver(series, index) : [];
    return series && first ? sizeOf(series, first.entry).depth > 1 : false;
  });
}

const DEPTH = "at the depth with the most evidence";

/** Numbers of a volume's map are those of one slice: the one that is shown unless another is chosen. */
function ofSlice(curve: Curve): Curve {
  return curve.name === "Probability" ? curve : {...curve, title: `${curve.title}, ${DEPTH}`, note: DEPTH};
}

/** Numbers of the user's own. */
function numberCurves(twins: readonly Twin[]): Curve[] {
  const names = new Set(twins.flatMap(({group}) => ownNumbers(group)));
  return [...names].map((name) => ({
    name,
    title: name,
    lines: twins.flatMap(({group, index}) => {
      const points = numberOver(group, name, index);
      return points ? [{name: group.run, color: colorOf(group.run), points}] : [];
    }),
  }));
}

/** Of the label as it was logged, and of whatever was predicted. */
function probabilities(twins: readonly Twin[]): Line[] {
  return twins.flatMap(({group, index}) => {
    const said = predictionsOf(group);
    if (!said) return [];
    const line = (name: string, matrix: typeof said.probability, dashed: boolean): Line[] =>
      matrix
        ? [
            {
              name: `${group.run}, ${name}`,
              color: colorOf(group.run),
              dashed,
              points: saidOver(said, matrix, index),
            },
          ]
        : [];
    return [...line("label", said.labelProbability, false), ...line("prediction", said.probability, true)];
  });
}

interface Point {
  twin: Twin;
  step: number;
  values: Partial<Record<Metric, number>>;
}

const ALWAYS: readonly Metric[] = ["entropy", "area", "x", "y"];

/** Every number of every run's maps of the sample, worked out behind the page's back; null before. */
function useMeasured(twins: readonly Twin[], sample: Sample): Point[] | null {
  const metrics: Metric[] = [...ALWAYS];
  if (pin.value) metrics.push("pin");
  if (sample.boxes.length || sample.mask) metrics.push("energy", isCut(look.value) ? "iouFrom" : "iou");
  const whole = twins.flatMap((twin) => {
    const series = seriesOf(twin.group, twin.index);
    return series ? [{twin, series}] : [];
  });
  const now = look.value;
  const target = settings.value.target;
  const cut = [now.threshold, now.thresholdBy, now.smooth, now.scale];
  const text = JSON.stringify([
    whole.map(({series}) => numberOf(series)),
    sample.image,
    metrics,
    cut,
    target,
    pin.value,
  ]);
  const points = useSlowly(
    text,
    () =>
      whole.flatMap(({twin, series}) =>
        thinned(entriesOver(series, twin.index, explainedOver(twin.group, twin.index)), MOST).map((one) => ({
          twin,
          series,
          ...one,
        })),
      ),
    ({twin, series, step, entry}): Point => {
      const map = mapOfEntry(series, entry);
      const found = {map, series, stepIndex: stepIndexOf(series, entry), entry, exact: true};
      const own = sampleOf(found, twin.index, sample) ?? sample;
      const setting = {sample: own, look: now, limits: limitsFor(found, now, twin.group, twin.index), pin: pin.peek()};
      return {twin, step, values: Object.fromEntries(metrics.map((name) => [name, measured(name, map, setting)]))};
    },
  );
  return whole.length ? points : null;
}

function linesOf(
  twins: readonly Twin[],
  points: readonly Point[],
  metrics: readonly (readonly [Metric, string])[],
): Line[] {
  return twins.flatMap(({group}) =>
    metrics.map(([metric, name], place) => ({
      name: name ? `${group.run}, ${name}` : group.run,
      color: colorOf(group.run),
      dashed: place > 0,
      points: points
        .filter(({twin}) => twin.group.run === group.run)
        .map(({step, values}) => [step, values[metric] ?? Number.NaN] as const),
    })),
  );
}
