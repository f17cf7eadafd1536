import {useEffect, useMemo, useRef} from "preact/hooks";
import {explainedOver, limitsFor, seriesOf} from "../state/maps";
import {entriesOver, isCut, mapOfEntry, measured, type Metric, thinned} from "../state/measure";
import {useSlowly} from "./slowly";
import {arrivals, change, colorOf, type Group, groups, loader, look, seriesKey, settings, step} from "../state/store";
import {lookAt} from "../state/wanted";
import type {MapSeries, Sample} from "../types";
import {Chart, type Line} from "./Chart";
import {shown} from "../maths/numbers";
import {castAt, sampleOf} from "../state/samples";
import {stepIndexOf} from "../maths/series";

const MOST = 40; // steps of a curve: every map of a step is measured

/** What is measured, and under which name; IoU at the threshold where one was chosen. */
function charts(): readonly (readonly [Metric, string])[] {
  return [
    ["pointing", "Pointing game: share of hits"],
    ["energy", "Energy inside the ground truth"],
    isCut(look.value) ? ["iouFrom", "IoU at the threshold"] : ["iou", "IoU (half of the maximum)"],
  ];
}

/** A run's samples that have a ground truth. */
interface Judged {
  group: Group;
  samples: readonly {index: number; sample: Sample}[];
}

/** How the maps of each run agree with the ground truth, over the steps. */
export function Overview() {
  arrivals.value;
  const all = groups.value.map(judgedOf).filter(({samples}) => samples.length);
  const open = settings.value.overview;
  if (!all.length) return null;
  return (
    <details class="overview" open={open} onToggle={(event) => change({overview: event.currentTarget.open})}>
      <summary>Ground truth over the steps</summary>
      {open && <Means all={all} />}
    </details>
  );
}

function judgedOf(group: Group): Judged {
  const judged: {sample: Sample; index: number}[] = [];
  castAt(group, step.value)?.cohort.samples.forEach((sample, index) => {
    if (sample.boxes.length || sample.mask) judged.push({sample, index});
  });
  return {group, samples: judged};
}

function Means({all}: {all: readonly Judged[]}) {
  const points = useMeans(all);
  return (
    <>
      {all.map((judged) => (
        <Looking key={`${judged.group.run}\n${judged.group.tag}`} {...judged} />
      ))}
      <div class="charts">
        {charts().map(([metric, title]) => (
          <section key={metric} aria-label={title}>
            <h3>{title}</h3>
            {points ? (
              <Chart title={title} lines={linesOf(all, points, metric)} range={[0, 1]} />
            ) : (
              <div class="chart waits" />
            )}
          </section>
        ))}
      </div>
      <p class="note">
        Means over the {shown(Math.max(...all.map(({samples}) => samples.length)))} samples with a ground truth; maps
        without evidence are left out.
      </p>
    </>
  );
}

/** All of their maps are needed, whether they can be seen or not. */
function Looking({group, samples}: Judged) {
  const who = useRef({}).current;
  const text = samples.map(({index}) => index).join();
  const indices = useMemo(() => samples.map(({index}) => index), [text]);
  const at = step.value;
  useEffect(() => lookAt(who, {group, samples: indices, step: at}), [group, indices, at]);
  useEffect(() => () => lookAt(who, null), []);
  return null;
}

interface Point {
  group: Group;
  step: number;
  values: Partial<Record<Metric, number>>;
}

interface Item {
  group: Group;
  sample: Sample;
  index: number;
  series: MapSeries;
  entry: number;
  step: number;
}

/** Each map's numbers, worked out behind the page's back once all maps are here. */
function useMeans(all: readonly Judged[]): Point[] | null {
  const now = look.value;
  const target = settings.value.target;
  const here = all.every(({group, samples}) => samples.every(({index}) => hasCome(group, index)));
  const extent = all.map(({group, samples}) => [
    group.run,
    group.tag,
    seriesKey(group),
    samples.length,
    lengthOf(group),
  ]);
  const cut = [now.threshold, now.thresholdBy, now.smooth, now.scale, target];
  const points = useSlowly(
    JSON.stringify([here, extent, cut]),
    () => (here ? all.flatMap((judged) => itemsOf(judged)) : []),
    ({group, sample, index, series, entry, step}: Item): Point => {
      const map = mapOfEntry(series, entry);
      const found = {map, series, stepIndex: stepIndexOf(series, entry), entry, exact: true};
      const limits = limitsFor(found, now, group, index);
      const setting = {sample: sampleOf(found, index, sample) ?? sample, look: now, limits, pin: null};
      const numbers = charts().map(([metric]) => [metric, measured(metric, map, setting)]);
      const some = Number.isFinite(numbers[0]![1] as number); // else there is no evidence
      return {group, step, values: some ? Object.fromEntries(numbers) : {}};
    },
  );
  return here && points?.length ? points : null;
}

function hasCome(group: Group, index: number): boolean {
  const key = seriesKey(group);
  return key === null || seriesOf(group, index) !== null || loader.problem(key, index) !== null;
}

function lengthOf(group: Group): number {
  const key = seriesKey(group);
  return (key && loader.stepsOf(key)?.length) ?? 0;
}

function itemsOf({group, samples}: Judged): Item[] {
  return samples.flatMap(({sample, index}) => {
    const series = seriesOf(group, index);
    const entries = series ? thinned(entriesOver(series, index, explainedOver(group, index)), MOST) : [];
    return entries.map(({entry, step}) => ({group, sample, index, series: series!, entry, step}));
  });
}

function linesOf(all: readonly Judged[], points: readonly Point[], metric: Metric): Line[] {
  const several = new Set(all.map(({group}) => group.tag)).size > 1;
  return all.map(({group}) => {
    const own = points.filter((point) => point.group.run === group.run && point.group.tag === group.tag);
    const name = several ? `${group.run} / ${group.tag}` : group.run;
    return {name, color: colorOf(group.run), points: meansOf(own, metric)};
  });
}

function meansOf(points: readonly Point[], metric: Metric): [step: number, mean: number][] {
  const sums = new Map<number, [sum: number, count: number]>();
  for (const {step, values} of points) {
    const [sum, count] = sums.get(step) ?? [0, 0];
    const value = values[metric];
    sums.set(step, value === undefined ? [sum, count] : [sum + value, count + 1]);
  }
  return [...sums].sort(([a], [b]) => a - b).map(([step, [sum, count]]) => [step, sum / count]);
}
