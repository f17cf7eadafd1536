/** Names of things that can be looked at. */

import type {Coordinates} from "../maths/table";

/** A tile's name in links. */
export function specText({run, tag, sample, method, layer, target, step}: Coordinates): string {
  const query = new URLSearchParams({run, tag, sample: String(sample), method, layer});
  if (target !== null) query.set("target", String(target));
  if (step !== null) query.set("step", String(step));
  return query.toString();
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
  return new URLSearchParams({run, tag, sample: String(sample)}).toString();
}
