/** Which maps are on this side already, and which to ask for next: what is visible first, the rest behind it. */

import {type ReadonlySignal, signal} from "@preact/signals";
import type {Cohort, MapSeries, PredictionSeries, RawMap, Steps} from "../types";
import {placesAt} from "../maths/places";
import {stepIndexOf} from "../maths/series";
import {nearestStep} from "../maths/steps";
import {Chunk} from "./chunk";
import type {Client, SeriesKey} from "./client";
import {appendMaps, appendPredictions} from "./merge";

/** What a view shows now: these samples of a series, at this step. */
export interface Want extends SeriesKey {
  samples: readonly number[];
  step: number;
  brief?: boolean; // one step is enough
}

export interface LoaderOptions {
  chunk?: number; // samples asked for together
  cacheBytes?: number; // of whole series; the least recently shown go first
  parallel?: number; // whole series at a time
  retryMs?: number; // after which new steps that failed to come are asked for again
}

/** A map, and the series that holds it. */
export interface Found {
  map: RawMap;
  series: MapSeries;
  stepIndex: number; // into series.steps
  entry: number;
  exact: boolean; // false: a neighbour of the step asked for, because none was kept at it or it is on its way
}

/**
 * Loads maps, predictions and cohorts, and keeps them.
 *
 * A view declares what it shows with `want` (the whole list each time, so what is no longer shown is no longer fetched),
 * draws what `mapAt` finds at once, and draws again when `arrivals` changes.
 */
export interface Loader {
  /** Replace what is shown. Cheap to call on each frame. */
  want(wants: readonly Want[]): void;
  /** The map nearest to `step`, if it is here, of a volume the slice at `position` (null: where the most evidence is); null: on its way, missing, or failed (see `problem`). Never fetches. */
  mapAt(key: SeriesKey, sample: number, step: number, target?: number, position?: number | null): Found | null;
  /** All targets' maps of a sample at the step nearest to `step`. */
  mapsAt(key: SeriesKey, sample: number, step: number): Found[];
  /** All kept steps of this sample's maps, once loaded. */
  seriesOf(key: SeriesKey, sample: number): MapSeries | null;
  /** All whole series of these maps that are here, each of some of the samples. */
  allSeries(key: SeriesKey): MapSeries[];
  /** Steps at which the series has maps, once known. */
  stepsOf(key: SeriesKey): Float64Array | null;
  /** Steps at which the series has a record that can't be read, and why. */
  damage(key: SeriesKey): Steps["corrupt"];
  /** The cohort that the series names at its step nearest to `step`, and its samples' places. */
  cohortAt(key: SeriesKey, step: number): {digest: string; places: Int32Array | null} | null;
  /** Why a sample's maps did not come. `retry` asks again. */
  problem(key: SeriesKey, sample: number): Error | null;
  /** Predictions of a (run, tag), null until they are here; the first call asks for them. */
  predictions(run: string, tag: string): PredictionSeries | null;
  predictionsProblem(run: string, tag: string): Error | null;
  /** A cohort, null until it is here; the first call asks for it. */
  cohort(run: string, digest: string): Cohort | null;
  cohortProblem(run: string, digest: string): Error | null;
  /** TensorBoard has read more: ask for the steps behind those that are here; of runs that are gone, for nothing. */
  refresh(runs?: readonly string[]): void;
  /** Forget failures and ask again. */
  retry(): void;
  /** Counts what arrived or failed: whoever draws what is here reads it. */
  readonly arrivals: ReadonlySignal<number>;
  /** Bytes that whole series take now. */
  readonly bytes: number;
  dispose(): void;
}

/** The routes that a loader asks. */
export type Source = Pick<Client, "maps" | "predictions" | "cohort">;

const MIB = 2 ** 20;
const RETRY_MS = 5000;

export function createLoader(client: Source, options: LoaderOptions = {}): Loader {
  const {chunk = 16, cacheBytes = 256 * MIB, parallel = 3, retryMs = RETRY_MS} = options;
  return new SeriesLoader(client, chunk, cacheBytes, parallel, retryMs);
}

/** What is here of one series. */
class Held {
  readonly chunks = new Map<number, Chunk>(); // by sample
  readonly glimpses = new Map<number, {asked: number; chunk: Chunk}>(); // by sample: one step, until the chunk is here
  readonly problems = new Map<number, Error>();
  readonly coming = new Set<number>(); // samples whose chunks are under way
  steps: Float64Array | null = null;
  latest: MapSeries | null = null; // of whatever samples
  glimpsing = false;

  constructor(readonly key: SeriesKey) {}

