/** What is known of one sample at one step, out of cohort and predictions. */

import type {Found} from "../api/loader";
import {byPlace, columnOf, placesAt, samplesEver} from "../maths/places";
import {sliceAt} from "../maths/series";
import {nearestStep} from "../maths/steps";
import type {Cohort, Matrix, PredictionSeries, RawMap, Sample, Steps} from "../types";
import {lacksPredictions} from "./faults";
import {type Predicted, predictedOf} from "./tasks";
import type {Part} from "./settings";
import {type Group, loader, seriesKey} from "./store";

export interface Said extends Predicted {
  prediction: number | null;
  probability: number | null;
  labelProbability: number | null;
  loss: number | null;
  top: {name: string; probability: number}[];
}

export interface Cast {
  cohort: Cohort; // its samples by place
  said: PredictionSeries | null;
  row: number; // of `said`; -1: nothing was predicted at this step
  places: Int32Array | null; // of the columns of `said`
}

interface Known {
  step: number;
  version: number;
  cast: Cast | null;
}

const known = new WeakMap<Group, Known>();

/** The samples of a group at a step; null until they are here, or where they can't be had. All its tiles ask. */
export function castAt(group: Group, step: number): Cast | null {
  const version = loader.arrivals.peek();
  const kept = known.get(group);
  if (kept?.step === step && kept.version === version) return kept.cast;
  const cast = newCastAt(group, step);
  known.set(group, {step, version, cast});
  return cast;
}

function newCastAt(group: Group, step: number): Cast | null {
  if (lacksPredictions(group)) return castOfMaps(group, step, null);
  const said = loader.predictions(group.run, group.tag);
  if (!said) return null;
  const key = seriesKey(group);
  const mapped = key && loader.stepsOf(key);
  const at = mapped?.length ? mapped[nearestStep(mapped, step)]! : step;
  const row = nearestStep(said.steps, at);
  // A step that has maps and no predictions has no verdict: another step's would be one of other weights.
  if (mapped?.length && said.steps[row] !== at) return castOfMaps(group, at, said) ?? castOf(group, said, row, true);
  return castOf(group, said, row, false);
}

function castOf(group: Group, said: PredictionSeries, row: number, silent: boolean): Cast | null {
  const digest = said.cohorts[said.cohort[row] ?? 0] ?? "";
  const cohort = loader.cohort(group.run, digest) ?? standInFor(group, digest, said);
  const places = placesAt(said, row);
  return cohort && {cohort: byPlace(cohort, places), said, row: silent ? -1 : row, places};
}

/** What tells one cast from another. */
export function castValues(cast: Cast | null): readonly unknown[] {
  return [cast?.cohort, cast?.said, cast?.row];
}

/** Maps name the cohort as well; without predictions, the first sample's are always wanted. */
function castOfMaps(group: Group, step: number, said: PredictionSeries | null): Cast | null {
  const key = seriesKey(group);
  const named = key && loader.cohortAt(key, step);
  const cohort = named && loader.cohort(group.run, named.digest);
  return cohort ? {cohort: byPlace(cohort, named.places), said, row: -1, places: null} : null;
}

/** A sample as it was when a map was made, with that step's picture and boxes; null: on its way. */
export function sampleOf(found: Found, place: number, known: Sample | null): Sample | null {
  const own = ownSample(found, place, known);
  return own && inSlice(own, found.map);
}

function ownSample({series, stepIndex}: Found, place: number, known: Sample | null): Sample | null {
  const digest = series.cohorts[series.cohort[stepIndex] ?? 0] ?? "";
  const cohort = loader.cohort(series.run, digest);
  if (cohort) return byPlace(cohort, placesAt(series, stepIndex)).samples[place] ?? known;
  return !series.places || loader.cohortProblem(series.run, digest) ? known : null;
}

const sliced = new WeakMap<Sample, Map<number, Sample>>();

