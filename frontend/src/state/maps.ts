/** What is drawn of a sample: its map at a step, and the raw values that its colours span. */

import {computed} from "@preact/signals";
import type {Found} from "../api/loader";
import {FAINT, isFaint, limitsOf, limitsOfSeries, unionOfLimits, usualPeak} from "../maths/limits";
import type {Limits, Look, MapSeries, RawMap} from "../types";
import {shownGroups} from "./compare";
import {type Group, loader, locks, look, seriesKey, settings, step} from "./store";
import {castAt, classOf} from "./samples";
import {tileKey} from "./spec";

const target = computed(() => settings.value.target);
const slice = computed(() => settings.value.slice);

/** The step that a sample is shown at: the scrubber's, or the one it is locked to. */
export function shownStep(group: Group, sample: number): number {
  const locked = locks.value.size ? locks.value.get(tileKey({run: group.run, tag: group.tag, sample})) : undefined;
  return locked ?? step.value;
}

/** A sample's map nearest to a step; null until it is here. Of the page's class, unless the group has one of its own. */
export function mapOf(group: Group, sample: number, at: number): Found | null {
  const key = seriesKey(group);
  return key && loader.mapAt(key, sample, at, explained(group, sample, at) ?? undefined, slice.value);
}

/** No class has it, nor has a map of none, which is -1. */
const UNKNOWN = -2;

/** The class that a sample's map is to explain; null: whatever was logged first. UNKNOWN: none is. */
export function explained(group: Group, sample: number, at: number): number | null {
  const own = group.target === undefined ? target.value : group.target;
  if (own === null || typeof own === "number") return own;
  const cast = castAt(group, at);
  return (cast && classOf(cast, sample, own)) ?? UNKNOWN;
}

/** As `explained`, for each step of a curve. */
export function explainedOver(group: Group, sample: number): (step: number) => number | null {
  return (at) => explained(group, sample, at);
}

const signed = new WeakMap<RawMap, RawMap>();
const signedSeries = new WeakMap<MapSeries, MapSeries>();

/** A map as it is drawn: with its negative side where the look asks for it. */
export function drawnOf(found: Found | null): Found | null {
  if (!found || !look.value.signed || found.map.kind !== "positive") return found;
  const {map, series} = found;
  const whole = signed.get(map) ?? {...map, kind: "signed"};
  signed.set(map, whole);
  const all = signedSeries.get(series) ?? {...series, kind: "signed"};
  signedSeries.set(series, all);
  return {...found, map: whole, series: all};
}

/** All kept steps of a sample's maps; null until they are here. */
export function seriesOf(group: Group, sample: number): MapSeries | null {
  const key = seriesKey(group);
  return key && loader.seriesOf(key, sample);
}

/** Raw values of mask 0 and 1 under the chosen scale. */
export function limitsFor(found: Found, {scale}: Pick<Look, "scale">, group: Group, sample: number): Limits {
  if (scale === "map") return limitsOf(found.map);
  if (scale === "sample") return kept(seriesOf(group, sample) ?? found.series, sample);
  if (scale === "run") return unionOfLimits([...seriesLimits(group), kept(found.series)]);
  return unionOfLimits([...shownSeries(), kept(found.series)]);
}

/** Limits of everything that is on the page: of all runs, since one colour has to mean one value. */
function shownSeries(): Limits[] {
  return shownGroups.value.flatMap(seriesLimits);
}

function seriesLimits(group: Group): Limits[] {
  const key = seriesKey(group);
  return key ? loader.allSeries(key).map((series) => kept(series)) : [];
}

const limits = new WeakMap<MapSeries, Map<number | undefined, Limits>>();

function kept(series: MapSeries, sample?: number): Limits {
  const own = limits.get(series) ?? new Map<number | undefined, Limits>();
  limits.set(series, own);
  const found = own.get(sample) ?? limitsOfSeries(series, sample);
  own.set(sample, found);
  return found;
}

/** The peak that maps of a series usually have, over all of it that is here. */
export function usualPeakOf(found: Found, group: Group): number {
  const key = seriesKey(group);
  return Math.max(usualPeak(found.series), ...(key ? loader.allSeries(key) : []).map(usualPeak));
}

/** Limits that a map is drawn with under the look of now: of a faint map, noise does not become a peak. */
export function currentLimits(found: Found, group: Group, sample: number): Limits {
  const limits = limitsFor(found, look.value, group, sample);
  const usual = look.value.scale === "map" ? usualPeakOf(found, group) : 0;
  if (!isFaint(found.map, usual)) return limits;
  const high = FAINT * usual;
  return {low: found.map.kind === "positive" ? 0 : -high, high};
}
