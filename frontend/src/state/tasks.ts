/** What other tasks than classification predict for a sample: sets of classes, values, boxes, masks. */

import type {Box, Lists, PredictionSeries, Sample} from "../types";

export interface Membership {
  class: number;
  probability: number;
  predicted: boolean;
  isTrue: boolean | null; // null: not known
}

export interface Detected extends Box {
  class: number;
  score: number;
}

export interface Predicted {
  set: Membership[] | null; // most probable first
  values: number[];
  boxes: Detected[];
  mask: {height: number; width: number; cells: Int16Array} | null;
}

/** The row of a step and the column of a sample, cut out of every list. */
export function predictedOf(
  sample: Sample | undefined,
  said: PredictionSeries,
  row: number,
  column: number,
): Predicted {
  return {
    set: setOf(sample, said, row, column),
    values: [...(listOf(said.values, row, column) ?? [])].filter((value) => !Number.isNaN(value)),
    boxes: boxesOf(said, row, column),
    mask: maskOf(said.masks, row, column),
  };
}

function listOf<T extends Int16Array | Int32Array | Float32Array>(
  lists: Lists<T> | null,
  row: number,
  column: number,
): T | null {
  if (!lists) return null;
  const [, columns = 0, ...inner] = lists.shape;
  if (column >= columns) return null;
  const size = inner.reduce((all, axis) => all * axis, 1);
  const from = (row * columns + column) * size;
  return lists.data.subarray(from, from + size) as T;
}

function setOf(
  sample: Sample | undefined,
  {setClasses, setProbabilities, threshold}: PredictionSeries,
  row: number,
  column: number,
): Membership[] | null {
  const classes = listOf(setClasses, row, column);
  const chances = listOf(setProbabilities, row, column);
  if (!classes || !chances) return null;
  const labels = sample?.labels ?? null;
  const all = [...classes].flatMap((one, place): Membership[] => {
    const probability = chances[place]!;
    const isTrue = labels === null ? null : labels.includes(one);
    return one < 0 ? [] : [{class: one, probability, predicted: probability >= threshold, isTrue}];
  });
  return all.sort((a, b) => b.probability - a.probability);
}

function boxesOf({boxes, boxClasses, boxScores}: PredictionSeries, row: number, column: number): Detected[] {
  const edges = listOf(boxes, row, column);
  if (!edges) return [];
  const [classes, scores] = [listOf(boxClasses, row, column), listOf(boxScores, row, column)];
  return Array.from({length: edges.length / 4}, (_, place): Detected => {
    const [x0, y0, x1, y1] = edges.subarray(4 * place, 4 * place + 4) as unknown as [number, number, number, number];
    return {x0, y0, x1, y1, class: classes?.[place] ?? -1, score: scores?.[place] ?? Number.NaN};
  }).filter(({x0}) => !Number.isNaN(x0));
}

function maskOf(masks: Lists<Int16Array> | null, row: number, column: number): Predicted["mask"] {
  const cells = listOf(masks, row, column);
  if (!cells || masks?.shape.length !== 4 || cells.every((cell) => cell < 0)) return null;
  return {height: masks.shape[2]!, width: masks.shape[3]!, cells};
}

/** How far each value is from what it should have been. */
export function errorsOf({values: truth = []}: Pick<Sample, "values">, values: readonly number[]): (number | null)[] {
  return values.map((value, place) => {
    const wanted = truth[place];
    return wanted == null ? null : value - wanted;
  });
}
