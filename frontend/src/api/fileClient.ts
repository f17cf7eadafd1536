/** A log that the page itself holds (`tensorboard-gradcam export`): what the routes would answer, stored in it. */

import {during} from "../busy";
import {bytesOf} from "./base64";
import type {MapSeries} from "../types";
import {behindAt, predictedAt, rowAt} from "../maths/behind";
import {byPlace, placesAt} from "../maths/places";
import {regionFrom} from "../maths/regions";
import {type BehindQuery, Client, type MapsQuery, type Parameters, type SeriesKey, ServerError} from "./client";
import type {Behind} from "./findings";
import {decodeMaps} from "./packet";

/** One stored answer: to which question, and in which element of the page. */
interface Stored {
  route: string;
  query: Record<string, string | string[]>;
  part: number;
  type: string;
}

/** What is cut out of a series: a file holds all of it, which is quicker found than cut. */
const CUTS = new Set(["samples", "step", "after"]);

export class FileClient extends Client {
  private readonly stored = new Map<string, Stored>();
  private readonly series_ = new Map<string, Promise<MapSeries>>();
  private ready: Promise<void> | null = null;

  constructor(private readonly page: Document) {
    super("");
  }

  /** The whole series, whichever part of it is asked for: views on one buffer, decoded once. */
  override maps({run, tag, method, layer}: MapsQuery): Promise<MapSeries> {
    const key = JSON.stringify([run, tag, method, layer]);
    let series = this.series_.get(key);
    if (!series) {
      const answer = this.answer("maps", {run, tag, method, layer});
      series = during(answer.then(async (it) => decodeMaps(await it.arrayBuffer())));
      this.series_.set(key, series);
    }
    return series;
  }

  /** Counted here, of the maps that the file holds. */
  override async behind(key: SeriesKey, step: number, {region, of, by}: BehindQuery): Promise<Behind> {
    const maps = await this.maps(key);
    const place = regionFrom(region);
    if (!place || !maps.steps.length) throw new ServerError("this file contains no maps for this view", 404);
    const row = rowAt(maps, step);
    const cohort = byPlace(await this.cohort(key.run, maps.cohorts[maps.cohort[row]!] ?? ""), placesAt(maps, row));
    const said = by === "label" ? null : await this.predictions(key.run, key.tag);
    const classOf = (at: number) =>
      by === "label" ? (cohort.samples[at]?.label ?? -1) : predictedAt(said, maps.steps[row]!, at);
    return behindAt(maps, row, cohort, place, classOf, of);
  }

  protected override async answer(route: string, parameters: Parameters): Promise<Response> {
    this.ready ??= this.read();
    await this.ready;
    const found = this.find(route, parameters);
    if (!found) throw new ServerError(`this file contains no ${route} for this view`, 404);
    const body = await this.body(found.part, found.type);
    return new Response(fitting(route, parameters, body), {headers: {"content-type": found.type}});
  }

  private async read(): Promise<void> {
    for (const stored of parsed<Stored[]>(await this.body(0, "application/json"))) {
      this.stored.set(keyOf(stored.route, stored.query), stored);
    }
  }

  private find(route: string, parameters: Parameters): Stored | undefined {
    const found = this.stored.get(keyOf(route, parameters));
    return found ?? (route === "findings" ? this.findingsOfMore(parameters) : undefined);
  }

  /** The findings of more runs than are asked for, where theirs alone are not here. */
  private findingsOfMore(parameters: Parameters): Stored | undefined {
    const wanted = runsOf(parameters);
    const rest = keyOf("findings", {...parameters, run: []});
    return [...this.stored.values()]
      .filter(({route, query}) => route === "findings" && keyOf(route, {...query, run: []}) === rest)
      .find(({query}) => wanted.every((run) => runsOf(query).includes(run)));
  }

  private async body(part: number, type: string): Promise<ArrayBuffer> {
    const text = this.page.getElementById(`gradcam-${part}`)?.textContent;
    if (!text) throw new ServerError("this file is incomplete: it was cut off when it was saved or sent", 500);
    const bytes = bytesOf(text);
    return type.startsWith("image/") ? bytes.buffer : inflated(bytes);
  }
}

function keyOf(route: string, parameters: Parameters): string {
  const named = Object.entries(parameters).filter(([name, value]) => value !== undefined && !CUTS.has(name));
  return JSON.stringify([
    route,
    named.map(([name, value]) => [name, [value].flat()]).sort(([a], [b]) => (a! < b! ? -1 : 1)),
  ]);
}

function runsOf({run}: Parameters): string[] {
  return [run ?? []].flat().map(String);
}

/** The answer as it is asked for, where more is stored than that. */
function fitting(route: string, parameters: Parameters, body: ArrayBuffer): ArrayBuffer | string {
  if (route === "findings") return narrowedTo(body, runsOf(parameters));
  return route === "atlas" ? atlasAt(body, Number(parameters.step ?? Number.POSITIVE_INFINITY)) : body;
}

function parsed<T>(body: ArrayBuffer): T {
  return JSON.parse(new TextDecoder().decode(body)) as T;
}

interface Atlases {
  pictures: string[];
  atlases: {step: number; classes: {picture?: number | null}[]}[];
}

/** The atlas of the last stored step at or before one, else the first; its pictures by themselves, not by their index. */
function atlasAt(body: ArrayBuffer, step: number): string {
  const {pictures, atlases} = parsed<Atlases>(body);
  const atlas = atlases.filter((one) => one.step <= step).at(-1) ?? atlases[0]!;
  const classes = atlas.classes.map((one) => ({...one, picture: pictures[one.picture ?? -1] ?? null}));
  return JSON.stringify({...atlas, classes});
}

/** Leave out what is said of runs that are not asked for. */
function narrowedTo(body: ArrayBuffer, runs: readonly string[]): ArrayBuffer | string {
  const all = parsed<{findings: {run: string; other: string}[]; runs: {run: string}[]}>(body);
  if (all.runs.length === runs.length) return body;
  const findings = all.findings.filter(({run, other}) => runs.includes(run) && (!other || runs.includes(other)));
  return JSON.stringify({...all, findings, runs: all.runs.filter(({run}) => runs.includes(run))});
}

function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}
