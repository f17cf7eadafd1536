/** What is known of one sample at one step, out of cohort and predictions. */

import {nearestStep} from "../maths/steps";
import {lacksPredictions} from "./faults";
import type {Part} from "./settings";
import {type Group, loader, seriesKey} from "./store";
import type {Cohort, Matrix, PredictionSeries, Sample} from "../types";

export interface Said {
  prediction: number | null;
  probability: number | null;
  labelProbability: number | null;
  loss: number | null;
  top: {name: string; probability: number}[];
}

export interface Cast {
  cohort: Cohort;
  said: PredictionSeries | null;
  row: number; // of `said`, nearest to the step
}

/** The samples of a group at a step; null until they are here, or where they can't be had. */
export function castAt(group: Group, step: number): Cast | null {
  if (lacksPredictions(group)) return castOfMaps(group, step);
  const said = loader.predictions(group.run, group.tag);
  if (!said) return null;
  const row = nearestStep(said.steps, step);
  const digest = said.cohorts[said.cohort[row] ?? 0] ?? "";
  const cohort = loader.cohort(group.run, digest) ?? standInFor(group, digest, said);
  return cohort && {cohort, said, row};
}

/** What tells one cast from another. */
export function castValues(cast: Cast | null): readonly unknown[] {
  return [cast?.cohort, cast?.said, cast?.row];
}

/** Maps name the cohort as well; without predictions, the first sample's are always wanted. */
function castOfMaps(group: Group, step: number): Cast | null {
  const key = seriesKey(group);
  const digest = key && loader.cohortAt(key, step);
  const cohort = digest && loader.cohort(group.run, digest);
  return cohort ? {cohort, said: null, row: 0} : null;
}

/** Where a cohort has a sample: the same picture under the same id; -1 where it does not. `likely` is looked at first. */
export function indexIn({samples}: Cohort, {image, id}: Sample, likely: number): number {
  const isSame = (other: Sample | undefined) => other?.image === image && other.id === id;
  return isSame(samples[likely]) ? likely : samples.findIndex(isSame);
}

/** Samples of which nothing is known, where their list is lost: their maps and predictions can still be looked at. */
function standInFor({run}: Group, digest: string, {prediction, probability, loss}: PredictionSeries): Cohort | null {
  const count = (prediction ?? probability ?? loss)?.columns;
  if (!count || !loader.cohortProblem(run, digest)) return null;
  let cohort = standIns.get(count);
  if (!cohort) {
    const nameless: Sample = {
      image: "",
      slices: [],
      label: null,
      id: "",
      caption: "",
      width: 0,
      height: 0,
      boxes: [],
      mask: null,
    };
    cohort = {classNames: [], samples: Array.from({length: count}, () => ({...nameless}))};
    standIns.set(count, cohort);
  }
  return cohort;
}

const standIns = new Map<number, Cohort>();

export function saidOf({cohort, said, row}: Cast, sample: number): Said {
  const prediction = said?.prediction?.data[row * said.prediction.columns + sample] ?? -1;
  return {
    prediction: prediction < 0 ? null : prediction,
    probability: cellOf(said?.probability, row, sample),
    labelProbability: cellOf(said?.labelProbability, row, sample),
    loss: cellOf(said?.loss, row, sample),
    top: said ? topOf(cohort, said, row, sample) : [],
  };
}

function cellOf(matrix: Matrix<Float32Array> | null | undefined, row: number, sample: number): number | null {
  const value = matrix?.data[row * matrix.columns + sample] ?? Number.NaN;
  return Number.isFinite(value) ? value : null;
}

function topOf(cohort: Cohort, said: PredictionSeries, row: number, sample: number): Said["top"] {
  const columns = said.prediction?.columns ?? cohort.samples.length;
  const from = (row * columns + sample) * said.topCount;
  return Array.from({length: said.topCount}, (_, rank) => ({
    name: className(cohort, said.topClasses?.[from + rank] ?? -1),
    probability: said.topProbabilities?.[from + rank] ?? Number.NaN,
  }));
}

/** The class that plays a part in what is known of a sample; null where none does. */
export function classOf(cast: Cast, sample: number, part: Part): number | null {
  if (part === "label") return cast.cohort.samples[sample]?.label ?? null;
  if (part === "top") return saidOf(cast, sample).prediction;
  const {said, row} = cast;
  const columns = said?.prediction?.columns ?? cast.cohort.samples.length;
  const index = said?.topClasses?.[(row * columns + sample) * said.topCount + 1] ?? -1;
  return said && said.topCount > 1 && index >= 0 ? index : null;
}

export function className(cohort: Cohort, index: number | null): string {
  if (index === null || index < 0) return "";
  return cohort.classNames[index] ?? String(index);
}

/** Right, wrong, or unknown. */
export function isRight({label}: Sample, {prediction}: Said): boolean | null {
  return label === null || prediction === null ? null : label === prediction;
}
