import {tileKey} from "../state/spec";
import {arrivals, change, colorOf, focusKey, type Group, groups, loader, seriesKey, step, steps} from "../state/store";
import type {Sample} from "../types";
import {shown} from "./controls";
import {Verdict} from "./Grid";
import {Picture} from "./Picture";
import {type Cast, castAt, className, saidOf} from "./samples";

/** One sample, large, with what was logged of it. */
export function Focus() {
  arrivals.value;
  const found = groups.value.flatMap((group) => {
    const count = castAt(group, step.value)?.cohort.samples.length ?? 0;
    const index = Array.from({length: count}).findIndex(
      (_, sample) => tileKey({run: group.run, tag: group.tag, sample}) === focusKey.value,
    );
    return index < 0 ? [] : [{group, index}];
  })[0];
  if (!found) return null;
  return <Panel group={found.group} index={found.index} />;
}

function Panel({group, index}: {group: Group; index: number}) {
  const cast = castAt(group, step.value);
  const sample = cast?.cohort.samples[index];
  if (!cast || !sample) return null;
  const said = saidOf(cast, index);
  return (
    <aside class="focus" aria-label="The sample in focus">
      <div class="title">
        <strong>{sample.id || `${group.tag} ${index}`}</strong>
        <button type="button" class="icon" aria-label="Close" onClick={() => change({focus: null})}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M18.3 5.7 12 12l6.3 6.3-1.4 1.4-6.3-6.3-6.3 6.3-1.4-1.4L9.2 12 2.9 5.7l1.4-1.4 6.3 6.3 6.3-6.3z" />
          </svg>
        </button>
      </div>
      <Picture group={group} sample={sample} index={index} large />
      <Verdict cast={cast} sample={sample} said={said} />
      <Facts group={group} cast={cast} sample={sample} index={index} />
      {said.top.length > 0 && <h2>Most probable</h2>}
      <dl class="facts">
        {said.top.map(({name, probability}) => [
          <dt key={name}>{name}</dt>,
          <dd key={`${name}=`}>{shown(probability)}</dd>,
        ])}
      </dl>
      <h2>Probability of the prediction</h2>
      <Chart index={index} tag={group.tag} />
    </aside>
  );
}

interface FactsProps {
  group: Group;
  cast: Cast;
  sample: Sample;
  index: number;
}

function Facts({group, cast, sample, index}: FactsProps) {
  arrivals.value; // the map may come after the panel
  const key = seriesKey(group);
  const map = key && loader.mapAt(key, index, step.value)?.map;
  const facts: [string, string][] = [
    ["Run", group.run],
    ["Label", className(cast.cohort, sample.label) || "–"],
    ["Caption", sample.caption],
    ["Picture", sample.width ? `${sample.width} × ${sample.height}` : ""],
    ["Map of class", map && map.target >= 0 ? className(cast.cohort, map.target) : ""],
    ["Map of step", map ? shown(map.step) : "–"],
    ["Cells", map ? `${map.rows} × ${map.columns}` : "–"],
    ["Minimum", map ? shown(map.minimum) : "–"],
    ["Maximum", map ? shown(map.maximum) : "–"],
    ["Score", map ? shown(map.score) : "–"],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
    </dl>
  );
}

/** The same sample's probability in each run of the same series, over the steps. */
function Chart({index, tag}: {index: number; tag: string}) {
  const axis = steps.value;
  const [first, last] = [axis[0] ?? 0, axis.at(-1) ?? 1];
  const place = (value: number) => ((value - first) / Math.max(last - first, 1)) * 100;
  return (
    <svg
      class="chart"
      viewBox="0 0 100 100"
      preserveAspectRatio="none"
      role="img"
      aria-label="Probability over steps, 0 to 1"
    >
      {groups.value
        .filter((group) => group.tag === tag)
        .map((group) => (
          <path key={group.run} stroke={colorOf(group.run)} d={curve(group, index, place)} />
        ))}
      <line x1={place(step.value)} x2={place(step.value)} y1={0} y2={100} />
    </svg>
  );
}

function curve(group: Group, index: number, place: (step: number) => number): string {
  const said = loader.predictions(group.run, group.tag);
  if (!said?.probability) return "";
  const {data, columns} = said.probability;
  const points = Array.from(said.steps, (at, row) => [
    place(at),
    100 - 100 * (data[row * columns + index] ?? Number.NaN),
  ]);
  return points
    .filter(([, y]) => Number.isFinite(y))
    .map(([x, y], position) => `${position ? "L" : "M"}${x} ${y}`)
    .join("");
}
