/** What the page can hand out: pictures, an animation, tables, the link. Each function says afterwards what it did. */

import {currentLimits, limitsFor, mapOf, seriesOf, shownStep} from "../state/maps";
import {entriesOver, mapOfEntry, measured, METRICS, thinned} from "../state/measure";
import {
  copyText,
  type Group,
  groups,
  images,
  loader,
  look,
  pin,
  renderer,
  seriesKey,
  settings,
  viewLink,
} from "../state/store";
import {lookAt} from "../state/wanted";
import type {MapSeries, RawMap, Sample} from "../types";
import {ordered} from "../views/ordering";
import {sampleName} from "../views/names";
import {type Cast, castAt, className, saidOf} from "../views/samples";
import {type Cell, csv, type Drawing, download, gridPng, stepsGif, tilePng} from "./export";

const COLUMNS = 8; // of the grid's picture
const MOST_FRAMES = 300;
const PATIENCE_MS = 20_000;
const POLL_MS = 50;

interface One {
  group: Group;
  sample: Sample;
  index: number;
  cast: Cast;
}

export async function samplePicture(group: Group, sample: Sample, index: number): Promise<string> {
  const drawing = drawingOf(group, sample, index);
  await saved(tilePng(renderer, drawing), `${group.run} ${sampleName(sample, index)} step ${stepOf(group, index)}.png`);
  return "The picture was saved";
}

/** All that the filters show, at native size; what is not here yet is fetched first. */
export async function gridPicture(): Promise<string> {
  const shown = everythingShown();
  await gathered(shown);
  const drawings = shown.map(({group, sample, index}) => ({
    ...drawingOf(group, sample, index),
    caption: `${group.run} · ${sampleName(sample, index)} · ${stepOf(group, index)}`,
  }));
  const rows = Array.from({length: Math.ceil(drawings.length / COLUMNS)}, (_, row) =>
    drawings.slice(row * COLUMNS, (row + 1) * COLUMNS),
  );
  await saved(gridPng(renderer, rows), "grad-cam grid.png");
  return `A picture of ${drawings.length} samples was saved`;
}

export async function sampleGif(
  group: Group,
  sample: Sample,
  index: number,
  tell: (done: number) => void,
): Promise<string> {
  const series = await wholeSeries(group, index);
  const entries = thinned(entriesOver(series, index, settings.peek().target), MOST_FRAMES);
  const image = images.get(group.run, sample.image);
  const frames = entries.map(({entry}): Drawing => {
    const map = mapOfEntry(series, entry);
    return {image, map, look: look.peek(), limits: limitsOfEntry(group, index, series, entry, map)};
  });
  await saved(stepsGif(renderer, frames, 1000 / settings.peek().speed, tell), `${sampleName(sample, index)}.gif`);
  return `An animation of ${frames.length} steps was saved`;
}

/** Every kept step of one sample. */
export async function sampleCsv(group: Group, cast: Cast, sample: Sample, index: number): Promise<string> {
  const series = await wholeSeries(group, index);
  const rows = entriesOver(series, index, settings.peek().target).map(({entry}) => {
    const map = mapOfEntry(series, entry);
    const limits = limitsOfEntry(group, index, series, entry, map);
    return row({group, cast: castAt(group, map.step) ?? cast, sample, index}, map, limits);
  });
  await saved(table(rows), `${group.run} ${sampleName(sample, index)}.csv`);
  return `${rows.length} rows were saved`;
}

/** One row for every sample that the filters show, at its step. */
export async function gridCsv(): Promise<string> {
  const shown = everythingShown();
  await gathered(shown);
  const rows = shown.flatMap((one) => {
    const found = mapOf(one.group, one.index, stepOf(one.group, one.index));
    return found ? [row(one, found.map, currentLimits(found, one.group, one.index))] : [];
  });
  await saved(table(rows), "grad-cam.csv");
  return `${rows.length} rows were saved`;
}

export async function copyLink(): Promise<string> {
  await copyText(viewLink());
  return "The link was copied";
}

const HEADER = [
  ...["run", "tag", "method", "layer", "sample", "id", "step", "label", "prediction", "probability"],
  ...["label_probability", "loss", "target", "score", "minimum", "maximum", "not_finite"],
  ...["entropy", "coverage", "center_x", "center_y", "pointing_hit", "energy_inside", "iou", "pinned_value"],
];

function table(rows: Cell[][]): Promise<Blob> {
  return Promise.resolve(new Blob([csv(HEADER, rows)], {type: "text/csv"}));
}

function row({group, cast, sample, index}: One, map: RawMap, limits: {low: number; high: number}): Cell[] {
  const said = saidOf(cast, index);
  const setting = {sample, look: look.peek(), limits, pin: pin.peek()};
  const name = (label: number | null) => className(cast.cohort, label);
  return [
    ...[group.run, group.tag, group.maps?.method ?? "", group.maps?.layer ?? "", index, sample.id, map.step],
    ...[name(sample.label), name(said.prediction), said.probability, said.labelProbability, said.loss],
    ...[name(map.target), map.score, map.minimum, map.maximum, map.nonFinite],
    ...METRICS.map((metric) => measured(metric, map, setting)),
  ];
}

function stepOf(group: Group, index: number): number {
  return shownStep(group, index);
}

function everythingShown(): One[] {
  return groups.peek().flatMap((group) => {
    const cast = castAt(group, shownStep(group, -1));
    if (!cast) return [];
    const {samples} = cast.cohort;
    return ordered(group, cast, settings.peek()).map((index) => ({group, cast, index, sample: samples[index]!}));
  });
}

function drawingOf(group: Group, sample: Sample, index: number): Drawing {
  const found = mapOf(group, index, stepOf(group, index));
  return {
    image: images.get(group.run, sample.image),
    map: found?.map ?? null,
    look: look.peek(),
    limits: found ? currentLimits(found, group, index) : {low: 0, high: 0},
  };
}

function limitsOfEntry(group: Group, index: number, series: MapSeries, entry: number, map: RawMap) {
  return limitsFor({map, series, entry, stepIndex: 0, exact: true}, look.peek(), group, index);
}

/** Wait until the pictures and maps of all are here, or will not come. */
async function gathered(all: readonly One[]): Promise<void> {
  const owners = groups.peek().map((group) => ({group, who: {}}));
  try {
    for (const {group, who} of owners) {
      const samples = all.filter((one) => one.group === group).map(({index}) => index);
      lookAt(who, {group, samples, step: shownStep(group, -1)});
    }
    await until(() =>
      all.every(({group, sample, index}) => {
        const image = images.get(group.run, sample.image);
        const pictured = image !== null || images.state(group.run, sample.image) === "failed";
        return pictured && isThere(group, index);
      }),
    );
  } finally {
    for (const {who} of owners) lookAt(who, null);
  }
}

/** Whether a sample's map is the one of its step, not a neighbour that came first, or will not come. */
function isThere(group: Group, index: number): boolean {
  const key = seriesKey(group);
  if (!key || seriesOf(group, index) || loader.problem(key, index)) return true;
  return mapOf(group, index, stepOf(group, index))?.exact ?? false;
}

async function wholeSeries(group: Group, index: number): Promise<MapSeries> {
  await until(() => seriesOf(group, index) !== null);
  const series = seriesOf(group, index);
  if (!series) throw new Error("The steps did not come within 20 seconds: try again");
  return series;
}

/** What has not come by then is left out. */
async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!done() && performance.now() < end) await new Promise((go) => setTimeout(go, POLL_MS));
}

async function saved(made: Promise<Blob>, name: string): Promise<void> {
  download(await made, name);
}
