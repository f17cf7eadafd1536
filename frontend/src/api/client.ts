/** The one module that knows URLs. All are relative to TensorBoard's own address, so proxies and path prefixes keep working. */

import {during} from "../busy";
import {bytesOf} from "./base64";
import type {
  Box,
  Catalog,
  Cohort,
  MapKind,
  MapSeries,
  NumberSeries,
  MapsEntry,
  PredictionSeries,
  RunEntry,
  Sample,
  TagEntry,
} from "../types";
import type {Atlas, Behind, Findings} from "./findings";
import type {Early} from "./early";
import {decodeMaps, decodeNumbers, decodePredictions} from "./packet";
import {fetchPatiently} from "./patience";

/** The server said no; `message` is its own sentence. */
export class ServerError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = "ServerError";
  }
}

export interface SeriesKey {
  run: string;
  tag: string;
  method: string;
  layer: string;
}

export interface MapsQuery extends SeriesKey {
  samples?: readonly number[]; // indices into the cohort; all where absent
  step?: number; // only the kept step nearest to this one
  after?: number; // only steps above this one
}

export type Parameters = Record<string, string | number | readonly string[] | undefined>;

/** Which samples are asked for: those of a class, by label or by prediction, at a place. */
export interface BehindQuery {
  region: string;
  of: number | null; // class index; null for all
  by: "label" | "prediction";
}

/** Asks the plugin's routes. `base` ends in "/", relative to the page ("./" from index.js's own address). */
export class Client {
  private early: Early | null = null;

  constructor(private readonly base: string) {}

  /** Take answers from here, where they are among those that came early. */
  expect(early: Early): void {
    this.early = early;
  }

  /** What can be chosen; `asked`: the answer, where it is on its way already. */
  series(asked?: Promise<Response>): Promise<Catalog> {
    return during(this.readSeries(asked));
  }

  private async readSeries(asked?: Promise<Response>): Promise<Catalog> {
    const first = await asked;
    const response = first?.ok ? first : await this.answer("series", {}); // a busy server is asked again
    return catalogOf((await response.json()) as CatalogJson);
  }

  async predictions(run: string, tag: string, after?: number, signal?: AbortSignal): Promise<PredictionSeries> {
    return decodePredictions(await this.bytes("predictions", {run, tag, after}, signal));
  }

  async maps(query: MapsQuery, signal?: AbortSignal): Promise<MapSeries> {
    const {run, tag, method, layer, step, after} = query;
    const samples = query.samples?.join(",");
    return decodeMaps(await this.bytes("maps", {run, tag, method, layer, samples, step, after}, signal));
  }

  /** Numbers by name: of samples, or of the maps of a method and layer. */
  async numbers(query: SeriesKey & {name: string}, signal?: AbortSignal): Promise<NumberSeries> {
    const {run, tag, name, method, layer} = query;
    const ofMaps = method ? {method, layer} : {};
    return decodeNumbers(await this.bytes("numbers", {run, tag, name, ...ofMaps}, signal));
  }

  async cohort(run: string, digest: string, signal?: AbortSignal): Promise<Cohort> {
    return cohortOf((await this.json("cohort", {run, digest}, signal)) as CohortJson);
  }

  /** What the maps of several runs' series say by themselves; all keys but the run are the first one's. */
  async findings(keys: readonly SeriesKey[], signal?: AbortSignal): Promise<Findings> {
    const [{tag, method, layer} = {tag: "", method: "", layer: ""}] = keys;
    const run = keys.map((key) => key.run);
    return (await this.json("findings", {run, tag, method, layer}, signal)) as Findings;
  }

  /** Mean maps of each class, at the last kept step at or before `step`. */
  async atlas(
    {run, tag, method, layer}: SeriesKey,
    step: number,
    signal?: AbortSignal,
    by: "label" | "prediction" = "label",
  ): Promise<Atlas> {
    const otherwise = by === "label" ? {} : {by};
    return (await this.json("atlas", {run, tag, method, layer, step, ...otherwise}, signal)) as Atlas;
  }

