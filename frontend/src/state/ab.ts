/** The two tiles that are compared closely. */

import {castAt, type Cast, indexIn} from "./samples";
import type {Coordinates, Sample} from "../types";
import {groupAt} from "./compare";
import {explained} from "./maps";
import {locks, allRuns, announce, catalog, change, focusKey, type Group, groups, settings, step, steps} from "./store";
import {specFrom, specOf, specText, tileKey} from "./spec";
import {twinsOf} from "./twins";

export type SideName = "a" | "b";

/** One of the two, as far as it is there. */
export interface Side {
  spec: Coordinates;
  group: Group | null; // null: not logged
  cast: Cast | null; // null: on its way
  sample: Sample | null;
  at: number;
}

/** Take a tile as A, then another as B and look at both; a tile that is one of them already is taken out. */
export function pick(spec: string): void {
  const {a, b} = settings.value;
  if (spec === a) change({a: null});
  else if (spec === b) change({b: null});
  else if (a && !b) pickAs("b", spec);
  else {
    change({b: null});
    pickAs("a", spec);
  }
}

/** Take a tile as A or as B; with both there are two to look at. */
export function pickAs(side: SideName, spec: string): void {
  change({[side]: spec});
  const {a, b} = settings.value;
  if (a && b) change({view: "ab"});
  else announce(`${side.toUpperCase()} is chosen; choose ${side === "a" ? "B" : "A"} on another tile`);
}

/** What A and B are: as chosen, or else the sample in focus in two runs, or at its first and its shown step. */
export function sideOf(name: SideName): Side | null {
  const spec = specFrom(settings.value[name]) ?? (name === "a" ? usualA() : usualB());
  if (!spec) return null;
  const group = groupAt(spec);
  const at = spec.step ?? locks.value.get(tileKey(spec)) ?? step.value;
  const cast = group && castAt(group, at);
  return {spec, group, cast, sample: cast?.cohort.samples[spec.sample] ?? null, at};
}

function usualA(): Coordinates | null {
  const focused = specFrom(focusKey.value);
  const group = groups.value.find(({run, tag}) => run === focused?.run && tag === focused.tag) ?? groups.value[0];
  return group ? specOf(group, focused?.sample ?? 0, null, explained(group, focused?.sample ?? 0, step.value)) : null;
}

function usualB(): Coordinates | null {
  const a = sideOf("a");
  if (!a?.group || !a.sample) return null;
  const own = {group: a.group, index: a.spec.sample};
  const twin = twinsOf(a.spec.tag, a.sample, own).find(({group}) => group.run !== a.spec.run);
  if (twin) return {...a.spec, run: twin.group.run, sample: twin.index};
  return {...a.spec, step: a.spec.step === null ? (steps.value[0] ?? null) : null};
}

/** Choose something else for a side; the sample is looked for in another run or series. */
export function changeSide(name: SideName, {spec, sample, at}: Side, patch: Partial<Coordinates>): void {
  const next = {...spec, ...patch};
  const group = patch.run !== undefined || patch.tag !== undefined ? groupAt(next) : null;
  const cast = group && castAt(group, at);
  const found = cast && sample ? indexIn(cast.cohort, sample, spec.sample) : -1;
  change({[name]: specText(found < 0 ? next : {...next, sample: found})});
}

/** What a side's fields can be, where there is more than one choice. */
export function choicesOf({run, tag}: Coordinates): {run: string[]; tag: string[]; layer: string[]; method: string[]} {
  const own = catalog.value?.runs.find((one) => one.run === run)?.tags ?? [];
  const maps = own.find((one) => one.tag === tag)?.maps ?? [];
  return {
    run: allRuns.value,
    tag: own.map((one) => one.tag),
    layer: [...new Set(maps.map((one) => one.layer))],
    method: [...new Set(maps.map((one) => one.method))],
  };
}

/** Both the other way round. */
export function swapSides(): void {
  const [a, b] = [sideOf("a"), sideOf("b")];
  if (a && b) change({a: specText(b.spec), b: specText(a.spec)});
}
