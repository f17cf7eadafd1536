import type {Found} from "../api/loader";
import {thresholdOf} from "../maths/compose";
import {coverage, energyInside, entropy, iou, iouFrom, pointingGame} from "../maths/metrics";
import {targetName} from "../maths/series";
import {limitsFor, shownStep} from "../state/maps";
import {numberAt, sampleNumbers} from "../state/userNumbers";
import {isCut} from "../state/measure";
import {type Group, look} from "../state/store";
import type {Sample} from "../types";
import {percent, shown} from "../maths/numbers";
import {methodName} from "../state/names";
import {type Cast, className, saidOf} from "../state/samples";

interface Props {
  group: Group;
  cast: Cast;
  sample: Sample;
  index: number;
  found: Found | null;
}

type Fact = readonly [name: string, value: string];

/** What was logged of a sample and its map, and what follows from it. */
export function Facts({group, cast, sample, index, found}: Props) {
  const truth = found ? truthFacts(group, sample, index, found) : [];
  return (
    <>
      {truth.length > 0 && (
        <List title={isCut(look.value) ? "Ground truth at the threshold" : "Ground truth"} facts={truth} />
      )}
      <List title="Map" facts={found ? mapFacts(group, cast, found) : [["Map", "none here"]]} />
      <List title="Your numbers" facts={numberFacts(group, index)} />
      <List title="Sample" facts={sampleFacts(cast, sample, index)} />
    </>
  );
}

function List({title, facts}: {title: string; facts: readonly Fact[]}) {
  if (!facts.length) return null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <dl class="facts">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
      </dl>
    </section>
  );
}

function truthFacts(group: Group, sample: Sample, index: number, {map, ...found}: Found): Fact[] {
  if (!sample.boxes.length && !sample.mask) return [];
  const now = look.value;
  const limits = limitsFor({map, ...found}, now, group, index);
  const cut = thresholdOf(map, now, limits);
  const hit = pointingGame(map, sample);
  return [
    ["Pointing game", hit === null ? "no evidence" : hit ? "✓ hit" : "✗ miss"],
    ["Energy inside", percent(energyInside(map, sample) ?? Number.NaN)],
    ["IoU (half of the maximum)", shown(iou(map, sample) ?? Number.NaN)],
    [
      isCut(now) ? `IoU at threshold ${shown(cut)}` : "",
      isCut(now) ? shown(iouFrom(map, sample, limits, cut, now.smooth) ?? Number.NaN) : "",
    ],
  ];
}

function numberFacts(group: Group, index: number): Fact[] {
  return sampleNumbers(group).map((name) => {
    const value = numberAt(group, name, index, shownStep(group, index));
    return [name, value === null ? "none at this step" : shown(value)] as const;
  });
}

function mapFacts(group: Group, cast: Cast, {map, series, entry}: Found): Fact[] {
  const native = series.nativeShape?.slice(-2).join(" × ");
  return [
    ["Class explained", targetName(series, entry, cast.cohort.classNames)],
    ["Method", methodName(group.maps?.method ?? "")],
    ["Layer", group.maps?.layer ?? ""],
    ["Step", shown(map.step)],
    ["Resolution", `${map.slice ? `${map.slice.depth} × ` : ""}${map.rows} × ${map.columns} cells`],
    ["Averaged from", native && native !== `${map.rows} × ${map.columns}` ? native : ""],
    ["Minimum", shown(map.minimum)],
    ["Maximum", shown(map.maximum)],
    ["Not finite", map.nonFinite > 0 ? `${shown(map.nonFinite)} cells` : ""],
    ["Score", Number.isFinite(map.score) ? shown(map.score) : ""],
    ["Entropy (0: one cell, 1: uniform)", Number.isFinite(entropy(map)) ? shown(entropy(map)) : "no evidence"],
    ["Coverage (half of the maximum)", Number.isFinite(coverage(map)) ? percent(coverage(map)) : ""],
  ];
}

function sampleFacts(cast: Cast, sample: Sample, index: number): Fact[] {
  const said = saidOf(cast, index);
  return [
    ["Label", className(cast.cohort, sample.label) || "unknown"],
    ["Predicted", className(cast.cohort, said.prediction)],
    ["Probability of label", said.labelProbability === null ? "" : percent(said.labelProbability)],
    ["Loss", said.loss === null ? "" : shown(said.loss)],
    ["ID", sample.id],
    ["Caption", sample.caption],
    ["Picture", sample.width ? `${sample.width} × ${sample.height} pixels` : ""],
    ["Index in the series", shown(index)],
  ];
}