  distinct(): Set<Chunk> {
    return new Set(this.chunks.values());
  }

  near(sample: number, step: number, target?: number): {chunk: Chunk; entries: number[]} | null {
    for (const chunk of [this.chunks.get(sample), this.glimpses.get(sample)?.chunk]) {
      const entries = chunk?.entriesNear(sample, step, target) ?? [];
      if (chunk && entries.length) return {chunk, entries};
    }
    return null;
  }

  keep(chunk: Chunk): void {
    for (const sample of chunk.samples) {
      this.chunks.set(sample, chunk);
      this.glimpses.delete(sample);
    }
    this.steps = chunk.series.steps;
    this.latest = chunk.series;
  }

  drop(chunk: Chunk): void {
    for (const sample of chunk.samples) if (this.chunks.get(sample) === chunk) this.chunks.delete(sample);
  }
}

interface Job {
  held: Held;
  samples: readonly number[];
  ended: AbortController;
}

class SeriesLoader implements Loader {
  private readonly held = new Map<string, Held>();
  private readonly jobs = new Set<Job>();
  readonly arrivals = signal(0);
  private readonly single: Shared<Cohort>;
  private readonly growing: Growing;
  private readonly ended = new AbortController();
  private wants: readonly Want[] = [];
  private planned = false;
  private clock = 0;
  private refreshes = 0; // what was asked for before the last one lacks what it brought

  constructor(
    private readonly client: Source,
    private readonly chunk: number,
    private readonly cacheBytes: number,
    private readonly parallel: number,
    private readonly retryMs: number,
  ) {
    const notify = () => this.notify();
    this.single = new Shared((run, digest) => client.cohort(run, digest, this.ended.signal), notify);
    this.growing = new Growing(client, this.ended.signal, notify);
  }

  want(wants: readonly Want[]): void {
    this.wants = wants;
    this.plan();
  }

  mapAt(key: SeriesKey, sample: number, step: number, target?: number, position: number | null = null): Found | null {
    const near = this.held.get(idOf(key))?.near(sample, step, target);
    return near ? found(near.chunk, near.entries[0]!, step, position) : null;
  }

  mapsAt(key: SeriesKey, sample: number, step: number): Found[] {
    const near = this.held.get(idOf(key))?.near(sample, step);
    return near ? near.entries.map((entry) => found(near.chunk, entry, step)) : [];
  }

  seriesOf(key: SeriesKey, sample: number): MapSeries | null {
    return this.held.get(idOf(key))?.chunks.get(sample)?.series ?? null;
  }

  allSeries(key: SeriesKey): MapSeries[] {
    return [...(this.held.get(idOf(key))?.distinct() ?? [])].map(({series}) => series);
  }

  stepsOf(key: SeriesKey): Float64Array | null {
    return this.held.get(idOf(key))?.steps ?? null;
  }

  damage(key: SeriesKey): Steps["corrupt"] {
    return this.held.get(idOf(key))?.latest?.corrupt ?? [];
  }

  cohortAt(key: SeriesKey, step: number): {digest: string; places: Int32Array | null} | null {
    const series = this.held.get(idOf(key))?.latest;
    const row = series ? nearestStep(series.steps, step) : -1;
    const digest = series?.cohorts[series.cohort[row] ?? -1];
    return series && digest ? {digest, places: placesAt(series, row)} : null;
  }

  problem(key: SeriesKey, sample: number): Error | null {
    return this.held.get(idOf(key))?.problems.get(sample) ?? null;
  }

  predictions(run: string, tag: string): PredictionSeries | null {
    return this.growing.value(run, tag);
  }

  predictionsProblem(run: string, tag: string): Error | null {
    return this.growing.problem(run, tag);
  }

  cohort(run: string, digest: string): Cohort | null {
    return this.single.value(run, digest);
  }

  cohortProblem(run: string, digest: string): Error | null {
    return this.single.problem(run, digest);
  }

  refresh(runs?: readonly string[]): void {
    this.refreshes++;
    for (const held of this.held.values()) {
      for (const chunk of held.distinct()) chunk.stale = true;
      held.glimpses.clear();
    }
    this.growing.refresh(runs);
    this.retry();
  }

  retry(): void {
    for (const held of this.held.values()) held.problems.clear();
    this.single.retry();
    this.growing.retry();
    this.notify();
    this.plan();
  }

  private notify(): void {
    this.arrivals.value++;
  }

  get bytes(): number {
    return [...this.allChunks()].reduce((sum, [, chunk]) => sum + chunk.bytes, 0);
  }

