/** Which maps are on this side already, and which to ask for next: what is visible first, the rest behind it. */

import type {Cohort, MapSeries, PredictionSeries, RawMap} from "../types";
import type {Client, SeriesKey} from "./client";

/** What a view shows now: these samples of a series, at this step. */
export interface Want extends SeriesKey {
  samples: readonly number[];
  step: number;
}

export interface LoaderOptions {
  chunk?: number; // samples asked for together
  cacheBytes?: number; // of whole series; the least recently shown go first
  parallel?: number; // requests at a time
}

/** A map, and the series that holds it. */
export interface Found {
  map: RawMap;
  series: MapSeries;
  stepIndex: number; // into series.steps
  entry: number;
  exact: boolean; // false: a neighbour of the step asked for, because no map was kept at it
}

/**
 * Loads maps, predictions and cohorts, and keeps them.
 *
 * A view declares what it shows with `want` (the whole list each time, so what is no longer shown is no longer fetched),
 * draws what `mapAt` finds at once, and draws again when a listener is called.
 */
export interface Loader {
  /** Replace what is shown. Cheap to call on each frame. */
  want(wants: readonly Want[]): void;
  /** The map nearest to `step`, if it is here; null: on its way, missing, or failed (see `problem`). Never fetches. */
  mapAt(key: SeriesKey, sample: number, step: number, target?: number): Found | null;
  /** All targets' maps of a sample at the step nearest to `step`. */
  mapsAt(key: SeriesKey, sample: number, step: number): Found[];
  /** All kept steps of this sample's maps, once loaded. */
  seriesOf(key: SeriesKey, sample: number): MapSeries | null;
  /** Steps at which the series has maps, once known. */
  stepsOf(key: SeriesKey): Float64Array | null;
  /** Why a sample's maps did not come. `retry` asks again. */
  problem(key: SeriesKey, sample: number): Error | null;
  /** Predictions of a (run, tag), null until they are here; the first call asks for them. */
  predictions(run: string, tag: string): PredictionSeries | null;
  predictionsProblem(run: string, tag: string): Error | null;
  /** A cohort, null until it is here; the first call asks for it. */
  cohort(run: string, digest: string): Cohort | null;
  cohortProblem(run: string, digest: string): Error | null;
  /** TensorBoard has read more: ask for the steps behind those that are here. */
  refresh(): void;
  /** Forget failures and ask again. */
  retry(): void;
  /** Call `listener` after something arrived or failed, at most once a task. Returns what ends it. */
  subscribe(listener: () => void): () => void;
  /** Bytes that whole series take now. */
  readonly bytes: number;
  dispose(): void;
}

export function createLoader(_client: Client, _options: LoaderOptions = {}): Loader {
  throw new Error("signature only: follows within minutes");
}
