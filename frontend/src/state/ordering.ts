/** Which samples the filters show, and in which order. */

import {thresholdOf} from "../maths/compose";
import {attentionMoved} from "../maths/compare";
import {entropy, iou, iouFrom, shareIn} from "../maths/metrics";
import type {Sample} from "../types";
import {placesIn} from "../maths/places";
import {leadOf, partsOfTables, peersOf} from "./compare";
import {region} from "./findings";
import {limitsFor, mapOf} from "./maps";
import {isCut} from "./measure";
import {type Cast, castAt, className, isRight, type Said, saidOf} from "./samples";
import type {Settings, Sort} from "./settings";
import {type Group, groups, look, settings, step, steps} from "./store";
import {numberAt, ownNumbers} from "./userNumbers";
import {view} from "./view";

/** Where a sample is shown: in one place, or in each cell of its row of a comparison. */
export interface Seat {
  group: Group;
  cast: Cast;
  index: number;
  at: number; // the step
}

type SeatsOf = (index: number) => readonly Seat[];

/** The seats of a grid: one each. */
function alone(group: Group, cast: Cast): SeatsOf {
  return (index) => [{group, cast, index, at: step.value}];
}

/** Those who stand on their heads: the least probable label, the most uncertain, the worst IoU come first. */
const RISING: readonly Sort[] = ["probability", "label-probability", "iou"];

export function ordered(group: Group, cast: Cast, wanted: Settings, seatsOf = alone(group, cast)): number[] {
  const {samples} = cast.cohort;
  const indices = placesIn(cast.cohort).filter(
    (index) => isEnough(group, index, wanted) && isShown(cast, samples[index]!, index, wanted, seatsOf),
  );
  if (wanted.sort === "logged") return indices;
  const values = new Map(indices.map((index) => [index, rankOf(group, cast, index, wanted, seatsOf)]));
  const sign = RISING.includes(wanted.sort) ? 1 : -1;
  const rank = (index: number) => {
    const value = values.get(index)!;
    return Number.isFinite(value) ? value * sign : Infinity; // what is not known comes last
  };
  return indices.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(a) - rank(b)));
}

/** Whether the user's own number is at least what the filter asks for. */
function isEnough(group: Group, index: number, {minNumber}: Settings): boolean {
  return minNumber === null || (ownNumber(group, index) ?? Number.NEGATIVE_INFINITY) >= minNumber;
}

/** The samples of tables whose samples are `first`'s, in their order. */
export function orderedInTables(tags: readonly string[], first: Group, cast: Cast, wanted: Settings): number[] {
  return ordered(first, cast, wanted, (index) => peersOf(tags, cast, index));
}

function isShown(cast: Cast, sample: Sample, index: number, wanted: Settings, seatsOf: SeatsOf): boolean {
  const {verdict, text, label, prediction, minProbability} = wanted;
  const said = saidOf(cast, index);
  if (verdict !== "all" && verdictOf(seatsOf(index)) !== (verdict === "right")) return false;
  if (label !== null && !(sample.labels ?? [sample.label]).includes(label)) return false;
  if (prediction !== null && said.prediction !== prediction) return false;
  if (minProbability > 0 && !((said.probability ?? 0) >= minProbability)) return false;
  return wordsOf(cast, sample, said).includes(text.toLowerCase());
}

function wordsOf({cohort}: Cast, sample: Sample, said: Said): string {
  const words = [sample.id, sample.caption, className(cohort, sample.label), className(cohort, said.prediction)];
  return words.join(" ").toLowerCase();
}

/** Right everywhere, wrong anywhere, or unknown. */
function verdictOf(seats: readonly Seat[]): boolean | null {
  const all = seats.map(({cast, index}) => isRight(cast.cohort.samples[index]!, saidOf(cast, index)));
  if (all.includes(false)) return false;
  return all.includes(true) ? true : null;
}

