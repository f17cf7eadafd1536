/** The samples behind a place, as the server's route `behind` lists them (viewer/behind.py): for pages without a server. */

import type {Behind, Region} from "../api/findings";
import type {Cohort, MapSeries, PredictionSeries} from "../types";
import {shareIn} from "./metrics";
import {columnOf, placesAt} from "./places";
import {entriesOf, rawMap} from "./series";

const LISTED = 200;

/** The last step at or before one, else the first. */
export function rowAt({steps}: {steps: Float64Array}, step: number): number {
  return Math.max(steps.filter((one) => one <= step).length - 1, 0);
}

/**
 * The samples of a class at one step by their share of evidence in a region, most first, and the mean share.
 *
 * @param cohort - the step's samples, by place.
 * @param classOf - a sample's class, -1 for none.
 * @param of - the class, null for all samples.
 */
export function behindAt(
  maps: MapSeries,
  row: number,
  cohort: Cohort,
  region: Region,
  classOf: (place: number) => number,
  of: number | null,
): Behind {
  const shares = new Map<number, number>();
  for (const entry of entriesOf(maps, row)) {
    const place = maps.sample[entry]!;
    const has = !shares.has(place) && Number.isFinite(maps.minimum[entry]!); // of several maps the first counts
    if (has && (of === null || classOf(place) === of)) shares.set(place, shareIn(rawMap(maps, entry), region));
  }
  const ranked = [...shares].filter(([, share]) => Number.isFinite(share)).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const sum = ranked.reduce((all, [, share]) => all + share, 0);
  const hole = region.hole ? (region.hole[2] - region.hole[0]) * (region.hole[3] - region.hole[1]) : 0;
  return {
    step: maps.steps[row]!,
    count: shares.size,
    share: ranked.length ? sum / ranked.length : null,
    area: (region.x1 - region.x0) * (region.y1 - region.y0) - hole,
    samples: ranked
      .slice(0, LISTED)
      .map(([place, share]) => ({identity: cohort.samples[place]?.identity ?? "", share: Number(share.toFixed(4))})),
  };
}

/** What was predicted of the sample at a place at a step, -1 where nothing was. */
export function predictedAt(said: PredictionSeries | null, step: number, place: number): number {
  const row = said ? said.steps.indexOf(step) : -1;
  if (!said?.prediction || row < 0) return -1;
  const column = columnOf(placesAt(said, row), place);
  return column < 0 ? -1 : (said.prediction.data[row * said.prediction.columns + column] ?? -1);
}