/** A volume with the picture of the slice that its map is of; the same object each time. */
function inSlice(sample: Sample, {slice}: RawMap): Sample {
  if (!slice || sample.slices.length < 2) return sample;
  const index = sliceAt(slice.position, sample.slices.length);
  const all = sliced.get(sample) ?? new Map<number, Sample>();
  sliced.set(sample, all);
  const own = all.get(index) ?? {...sample, image: sample.slices[index]!};
  all.set(index, own);
  return own;
}

/** How many samples were logged at any step, where that differs from step to step; else null. */
export function samplesEverOf(group: Group): number | null {
  const key = seriesKey(group);
  const all: readonly (Steps | null)[] = [
    lacksPredictions(group) ? null : loader.predictions(group.run, group.tag),
    ...(key ? loader.allSeries(key) : []),
  ];
  const counts = all.map((series) => (series && samplesEver(series)) ?? 0);
  return Math.max(0, ...counts) || null;
}

/** Where a cohort has a sample: that of the same id, or else the same picture; -1 where it does not. `likely` is looked at first. */
export function indexIn({samples}: Cohort, {image, id}: Sample, likely: number): number {
  const isSame = (other: Sample | undefined) => other?.id === id && (id !== "" || other.image === image);
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

const NOTHING: Said = {
  prediction: null,
  probability: null,
  labelProbability: null,
  loss: null,
  top: [],
  set: null,
  values: [],
  boxes: [],
  mask: null,
};

const saidBy = new WeakMap<Cast, Map<number, Said>>();

/** What was predicted for a sample; the same object for the same cast. */
export function saidOf(cast: Cast, sample: number): Said {
  const all = saidBy.get(cast) ?? new Map<number, Said>();
  saidBy.set(cast, all);
  const own = all.get(sample) ?? newlySaid(cast, sample);
  all.set(sample, own);
  return own;
}

function newlySaid({cohort, said, row, places}: Cast, sample: number): Said {
  const column = columnOf(places, sample);
  if (!said || row < 0 || column < 0) return NOTHING;
  const prediction = said.prediction?.data[row * said.prediction.columns + column] ?? -1;
  return {
    prediction: prediction < 0 ? null : prediction,
    probability: cellOf(said.probability, row, column),
    labelProbability: cellOf(said.labelProbability, row, column),
    loss: cellOf(said.loss, row, column),
    top: topOf(cohort, said, row, column),
    ...predictedOf(cohort.samples[sample], said, row, column),
  };
}

/** What was said of a sample over the steps at which anything was; NaN where it was not. */
export function saidOver(
  said: PredictionSeries,
  matrix: Matrix<Float32Array>,
  sample: number,
): (readonly [step: number, value: number])[] {
  return Array.from(said.steps, (at, row) => {
    const column = columnOf(placesAt(said, row), sample);
    return [at, column < 0 ? Number.NaN : (matrix.data[row * matrix.columns + column] ?? Number.NaN)] as const;
  });
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
  const {said, row, places} = cast;
  const column = columnOf(places, sample);
  if (!said || row < 0 || column < 0 || said.topCount < 2) return null;
  const columns = said.prediction?.columns ?? cast.cohort.samples.length;
  const index = said.topClasses?.[(row * columns + column) * said.topCount + 1] ?? -1;
  return index < 0 ? null : index;
}

export function className(cohort: Cohort, index: number | null): string {
  if (index === null || index < 0) return "";
  return cohort.classNames[index] ?? String(index);
}

/** Right, wrong, or unknown; a set is right where it is just the labels. */
export function isRight({label, labels}: Sample, {prediction, set}: Said): boolean | null {
  if (set) return labels ? set.every(({predicted, isTrue}) => predicted === isTrue) : null;
  return label === null || prediction === null ? null : label === prediction;
}

/** The two classes, where a sample has one of each and they differ. */
export interface Mistake {
  label: number;
  prediction: number;
}

export function mistakeOf(sample: Sample, {prediction, set}: Said): Mistake | null {
  const {label} = sample;
  return set || label === null || prediction === null || label === prediction ? null : {label, prediction};
}