  /** The samples of a class by their share of evidence in a region, most first. */
  async behind(
    {run, tag, method, layer}: SeriesKey,
    step: number,
    {region, of, by}: BehindQuery,
    signal?: AbortSignal,
  ): Promise<Behind> {
    const query = {run, tag, method, layer, step, region, class: of ?? undefined, by};
    return (await this.json("behind", query, signal)) as Behind;
  }

  /** A picture's file. */
  image(run: string, digest: string, signal?: AbortSignal): Promise<Response> {
    return this.answer("image", {run, digest}, signal);
  }

  protected async answer(route: string, parameters: Parameters, signal?: AbortSignal): Promise<Response> {
    const query = queryOf(parameters);
    const early = await this.early?.take(route, query);
    const url = this.base + route + (query && `?${query}`);
    return early ?? checked(await fetchPatiently(url, signal ? {signal} : {}));
  }

  private json(route: string, parameters: Parameters, signal?: AbortSignal): Promise<unknown> {
    return during(this.answer(route, parameters, signal).then((response) => response.json()));
  }

  private bytes(route: string, parameters: Parameters, signal?: AbortSignal): Promise<ArrayBuffer> {
    return during(this.answer(route, parameters, signal).then((response) => response.arrayBuffer()));
  }
}

function queryOf(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) query.append(name, String(one));
  }
  return query.toString();
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const words = (await response.text()).trim();
  throw new ServerError(words || `the server answered ${response.status} ${response.statusText}`, response.status);
}

interface CatalogJson {
  kept_steps: number | null;
  left_out?: string | null;
  runs: {run: string; start_time: number | null; tags: TagJson[]}[];
}

interface TagJson {
  tag: string;
  predictions: {max_step: number; max_wall_time: number} | null;
  maps: {method: string; layer: string; kind: MapKind; max_step: number; max_wall_time: number}[];
  numbers?: {name: string; method: string; layer: string; max_step: number}[];
  problem: string | null;
}

interface CohortJson {
  class_names: string[];
  samples: SampleJson[];
}

interface SampleJson {
  image: string;
  slices: string[];
  label: number | null;
  id: string;
  caption: string;
  width: number;
  height: number;
  boxes: [number, number, number, number][];
  mask: {height: number; width: number; cells: string} | null;
  labels?: number[] | null;
  values?: (number | null)[];
  box_classes?: number[];
  class_mask?: {height: number; width: number; depth: number | null; cells: string} | null;
}

function catalogOf(json: CatalogJson): Catalog {
  const runs: RunEntry[] = json.runs.map(({run, start_time, tags}) => ({
    run,
    startTime: start_time,
    tags: tags.map(tagOf),
  }));
  return {keptSteps: json.kept_steps, leftOut: json.left_out ?? null, runs};
}

function tagOf({tag, predictions, maps, numbers = [], problem}: TagJson): TagEntry {
  return {
    tag,
    predictions: predictions && {maxStep: predictions.max_step, maxWallTime: predictions.max_wall_time},
    maps: maps.map(mapsOf),
    numbers: numbers.map(({name, method, layer, max_step}) => ({name, method, layer, maxStep: max_step})),
    problem,
  };
}

function mapsOf({method, layer, kind, max_step, max_wall_time}: TagJson["maps"][number]): MapsEntry {
  return {method, layer, kind, maxStep: max_step, maxWallTime: max_wall_time};
}

function cohortOf(json: CohortJson): Cohort {
  return {classNames: json.class_names, samples: json.samples.map(sampleOf)};
}

function sampleOf({boxes, mask, box_classes, class_mask, ...rest}: SampleJson): Sample {
  return {
    ...rest,
    boxClasses: box_classes ?? [],
    classMask: class_mask ? {...class_mask, cells: new Int16Array(bytesOf(class_mask.cells).buffer)} : null,
    boxes: boxes.map(([x0, y0, x1, y1]): Box => ({x0, y0, x1, y1})),
    mask: mask && {height: mask.height, width: mask.width, cells: bytesOf(mask.cells)},
  };
}
