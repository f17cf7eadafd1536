/** What a card is made of, gathered from what was logged. */

import {energyInside} from "../maths/metrics";
import {nearestStep, stepUnion} from "../maths/steps";
import {currentLimits, explainedOver, mapOf, seriesOf} from "../state/maps";
import {entriesOver, thinned} from "../state/measure";
import {methodName, sampleName} from "../state/names";
import {castAt, className, isRight, sampleOf, saidOf, saidOver} from "../state/samples";
import {colorOf, type Group, images, loader, look} from "../state/store";
import {lookAt} from "../state/wanted";
import type {Look, Sample} from "../types";
import type {Card, CardChart, CardColumn, CardPicture, Shape} from "./card";
import {until} from "./page";

export const MOST_FRAMES = 60;

/** A sample of a run. */
export interface Subject {
  group: Group;
  sample: Sample;
  index: number;
}

export interface Wish {
  shape: Shape;
  dark: boolean;
  title: string;
}

/** A card of some subjects, with the pictures of at most `MOST_FRAMES` steps up to `at`; what is not here yet is fetched. */
export async function cardOf(subjects: readonly Subject[], at: number, wish: Wish): Promise<Card> {
  const who = subjects.map(({group, index}) => ({group, samples: [index], step: at}));
  try {
    for (const what of who) lookAt(what, what);
    await until(() => subjects.every(({group, index}) => seriesOf(group, index) !== null));
    const steps = stepsOf(subjects, at);
    await until(() => subjects.every((one) => steps.every((step) => isHere(one, step))));
    return made(subjects, steps, wish);
  } finally {
    for (const what of who) lookAt(what, null);
  }
}

/** The steps of all, from the first to the shown one. */
function stepsOf(subjects: readonly Subject[], at: number): number[] {
  const axes = subjects.map(({group, index}) => {
    const series = seriesOf(group, index);
    return series ? entriesOver(series, index, explainedOver(group, index)).map(({step}) => step) : [];
  });
  const all = [...stepUnion(axes)];
  const until = all.slice(0, nearestStep(all, at) + 1);
  return until.length ? thinned(until, MOST_FRAMES) : [at];
}

function ownAt({group, sample, index}: Subject, step: number): Sample | null {
  const found = mapOf(group, index, step);
  return found ? sampleOf(found, index, sample) : sample;
}

function isHere(one: Subject, step: number): boolean {
  const own = ownAt(one, step);
  if (!own) return false;
  return images.get(one.group.run, own.image) !== null || images.state(one.group.run, own.image) === "failed";
}

function made(subjects: readonly Subject[], steps: number[], wish: Wish): Card {
  const [first] = subjects;
  const now = look.peek();
  const severalRuns = new Set(subjects.map(({group}) => group.run)).size > 1;
  const severalSamples = new Set(subjects.map(({sample, index}) => sampleName(sample, index))).size > 1;
  const columns = subjects.map(
    (one): CardColumn => ({
      name: severalSamples ? sampleName(one.sample, one.index) : one.group.run,
      color: severalSamples && !severalRuns ? null : colorOf(one.group.run),
      look: now,
      pictures: steps.map((step) => pictureAt(one, step)),
    }),
  );
  if (subjects.length === 1) columns.push(photographOf(first!, steps, now));
  const last = castAt(first!.group, steps.at(-1)!);
  return {
    ...wish,
    subtitle: subtitleOf(first!, severalSamples, wish.title),
    steps,
    epochs: steps.map((step) => epochAt(first!.group, step)),
    columns,
    charts: subjects.length > 2 ? [] : chartsOf(subjects, last ? className(last.cohort, first!.sample.label) : ""),
    kind: first!.group.maps?.kind ?? "positive",
    scale: SCALES[now.scale],
    note:
      hasTruth(first!.sample) && now.groundTruth
        ? "Frame: the marked region  ·  Grad-CAM for TensorBoard"
        : "Grad-CAM for TensorBoard",
  };
}

const SCALES: Record<Look["scale"], string> = {
  map: "each map scaled to its own maximum",
  sample: "one scale per sample",
  run: "one scale per run",
  series: "one scale for everything shown",
};

function pictureAt(one: Subject, step: number): CardPicture {
  const {group, sample, index} = one;
  const found = mapOf(group, index, step);
  const own = ownAt(one, step) ?? sample;
  const cast = castAt(group, step);
  const said = cast && saidOf(cast, index);
  const inside = found && hasTruth(own) ? energyInside(found.map, own) : null;
  const name = cast && said ? className(cast.cohort, said.prediction) : "";
  return {
    image: images.get(group.run, own.image),
    map: found?.map ?? null,
    limits: found ? currentLimits(found, group, index) : {low: 0, high: 0},
    boxes: own.boxes,
    mask: own.mask,
    verdict: name && said ? {right: isRight(own, said), name, probability: said.probability} : null,
    aside: inside === null ? "" : `inside the mark ${inside.toFixed(2)}`,
  };
}

function photographOf(one: Subject, steps: readonly number[], now: Look): CardColumn {
  return {
    name: "photograph",
    color: null,
    look: {...now, mode: "image"},
    pictures: steps.map((step) => ({...pictureAt(one, step), map: null, verdict: null, aside: ""})),
  };
}

function hasTruth({boxes, mask}: Sample): boolean {
  return boxes.length > 0 || mask !== null;
}

function subtitleOf({group, sample, index}: Subject, several: boolean, title: string): string {
  const cast = castAt(group, Number.POSITIVE_INFINITY);
  const label = cast ? className(cast.cohort, sample.label) : "";
  const name = sampleName(sample, index);
  const what = several ? [] : [name === title ? "" : name, label && `true: ${label}`].filter(Boolean);
  const {layer = "", method = ""} = group.maps ?? {};
  const how = [layer, methodName(method)].filter(Boolean).join(", ");
  return [what.join(", "), group.tag, how].filter(Boolean).join("  ·  ");
}

function epochAt({run, tag}: Group, step: number): number | null {
  const said = loader.predictions(run, tag);
  const epoch = said?.epochs[nearestStep(said.steps, step)] ?? Number.NaN;
  return Number.isFinite(epoch) ? epoch : null;
}

function chartsOf(subjects: readonly Subject[], label: string): CardChart[] {
  const lines = (pointsOf: (one: Subject) => (readonly [number, number])[] | null) =>
    subjects.flatMap((one) => {
      const points = pointsOf(one);
      return points?.length ? [{name: one.group.run, color: colorOf(one.group.run), points}] : [];
    });
  const inside = lines((one) => (hasTruth(one.sample) ? insideOver(one) : null));
  const probability = lines(({group, index}) => {
    const said = loader.predictions(group.run, group.tag);
    const matrix = said?.labelProbability ?? said?.probability;
    return said && matrix ? saidOver(said, matrix, index) : null;
  });
  const charts: CardChart[] = [
    {title: "Share inside the mark", lines: inside, range: null},
    {title: label ? `Probability of ${label}` : "Probability", lines: probability, range: [0, 1]},
  ];
  return charts.filter((chart) => chart.lines.length);
}

function insideOver(one: Subject): (readonly [number, number])[] {
  const series = seriesOf(one.group, one.index);
  if (!series) return [];
  const entries = thinned(entriesOver(series, one.index, explainedOver(one.group, one.index)), MOST_FRAMES);
  return entries.map(({step}) => {
    const found = mapOf(one.group, one.index, step);
    const share = found ? energyInside(found.map, ownAt(one, step) ?? one.sample) : null;
    return [step, share ?? Number.NaN] as const;
  });
}
