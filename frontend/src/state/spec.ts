/** Names of tiles, as links and keys hold them. */

import type {Coordinates} from "../types";
import type {Group} from "./store";

/** What a tile shows; `target` is the page's, which a group of its own class does not follow. */
export function specOf(
  {run, tag, maps, target: own}: Pick<Group, "run" | "tag" | "maps" | "target">,
  sample: number,
  step: number | null,
  target: number | null,
): Coordinates {
  const {method = "", layer = ""} = maps ?? {};
  return {run, tag, sample, method, layer, target: own === undefined ? target : own, step};
}

/** A tile's name in links. */
export function specText({run, tag, sample, method, layer, target, step}: Coordinates): string {
  const last = `${target === null ? "" : `&target=${target}`}${step === null ? "" : `&step=${step}`}`;
  return `${queryOf({run, tag})}&sample=${sample}&${queryOf({method, layer})}${last}`;
}

const queries = new Map<string, string>();
const MOST_QUERIES = 1000;

/** Names as part of an address, which takes a while: all tiles of a group ask at every step. */
function queryOf(names: Record<string, string>): string {
  const key = JSON.stringify(names);
  const kept = queries.get(key);
  if (kept !== undefined) return kept;
  if (queries.size >= MOST_QUERIES) queries.clear();
  const query = new URLSearchParams(names).toString();
  queries.set(key, query);
  return query;
}

/** The tile that a link names; null where it names none. */
export function specFrom(text: string | null): Coordinates | null {
  const query = new URLSearchParams(text ?? "");
  const [run, tag, sample] = [query.get("run"), query.get("tag"), Number(query.get("sample") ?? "x")];
  if (run === null || tag === null || !Number.isInteger(sample)) return null;
  return {
    run,
    tag,
    sample,
    method: query.get("method") ?? "",
    layer: query.get("layer") ?? "",
    target: integer(query.get("target")),
    step: integer(query.get("step")),
  };
}

function integer(text: string | null): number | null {
  const value = Number(text ?? "x");
  return text !== null && Number.isFinite(value) ? value : null;
}

/** A sample of a (run, tag), whatever map is over it. */
export function tileKey({run, tag, sample}: Pick<Coordinates, "run" | "tag" | "sample">): string {
  return `${queryOf({run, tag})}&sample=${sample}`;
}
