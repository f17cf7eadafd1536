/** What has to be said on a tile: what is missing, what is odd about the map, or that it is another step's. */

import type {Found} from "../api/loader";
import {flaw, isFaint, peakOf} from "../maths/limits";
import {targetName} from "../maths/series";
import type {SeriesKey} from "../api/client";
import {explained, seriesOf, usualPeakOf} from "./maps";
import {castAt} from "./samples";
import {type Group, images, loader, seriesKey} from "./store";
import type {Sample} from "../types";
import {shown} from "../maths/numbers";

export interface Shown {
  group: Group;
  sample: Sample;
  index: number;
  at: number;
  found: Found | null;
}

export interface Remarks {
  words: string; // few: a tile is small
  fully: string;
  advice: string; // what can be done; said in focus
  bare: boolean; // there is neither picture nor map to be seen
  waits: boolean; // for the picture, or for the only thing that there will be
}

type Remark = readonly [words: string, why?: string | undefined, advice?: string] | null;

export function remarksOn(tile: Shown): Remarks {
  const {group, sample, found} = tile;
  const all = [damaged(tile), lost(tile), pictureless(tile), odd(tile), other(tile)].filter((one) => one !== null);
  const image = images.state(group.run, sample.image);
  return {
    words: all.map(([words]) => words).join(" · "),
    fully: all.map(([words, why]) => (why ? `${words}: ${why}` : words)).join("; "),
    advice: all.flatMap(([, , advice]) => advice ?? []).join("; "),
    bare: image === "failed" && !found && all.length > 0,
    waits: image === "loading" || (image === "failed" && !found && !lost(tile)),
  };
}

function damaged({group, at}: Shown): Remark {
  const key = seriesKey(group);
  const record = key && loader.damage(key).find(({step}) => step === at);
  return record ? [`step ${shown(at)} can't be read`, record.message] : null;
}

/** A map that will not come. */
function lost({group, index, at, found}: Shown): Remark {
  const key = seriesKey(group);
  if (found || !key) return null;
  const problem = loader.problem(key, index);
  if (problem) return ["no map", problem.message];
  return elsewhere(key, group, index, at) ?? (seriesOf(group, index) ? NONE : null);
}

const NONE = ["no map", "none was logged for this sample, or it can't be read"] as const;

/** There are maps, of other classes than the one that is to be explained. */
function elsewhere(key: SeriesKey, group: Group, index: number, at: number): Remark {
  const others = loader.mapsAt(key, index, at);
  if (!others.length) return null;
  const classes = castAt(group, at)?.cohort.classNames ?? [];
  const wanted = explained(group, index, at) ?? -1;
  const names = [...new Set(others.map(({series, entry}) => targetName(series, entry, classes) || "no class"))];
  const what = wanted < 0 ? "no such class here" : `no map of ${classes[wanted] ?? `class ${wanted}`}`;
  return [`${what}; logged: ${names.join(", ")}`];
}

function pictureless({group, sample}: Shown): Remark {
  const problem = images.problem(group.run, sample.image);
  return problem && ["no picture", problem.message];
}

function odd({group, found}: Shown): Remark {
  if (!found) return null;
  const words = flaw(found.map);
  if (words === "all negative" || words === "all zero") return [words, undefined, unspoken(group, found)];
  if (words) return [words];
  const usual = usualPeakOf(found, group);
  if (!isFaint(found.map, usual)) return null;
  const size = `${shown(peakOf(found.map))} of ${shown(usual)}`;
  return [`faint, ${size}`, "nearly zero compared with the other maps of this series"];
}

/** What can be done where nothing speaks for a class. */
function unspoken(group: Group, found: Found): string {
  const cohort = loader.cohort(group.run, found.series.cohorts[found.series.cohort[found.stepIndex] ?? 0] ?? "");
  const target = targetName(found.series, found.entry, cohort?.classNames ?? []);
  const what = `no positive evidence${target ? ` for ${target}` : ""} at this layer`;
  return `${what}. HiResCAM or LayerCAM may show some; "Signed" shows the evidence against it`;
}

function other({group, index, at, found}: Shown): Remark {
  if (!found || found.map.step === at) return null;
  const key = seriesKey(group);
  const isStep = key && loader.stepsOf(key)?.includes(at);
  const why = isStep && seriesOf(group, index) ? "this sample has no map at this step" : undefined;
  const words = `map of step ${shown(found.map.step)}`;
  return why ? [words, why] : [words];
}
