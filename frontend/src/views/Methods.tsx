import {useMemo, useRef} from "preact/hooks";
import {interval, type Interval} from "../maths/bootstrap";
import {areaPath, linePath, placeOn, roundSteps, stepUnder} from "../maths/ribbon";
import {nearestStep} from "../maths/steps";
import {shown} from "../maths/numbers";
import {
  best,
  doubtsOf,
  isFalling,
  type Measured,
  measured,
  measureName,
  methodsAt,
  RANDOM,
  zeroOf,
} from "../state/belief";
import {measuredNames} from "../state/measuredNames";
import {methodName} from "../state/names";
import {mapNumbers, numbersAt, numbersOf} from "../state/userNumbers";
import {change, colorOf, goTo, type Group, groups, layer, method, settings, step} from "../state/store";
import {useScreenWidth} from "./screenWidth";
import {numberOf, useSlowly} from "./slowly";

/** Which methods and layers were logged, and how far their maps can be believed at this step. */
export function Methods() {
  const names = measuredNames.value;
  const name = names.find((one) => one === settings.value.measure) ?? names[0];
  if (!name) {
    return (
      <div class="methods">
        <p class="hint">
          No measures of the maps were logged. Pass <code>measures=("gain_head", "class_sensitivity")</code> to the
          logger to log them.
        </p>
      </div>
    );
  }
  return (
    <div class="methods">
      <label class="inline">
        <span>Measure</span>
        <select aria-label="Measure" value={name} onChange={(event) => change({measure: event.currentTarget.value})}>
          {names.map((one) => (
            <option key={one} value={one}>
              {measureName(one)}
            </option>
          ))}
        </select>
        <span class="note">{isFalling(name) ? "lower is better" : "higher is better"}</span>
      </label>
      <Table name={name} />
      <OverSteps name={name} />
    </div>
  );
}

