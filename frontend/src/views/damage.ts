/** What can't be read of a series: always said, never drawn. */

import {type Group, loader, seriesKey} from "../state/store";
import type {Steps} from "../types";

export type Damage = Steps["corrupt"][number];

/** Records that can't be read, predictions' and maps', each step once. */
export function damageOf(group: Group): Damage[] {
  const key = seriesKey(group);
  const series = key ? loader.allSeries(key) : [];
  const said = group.entry.predictions ? loader.predictions(group.run, group.tag) : null;
  const all = [...series, ...(said ? [said] : [])].flatMap(({corrupt}) => corrupt);
  return [...new Map(all.map((damage) => [damage.step, damage])).values()];
}

/** Why a series shows nothing; undefined while it is on its way. */
export function problemOf(group: Group): string | undefined {
  const {run, tag, entry} = group;
  const key = seriesKey(group);
  if (entry.problem) return entry.problem;
  const lost = entry.predictions ? loader.predictionsProblem(run, tag) : key && loader.problem(key, 0);
  if (lost) return lost.message;
  const held = entry.predictions ? loader.predictions(run, tag) : key && loader.allSeries(key)[0];
  if (!held) return undefined;
  if (!held.steps.length) return held.corrupt[0]?.message;
  return held.cohorts.map((digest) => loader.cohortProblem(run, digest)?.message).find(Boolean);
}
