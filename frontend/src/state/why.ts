/** Why a prediction is wrong: the maps of the label and of the prediction, and since when the prediction is what it is. */

import type {Found} from "../api/loader";
import {type Flip, flipOf, rowsAround} from "../maths/flip";
import {columnOf, placesAt} from "../maths/places";
import type {Part} from "../maths/twoMaps";
import {drawnOf, currentLimits, mapOf} from "./maps";
import {type Cast, castAt, className, type Mistake, saidOf} from "./samples";
import type {Group} from "./store";
import type {PredictionSeries, RawMap, Sample} from "../types";

/** Both are seen beside each other by people who see no red or no green, and add up to white. */
export const LABEL = [40, 140, 255] as const;
export const PREDICTION = [255, 125, 0] as const;

/** The maps of both classes at a step; null where none of it was logged there. */
export function mapsOf(group: Group, index: number, at: number, {label, prediction}: Mistake) {
  const logged = mapOf({...group, target: null}, index, at);
  const of = (target: number): Found | null => {
    const found = mapOf({...group, target}, index, at);
    return found && found.map.step === logged?.map.step ? drawnOf(found) : null;
  };
  return {label: of(label), prediction: of(prediction)};
}

/** The maps as they are laid over the photograph. */
export function partsOf(group: Group, index: number, {label, prediction}: ReturnType<typeof mapsOf>): Part[] {
  const part = (found: Found | null, color: Part["color"]): Part[] =>
    found ? [{map: found.map, limits: currentLimits(found, group, index), color}] : [];
  return [...part(label, LABEL), ...part(prediction, PREDICTION)];
}

/** What tells one set of parts from another. */
export function mapsText(parts: readonly Part[]): readonly (RawMap | number)[] {
  return parts.flatMap(({map, limits}) => [map, limits.low, limits.high]);
}

/** A step around the one at which the prediction flipped. */
export interface Frame {
  step: number;
  name: string; // of the class that was predicted there
  right: boolean;
  probability: number | null;
  flipped: boolean; // it is the first step of what is predicted now
}

export interface Story {
  since: number; // step
  first: boolean; // of all
  before: {name: string; step: number; right: boolean} | null;
  until: {name: string; step: number} | null;
  frames: Frame[];
}

/** How a sample came to be predicted as it is at the cast's step; null where its predictions say nothing of it. */
export function storyOf(group: Group, cast: Cast, sample: Sample, index: number, count: number): Story | null {
  const {said, row} = cast;
  if (!said?.prediction || row < 0) return null;
  const predicted = predictedOver(said, index);
  const flip = flipOf(predicted, row);
  if (!flip) return null;
  const rows = [...predicted.keys()].filter((one) => predicted[one] !== null);
  const nameAt = (one: number) => className(cast.cohort, predicted[one]!);
  const frames = rowsAround(rows, flip.from, count).map((one) => frameAt(group, cast, sample, index, one, flip));
  const last = rows[rows.indexOf(flip.from) - 1];
  return {
    since: said.steps[flip.from]!,
    first: last === undefined,
    before:
      last === undefined
        ? null
        : {name: nameAt(last), step: said.steps[last]!, right: predicted[last] === sample.label},
    until: flip.until === null ? null : {name: nameAt(flip.until), step: said.steps[flip.until]!},
    frames: frames.filter((frame) => frame !== null),
  };
}

function frameAt(group: Group, cast: Cast, sample: Sample, index: number, row: number, flip: Flip): Frame | null {
  const step = cast.said!.steps[row]!;
  const there = castAt(group, step);
  const said = there && saidOf(there, index);
  if (!said || said.prediction === null) return null;
  return {
    step,
    name: className(cast.cohort, said.prediction),
    right: said.prediction === sample.label,
    probability: said.probability,
    flipped: row === flip.from,
  };
}

/** The class that was predicted at each step; null where none was. */
function predictedOver(said: PredictionSeries, index: number): (number | null)[] {
  return Array.from(said.steps, (_, row) => {
    const column = columnOf(placesAt(said, row), index);
    const found = column < 0 ? -1 : (said.prediction?.data[row * said.prediction.columns + column] ?? -1);
    return found < 0 ? null : found;
  });
}
