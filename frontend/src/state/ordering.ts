/** Which samples the filters show, and in which order. */

import {thresholdOf} from "../maths/compose";
import {attentionMoved} from "../maths/compare";
import {entropy, iouAt} from "../maths/metrics";
import {placesIn} from "../maths/places";
import {currentLimits, mapOf} from "./maps";
import {type Group, look, step, steps} from "./store";
import type {Settings, Sort} from "./settings";
import type {Sample} from "../types";
import {type Cast, className, isRight, type Said, saidOf} from "./samples";

/** The most interesting first: the least probable label, the most uncertain, the worst IoU. */
const RISING: readonly Sort[] = ["probability", "label-probability", "iou"];

export function ordered(group: Group, cast: Cast, wanted: Settings): number[] {
  const {samples} = cast.cohort;
  const indices = placesIn(cast.cohort).filter((index) => isShown(cast, samples[index]!, saidOf(cast, index), wanted));
  if (wanted.sort === "logged") return indices;
  const values = new Map(indices.map((index) => [index, rankingOf(group, cast, index, wanted)]));
  const sign = RISING.includes(wanted.sort) ? 1 : -1;
  const rank = (index: number) => {
    const value = values.get(index)!;
    return Number.isFinite(value) ? value * sign : Infinity; // what is not known comes last
  };
  return indices.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(a) - rank(b)));
}

function isShown(cast: Cast, sample: Sample, said: Said, wanted: Settings): boolean {
  const {verdict, text, label, prediction, minProbability} = wanted;
  if (verdict !== "all" && isRight(sample, said) !== (verdict === "right")) return false;
  if (label !== null && sample.label !== label) return false;
  if (prediction !== null && said.prediction !== prediction) return false;
  if (minProbability > 0 && !((said.probability ?? 0) >= minProbability)) return false;
  const words = [
    sample.id,
    sample.caption,
    className(cast.cohort, sample.label),
    className(cast.cohort, said.prediction),
  ];
  return words.join(" ").toLowerCase().includes(text.toLowerCase());
}

function rankingOf(group: Group, cast: Cast, index: number, {sort, movedFrom}: Settings): number {
  const said = saidOf(cast, index);
  if (sort === "probability") return said.probability ?? Number.NaN;
  if (sort === "label-probability") return said.labelProbability ?? Number.NaN;
  if (sort === "loss") return said.loss ?? Number.NaN;
  const found = mapOf(group, index, step.value);
  if (!found) return Number.NaN;
  if (sort === "entropy") return entropy(found.map);
  if (sort === "moved") {
    const before = mapOf(group, index, movedFrom ?? steps.value[0] ?? 0);
    return before ? attentionMoved(before.map, found.map) : Number.NaN;
  }
  const limits = currentLimits(found, group, index);
  const now = look.value;
  const {samples} = cast.cohort;
  return iouAt(found.map, samples[index]!, limits, thresholdOf(found.map, now, limits), now.smooth) ?? Number.NaN;
}
