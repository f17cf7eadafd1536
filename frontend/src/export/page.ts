/** What the page can hand out: pictures, an animation, tables, the link. Each function says afterwards what it did. */

import type {MapSeries, RawMap, Sample} from "../types";
import {currentLimits, explainedOver, limitsFor, mapOf, seriesOf, shownStep} from "../state/maps";
import {shown} from "../maths/numbers";
import {stepIndexOf} from "../maths/series";
import {entriesOver, mapOfEntry, measured, METRICS, thinned} from "../state/measure";
import {type Group, images, loader, look, pin, renderer, seriesKey, settings} from "../state/store";
import {view} from "../state/view";
import {lookAt} from "../state/wanted";
import {sampleName, VIEW_NAMES} from "../state/names";
import {type Cast, castAt, className, sampleOf, saidOf} from "../state/samples";
import {type Cell, csv, type Drawing, download, pngOf, stepsGif, tilePng} from "./export";
import {drawPoster} from "./poster";
import {layoutOf, type One, onesOf, posterOf} from "./posterOf";

const MOST_FRAMES = 300;
const PATIENCE_MS = 20_000;
const POLL_MS = 50;

export async function samplePicture(group: Group, sample: Sample, index: number): Promise<string> {
  const at = shownStep(group, index);
  const name = `${group.run} ${sampleName(sample, index)} step ${at}.png`;
  await saved(tilePng(renderer, drawingOf({group, sample, index, at})), name);
  return "The picture was saved";
}

/** All that the view shows, as it shows it; what is not here yet is fetched first. */
export async function viewPicture(): Promise<string> {
  const layout = layoutOf();
  const all = onesOf(layout);
  await gathered(all);
  const canvas = drawPoster(posterOf(layout), renderer);
  await saved(pngOf(canvas), `grad-cam ${VIEW_NAMES[view.peek()].toLowerCase()}.png`);
  return `A picture of ${shown(all.length)} tiles was saved`;
}

export async function sampleGif(
  group: Group,
  sample: Sample,
  index: number,
  tell: (done: number) => void,
): Promise<string> {
  const series = await wholeSeries(group, index);
  const entries = thinned(entriesOver(series, index, explainedOver(group, index)), MOST_FRAMES);
  const shownOf = (entry: number) => sampleOfEntry(series, entry, index, sample);
  await until(() =>
    entries.every(({entry}) => {
      const own = shownOf(entry);
      return own && (images.get(group.run, own.image) ?? images.state(group.run, own.image) === "failed");
    }),
  );
  const frames = entries.map(({entry}): Drawing => {
    const map = mapOfEntry(series, entry);
    const image = images.get(group.run, (shownOf(entry) ?? sample).image);
    return {image, map, look: look.peek(), limits: limitsOfEntry(group, index, series, entry, map)};
  });
  await saved(stepsGif(renderer, frames, 1000 / settings.peek().speed, tell), `${sampleName(sample, index)}.gif`);
  return `An animation of ${shown(frames.length)} steps was saved`;
}

/** Every kept step of one sample. */
export async function sampleCsv(group: Group, cast: Cast, sample: Sample, index: number): Promise<string> {
  const series = await wholeSeries(group, index);
  const rows = entriesOver(series, index, explainedOver(group, index)).map(({entry}) => {
    const map = mapOfEntry(series, entry);
    const limits = limitsOfEntry(group, index, series, entry, map);
    const own = sampleOfEntry(series, entry, index, sample) ?? sample;
    return row({group, cast: castAt(group, map.step) ?? cast, sample: own, index, at: map.step}, map, limits);
  });
  await saved(table(rows), `${group.run} ${sampleName(sample, index)}.csv`);
  return `${rows.length} rows were saved`;
}

/** One row for everything that the view shows, at its step. */
export async function viewCsv(): Promise<string> {
  const all = onesOf(layoutOf());
  await gathered(all);
  const rows = all.flatMap((one) => {
    const found = mapOf(one.group, one.index, one.at);
    return found ? [row(one, found.map, currentLimits(found, one.group, one.index))] : [];
  });
  await saved(table(rows), "grad-cam.csv");
  return `${rows.length} rows were saved`;
}

const HEADER = [
  ...["run", "tag", "method", "layer", "sample", "id", "step", "label", "prediction", "probability"],
  ...["label_probability", "loss", "target", "score", "minimum", "maximum", "not_finite"],
  ...["entropy", "coverage", "center_x", "center_y", "pointing_game", "energy_inside", "iou"],
  ...["area_from_threshold", "iou_from_threshold", "pinned_value"],
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

/** The sample as it was at the step of a map. */
function sampleOfEntry(series: MapSeries, entry: number, index: number, known: Sample): Sample | null {
  const stepIndex = stepIndexOf(series, entry);
  return sampleOf({map: mapOfEntry(series, entry), series, entry, stepIndex, exact: true}, index, known);
}

function drawingOf({group, sample, index, at}: Omit<One, "cast">): Drawing {
  const found = mapOf(group, index, at);
  const own = (found && sampleOf(found, index, sample)) ?? sample;
  return {
    image: images.get(group.run, own.image),
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
  const who = all.map(({group, index, at}) => ({group, samples: [index], step: at}));
  try {
    for (const what of who) lookAt(what, what);
    await until(() =>
      all.every((one) => {
        const image = images.get(one.group.run, one.sample.image);
        const pictured = image !== null || images.state(one.group.run, one.sample.image) === "failed";
        return pictured && isThere(one);
      }),
    );
  } finally {
    for (const what of who) lookAt(what, null);
  }
}

/** Whether a sample's map is the one of its step, not a neighbour that came first, or will not come. */
function isThere({group, index, at}: One): boolean {
  const key = seriesKey(group);
  if (!key || seriesOf(group, index) || loader.problem(key, index)) return true;
  return mapOf(group, index, at)?.exact ?? false;
}

async function wholeSeries(group: Group, index: number): Promise<MapSeries> {
  await until(() => seriesOf(group, index) !== null);
  const series = seriesOf(group, index);
  if (!series) throw new Error("The steps did not load within 20 seconds. Try again.");
  return series;
}

/** What has not come by then is left out. */
export async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!done() && performance.now() < end) await new Promise((go) => setTimeout(go, POLL_MS));
}

async function saved(made: Promise<Blob>, name: string): Promise<void> {
  download(await made, name);
}