  dispose(): void {
    this.ended.abort();
    for (const {ended} of this.jobs) ended.abort();
    this.held.clear();
    this.wants = [];
  }

  private *allChunks(): Generator<[Held, Chunk]> {
    for (const held of this.held.values()) for (const chunk of held.distinct()) yield [held, chunk];
  }

  private plan(): void {
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      if (!this.ended.signal.aborted) this.pump();
    });
  }

  private heldOf({run, tag, method, layer}: SeriesKey): Held {
    const id = idOf({run, tag, method, layer});
    let held = this.held.get(id);
    if (!held) {
      held = new Held({run, tag, method, layer});
      this.held.set(id, held);
    }
    return held;
  }

  /** One step of what is visible; then, when nobody waits for that any more, whole series in chunks of samples. */
  private pump(): void {
    this.clock++;
    for (const want of this.wants) this.markUsed(want);
    for (const want of this.wants) this.glimpse(want);
    this.endUnwanted();
    const waiting = [...this.held.values()].some(({glimpsing}) => glimpsing);
    if (waiting) return;
    const whole = this.wants.filter(({brief}) => !brief);
    for (const want of whole) this.update(want);
    for (const want of whole) this.loadWhole(want);
  }

  private markUsed(want: Want): void {
    const held = this.heldOf(want);
    for (const sample of want.samples) {
      const chunk = held.chunks.get(sample);
      if (chunk) chunk.used = this.clock;
    }
  }

  private glimpse(want: Want): void {
    const held = this.heldOf(want);
    // One at a time for a series: while it is under way, later steps only replace each other as what comes next.
    if (held.glimpsing) return;
    const missing = want.samples.filter(
      (sample) =>
        !held.chunks.has(sample) && !held.problems.has(sample) && held.glimpses.get(sample)?.asked !== want.step,
    );
    if (!missing.length) return;
    held.glimpsing = true;
    const {refreshes} = this;
    void this.run(held, missing, this.ended.signal, async (signal) => {
      const series = await this.client.maps({...held.key, samples: missing, step: want.step}, signal);
      const chunk = new Chunk(missing, series);
      if (!held.steps) held.latest = series;
      const asked = refreshes === this.refreshes ? want.step : Number.NaN; // else it is asked for again
      for (const sample of missing) if (!held.chunks.has(sample)) held.glimpses.set(sample, {asked, chunk});
      const named = this.cohortAt(held.key, want.step);
      if (named) this.cohort(held.key.run, named.digest); // which whoever shows the maps needs as well
    }).finally(() => {
      held.glimpsing = false;
      this.plan();
    });
  }

  private update(want: Want): void {
    const held = this.heldOf(want);
    const stale = new Set(want.samples.map((sample) => held.chunks.get(sample)).filter((chunk) => chunk?.stale));
    for (const chunk of stale) {
      if (chunk && !this.busy) this.start(held, chunk.samples, (signal) => this.grow(held, chunk, signal));
    }
  }

  private async grow(held: Held, chunk: Chunk, signal: AbortSignal): Promise<void> {
    chunk.stale = false;
    try {
      const after = chunk.series.steps.at(-1);
      const {samples} = chunk;
      const next = await this.client.maps({...held.key, samples, ...(after === undefined ? {} : {after})}, signal);
      const series = appendMaps(chunk.series, next) ?? (await this.client.maps({...held.key, samples}, signal));
      this.keep(held, new Chunk(samples, series));
    } catch {
      if (signal.aborted) chunk.stale = true;
      else this.later(chunk); // what is here stays good
    }
  }

  private later(chunk: Chunk): void {
    setTimeout(() => {
      chunk.stale = true;
      this.plan();
    }, this.retryMs);
  }

  private loadWhole(want: Want): void {
    const held = this.heldOf(want);
    const missing = want.samples.filter(
      (sample) => !held.chunks.has(sample) && !held.coming.has(sample) && !held.problems.has(sample),
    );
    for (let at = 0; at < missing.length && !this.busy; at += this.chunk) {
      const samples = missing.slice(at, at + this.chunk);
      const {refreshes} = this;
      this.start(held, samples, async (signal) => {
        const chunk = new Chunk(samples, await this.client.maps({...held.key, samples}, signal));
        chunk.stale = refreshes !== this.refreshes;
        this.keep(held, chunk);
      });
    }
  }

  private get busy(): boolean {
    return this.jobs.size >= this.parallel;
  }

  private keep(held: Held, chunk: Chunk): void {
    chunk.used = this.clock;
    held.keep(chunk);
    this.evict();
  }

  private start(held: Held, samples: readonly number[], task: (signal: AbortSignal) => Promise<void>): void {
    const job: Job = {held, samples, ended: new AbortController()};
    this.jobs.add(job);
    for (const sample of samples) held.coming.add(sample);
    void this.run(held, samples, job.ended.signal, task).finally(() => {
      this.jobs.delete(job);
      for (const sample of samples) held.coming.delete(sample);
      this.plan();
    });
  }

  /** Run a request; a failure is remembered for its samples. */
  private async run(
    held: Held,
    samples: readonly number[],
    signal: AbortSignal,
    task: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    try {
      await task(signal);
    } catch (error) {
      if (signal.aborted || this.ended.signal.aborted) return;
      for (const sample of samples) held.problems.set(sample, asError(error));
    }
    this.notify();
  }

  private endUnwanted(): void {
    const wanted = new Map<Held, Set<number>>();
    for (const want of this.wants) {
      const held = this.heldOf(want);
      wanted.set(held, new Set([...(wanted.get(held) ?? []), ...want.samples]));
    }
    for (const {held, samples, ended} of this.jobs) {
      if (!samples.some((sample) => wanted.get(held)?.has(sample))) ended.abort();
    }
  }

  private evict(): void {
    let bytes = this.bytes;
    const byAge = [...this.allChunks()].sort(([, a], [, b]) => a.used - b.used);
    for (const [held, chunk] of byAge) {
      if (bytes <= this.cacheBytes || chunk.used === this.clock) break; // what is shown stays, however large
      held.drop(chunk);
      bytes -= chunk.bytes;
    }
  }
}