/** How many samples of everything shown are right and wrong, whatever the filters say. */
export function counted(): Record<Settings["verdict"], number> {
  const counts = {all: 0, right: 0, wrong: 0};
  const count = (cast: Cast, seatsOf: SeatsOf) =>
    placesIn(cast.cohort).forEach((index) => {
      const right = verdictOf(seatsOf(index));
      counts.all++;
      if (right !== null) counts[right ? "right" : "wrong"]++;
    });
  if (view.value === "compare") {
    for (const tags of partsOfTables()) {
      const cast = leadOf(tags)?.cast;
      if (cast) count(cast, (index) => peersOf(tags, cast, index));
    }
    return counts;
  }
  for (const group of groups.value) {
    const cast = castAt(group, step.value);
    if (cast) count(cast, alone(group, cast));
  }
  return counts;
}

/** The number by which a sample is sorted; NaN where it has none. */
export function rankOf(
  group: Group,
  cast: Cast,
  index: number,
  {sort, movedFrom}: Settings,
  seatsOf = alone(group, cast),
): number {
  const said = saidOf(cast, index);
  if (sort === "probability" || sort === "surest") return said.probability ?? Number.NaN;
  if (sort === "label-probability") return said.labelProbability ?? Number.NaN;
  if (sort === "loss") return said.loss ?? Number.NaN;
  if (sort === "number") return ownNumber(group, index) ?? Number.NaN;
  if (sort === "region") return mostInRegion(seatsOf(index));
  if (sort === "apart") return apart(seatsOf(index));
  const found = mapOf(group, index, step.value);
  if (!found) return Number.NaN;
  if (sort === "entropy") return entropy(found.map);
  if (sort === "moved") {
    const before = mapOf(group, index, movedFrom ?? steps.value[0] ?? 0);
    return before ? attentionMoved(before.map, found.map) : Number.NaN;
  }
  const sample = cast.cohort.samples[index]!;
  const now = look.value;
  if (!isCut(now)) return iou(found.map, sample) ?? Number.NaN;
  const limits = limitsFor(found, now, group, index);
  return iouFrom(found.map, sample, limits, thresholdOf(found.map, now, limits), now.smooth) ?? Number.NaN;
}

/** The number of the user's own that is sorted and filtered by. */
function ownNumber(group: Group, index: number): number | null {
  const name = settings.value.number ?? ownNumbers(group)[0];
  return name === undefined ? null : numberAt(group, name, index, step.value);
}

/** The largest share of a seat's evidence in the marked region. */
function mostInRegion(seats: readonly Seat[]): number {
  const shares = seats.flatMap(({group, index, at}) => {
    const found = mapOf(group, index, at);
    return found ? [shareIn(found.map, region.value)] : [];
  });
  return Math.max(...shares.filter(Number.isFinite));
}

/** How far the attention of the first seat is from that of the one that differs most. */
function apart(seats: readonly Seat[]): number {
  const [first, ...others] = seats.flatMap(({group, index, at}) => mapOf(group, index, at)?.map ?? []);
  return first && others.length ? Math.max(...others.map((map) => attentionMoved(first, map))) : Number.NaN;
}

const UNITS: Partial<Record<Sort, (value: string) => string>> = {
  apart: (value) => `${value} apart`,
  moved: (value) => `moved ${value}`,
  loss: (value) => `loss ${value}`,
  "label-probability": (value) => `label ${value}`,
  entropy: (value) => `entropy ${value}`,
  number: (value) => value,
  region: (value) => `${value} there`,
  iou: (value) => `IoU ${value}`,
};

/** What a tile says of its rank, where its verdict does not say it already; null for nothing. */
export function rankWords(group: Group, cast: Cast, index: number, seatsOf?: SeatsOf): string | null {
  const unit = UNITS[settings.value.sort];
  const value = unit ? rankOf(group, cast, index, settings.value, seatsOf) : Number.NaN;
  return unit && Number.isFinite(value) ? unit(value.toFixed(2)) : null;
}