/** The methods and layers, best first, each with its interval, and what can't be told apart. */
function Table({name}: {name: string}) {
  const all = groups.value.map((group) => methodsAt(group, name, step.value));
  const known = all.flatMap((one) => one ?? []);
  const text = JSON.stringify(known.map((one) => [one.run, one.method, one.layer, one.step, [...one.bySample]]));
  const {ranked, doubts} = useMemo(() => {
    const ranked = best(known, name);
    return {ranked, doubts: ranked.map((row) => doubtsOf(row, ranked))};
  }, [text, name]);
  if (all.includes(null)) return <p class="hint">Loading…</p>;
  const several = new Set(known.map(({run}) => run)).size > 1;
  const ends = known.flatMap(({interval: {low, high}}) => [low, high]).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  return (
    <table>
      <caption class="note">
        Mean over the samples at step {shown(step.value)} with its 95 % bootstrap interval, best first within each run.
        Differences are tested on the same samples.
      </caption>
      <thead>
        <tr>
          {several && <th scope="col">Run</th>}
          <th scope="col">Method</th>
          <th scope="col">Layer</th>
          <th scope="col" class="figure">
            {measureName(name)}
          </th>
          <th scope="col">95 % interval</th>
          <th scope="col" class="figure">
            Samples
          </th>
          <th scope="col">No clear difference</th>
        </tr>
      </thead>
      <tbody>
        {ranked.map((row, index) => (
          <tr key={`${row.run} ${row.method} ${row.layer}`}>
            {several && (
              <td>
                <span class="dot" style={{background: colorOf(row.run)}} /> {row.run}
              </td>
            )}
            <th scope="row">
              <button
                type="button"
                class="link"
                aria-pressed={row.method === method.value && row.layer === layer.value}
                title="Show its maps"
                onClick={() => change({method: row.method, layer: row.layer})}
              >
                {methodName(row.method)}
              </button>
            </th>
            <td>{row.layer}</td>
            <td class="figure">{measured(name, row.interval.mean)}</td>
            <td>
              <Range {...row.interval} from={low} to={high} isRandom={row.method === RANDOM} />
              <span class="note">
                {measured(name, row.interval.low)} to {measured(name, row.interval.high)}
              </span>
            </td>
            <td class="figure">
              {shown(row.interval.count)}
              {row.step !== step.value && <span class="note"> at step {shown(row.step)}</span>}
            </td>
            <td class="note">{doubtWords(row, doubts[index]!)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function doubtWords(row: Measured, doubts: readonly string[]): string {
  if (row.method === RANDOM) return ["the baseline", ...doubts].join("; ");
  return doubts.join("; ");
}

const WIDTH = 160;

/** An interval on the scale of the table, with the line of 0. */
function Range({mean, low, high, from, to, isRandom}: Interval & {from: number; to: number; isRandom: boolean}) {
  const x = (value: number) => 4 + ((value - from) / (to - from || 1)) * (WIDTH - 8);
  if (!Number.isFinite(mean)) return null;
  return (
    <svg class={isRandom ? "range-of random" : "range-of"} width={WIDTH} height={12} aria-hidden="true">
      <path class="zero" d={`M${x(0)} 0V12`} />
      <path class="range" d={`M${x(low)} 6H${Math.max(x(high), x(low) + 1)}`} />
      <circle cx={x(mean)} cy={6} r={3} />
    </svg>
  );
}

const MOST = 60; // steps of a curve
const RESAMPLES = 300;
const HEIGHT = 180;
const EDGES = {top: 8, bottom: 18, left: 44};

interface Point {
  run: string;
  step: number;
  interval: Interval;
}

/** The mean over the samples at each step, with its interval as a band, of the maps that are shown. */
function OverSteps({name}: {name: string}) {
  const place = useRef<HTMLDivElement>(null);
  const width = useScreenWidth(place, 800) / devicePixelRatio - EDGES.left;
  const shownGroups = groups.value.filter((group) => mapNumbers(group).includes(name));
  const series = shownGroups.flatMap((group) => {
    const own = group.entry.numbers.find(
      (one) => one.name === name && one.method === group.maps?.method && one.layer === group.maps.layer,
    );
    const numbers = numbersOf(group, own);
    return numbers ? [{group, numbers}] : [];
  });
  const points = useSlowly(
    JSON.stringify([name, series.map(({numbers}) => numberOf(numbers))]),
    () => series.flatMap(({group, numbers}) => thinnedSteps(numbers.steps).map((at) => ({group, numbers, at}))),
    ({group, numbers, at}): Point => ({
      run: group.run,
      step: at,
      interval: interval([...numbersAt(numbers, at).bySample.values()], RESAMPLES),
    }),
  );
  return (
    <figure class="over-steps" ref={place}>
      <figcaption>
        <strong>{`${measureName(name)} over the steps`}</strong>{" "}
        <span class="note">
          {methodName(method.value)} at {layer.value}: mean over the samples, with its 95 % interval
        </span>
      </figcaption>
      {points && points.length > 0 && <Bands points={points} groups={shownGroups} name={name} width={width} />}
    </figure>
  );
}

function thinnedSteps(steps: Float64Array): number[] {
  const stride = Math.max(Math.ceil(steps.length / MOST), 1);
  return [...steps].filter((_, index) => index % stride === 0 || index === steps.length - 1);
}

interface BandsProps {
  points: readonly Point[];
  groups: readonly Group[];
  name: string;
  width: number;
}

function Bands({points, groups, name, width}: BandsProps) {
  const axis = [...new Set(points.map((point) => point.step))].sort((a, b) => a - b);
  const x = placeOn(axis, width);
  const zeros = groups.map((group) => zeroOf(group, name, step.value)?.value ?? null).filter((one) => one !== null);
  const ends = [...points.flatMap(({interval: {low, high}}) => [low, high]), ...zeros].filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...ends), Math.max(...ends)];
  const bottom = HEIGHT - EDGES.bottom;
  const y = (value: number) => bottom - ((value - low) / (high - low || 1)) * (bottom - EDGES.top);
  const runs = [...new Set(points.map(({run}) => run))];
  const at = step.value;
  return (
    <>
      <ul class="legend">
        {runs.map((run) => {
          const near = points.filter((point) => point.run === run);
          const one =
            near[
              nearestStep(
                near.map((point) => point.step),
                at,
              )
            ]!;
          return (
            <li key={run}>
              <span class="dot" style={{background: colorOf(run)}} /> {run}{" "}
              <span class="value">
                {measured(name, one.interval.mean)}, {measured(name, one.interval.low)} to{" "}
                {measured(name, one.interval.high)}
                {one.step !== at && ` at step ${shown(one.step)}`}
              </span>
            </li>
          );
        })}
      </ul>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the scrubber does the same by keys */}
      <svg
        class="bands"
        width={width + EDGES.left}
        height={HEIGHT}
        role="img"
        aria-label={`${measureName(name)} over the steps`}
        onClick={(event) => {
          const left = event.currentTarget.getBoundingClientRect().left + EDGES.left;
          goTo(axis[nearestStep(axis, stepUnder(axis, width, event.clientX - left))]!);
        }}
      >
        <g transform={`translate(${EDGES.left} 0)`}>
          {[low, high].map((value) => (
            <text key={value} x={-6} y={y(value) + 4} text-anchor="end">
              {measured(name, value)}
            </text>
          ))}
          <path class="base" d={`M0 ${y(0)}H${width}`} />
          {zeros.slice(0, 1).map((zero) => (
            <path key={zero} class="zero" d={`M0 ${y(zero)}H${width}`} />
          ))}
          {runs.map((run) => {
            const own = points.filter((point) => point.run === run && Number.isFinite(point.interval.mean));
            const xs = own.map((point) => x(point.step));
            return (
              <g key={run} style={{color: colorOf(run)}}>
                <path
                  class="band"
                  d={bandPath(
                    xs,
                    own.map((point) => point.interval),
                    y,
                  )}
                />
                <path
                  class="line"
                  d={linePath(
                    xs,
                    own.map((point) => point.interval.mean),
                    y,
                  )}
                />
              </g>
            );
          })}
          <path class="now" d={`M${x(at)} ${EDGES.top}V${bottom}`} />
          {[axis[0]!, ...roundSteps(axis, width, 90), axis.at(-1)!].map((one, index, all) => (
            <text
              key={one}
              x={x(one)}
              y={HEIGHT - 4}
              text-anchor={index === 0 ? "start" : index === all.length - 1 ? "end" : "middle"}
            >
              {shown(one)}
            </text>
          ))}
        </g>
      </svg>
    </>
  );
}

/** What lies between the ends of intervals. */
function bandPath(xs: readonly number[], intervals: readonly Interval[], y: (value: number) => number): string {
  if (xs.length < 2) return areaPath([], [], y, 0);
  const edge = (name: "low" | "high") =>
    xs.map((x, index) => `${x.toFixed(1)} ${y(intervals[index]![name]).toFixed(1)}`);
  return `M${edge("high").join("L")}L${edge("low").reverse().join("L")}Z`;
}