/** Answers that never change, asked for once. */
class Remembered<T> {
  protected readonly values = new Map<string, T>();
  protected readonly problems = new Map<string, Error>();
  protected readonly coming = new Set<string>();

  constructor(
    private readonly ask: (run: string, name: string) => Promise<T>,
    private readonly notify: () => void,
  ) {}

  value(run: string, name: string): T | null {
    const id = this.idOf(run, name);
    const value = this.values.get(id);
    const own = JSON.stringify([run, name]);
    if (value === undefined && !this.problems.has(own) && !this.coming.has(id)) this.load(id, this.ask(run, name), own);
    return value ?? null;
  }

  problem(run: string, name: string): Error | null {
    if (this.values.has(this.idOf(run, name))) return null;
    return this.problems.get(JSON.stringify([run, name])) ?? null;
  }

  protected idOf(run: string, name: string): string {
    return JSON.stringify([run, name]);
  }

  retry(): void {
    this.problems.clear();
  }

  /** `own`: of the run that asks. */
  protected load(id: string, answer: Promise<T>, own = id): void {
    this.coming.add(id);
    answer
      .then(
        (value) => this.values.set(id, value),
        (error) => this.problems.set(own, asError(error)),
      )
      .finally(() => {
        this.coming.delete(id);
        this.notify();
      });
  }
}

/** What is named by its digest, so that runs share it; a failure is the run's, since each keeps its own copy. */
class Shared<T> extends Remembered<T> {
  protected override idOf(_run: string, digest: string): string {
    return digest;
  }
}

/** Predictions, which grow: a refresh asks for what is behind the last step. */
class Growing extends Remembered<PredictionSeries> {
  constructor(
    private readonly client: Source,
    private readonly signal: AbortSignal,
    notify: () => void,
  ) {
    super((run, tag) => client.predictions(run, tag, undefined, signal), notify);
  }

  refresh(runs?: readonly string[]): void {
    for (const [id, old] of this.values) {
      if (runs && !runs.includes(old.run)) this.values.delete(id);
      else if (!this.coming.has(id)) this.load(id, this.grown(old));
    }
  }

  private async grown(old: PredictionSeries): Promise<PredictionSeries> {
    const next = await this.client.predictions(old.run, old.tag, old.steps.at(-1), this.signal);
    return appendPredictions(old, next) ?? this.client.predictions(old.run, old.tag, undefined, this.signal);
  }
}

function found(chunk: Chunk, entry: number, step: number, position: number | null = null): Found {
  const {series} = chunk;
  const stepIndex = stepIndexOf(series, entry);
  return {map: chunk.mapOf(entry, position), series, stepIndex, entry, exact: series.steps[stepIndex] === step};
}

const ids = new WeakMap<SeriesKey, string>();

function idOf(key: SeriesKey): string {
  const kept = ids.get(key);
  if (kept !== undefined) return kept;
  const {run, tag, method, layer} = key;
  const id = JSON.stringify([run, tag, method, layer]);
  ids.set(key, id);
  return id;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
