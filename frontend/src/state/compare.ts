/** What the axes of a comparison have to offer, and the series behind each cell. */

import {computed} from "@preact/signals";
import {entriesOf, targetName} from "../maths/series";
import {type Axis, limited, numbersIn, type Table, tablesOf, type Values} from "../maths/table";
import type {Coordinates, MapSeries, Sample} from "../types";
import {type Cast, castAt, indexIn} from "./samples";
import {thinned} from "./measure";
import {view} from "./view";
import {
  arrivals,
  catalog,
  chosenRuns,
  chosenTags,
  type Group,
  groups,
  layer,
  loader,
  method,
  methods,
  seriesKey,
  settings,
  step,
  steps,
} from "./store";

const STEPS = 6; // beside the scrubber's own, where none were chosen

/** Every layer that any method has here. */
const allLayers = computed(() => [...new Set(groups.value.flatMap(({entry}) => entry.maps.map((maps) => maps.layer)))]);

/** Classes that the maps of one sample explain, where a sample has several, with their names. */
export const targets = computed(() => {
  arrivals.value;
  const names = new Map<number, string>();
  for (const group of groups.value) {
    const key = seriesKey(group);
    for (const series of key ? loader.allSeries(key) : []) {
      for (const [target, name] of severalTargets(series)) names.set(target, name);
    }
  }
  return names;
});

const known = new WeakMap<MapSeries, Map<number, string>>();

function severalTargets(series: MapSeries): Map<number, string> {
  const names = known.get(series) ?? new Map<number, string>();
  if (known.has(series)) return names;
  known.set(series, names);
  const first = entriesOf(series, 0);
  if (new Set(first.map((entry) => series.sample[entry])).size === first.length) return names;
  const classes = loader.cohort(series.run, series.cohorts[series.cohort[0] ?? 0] ?? "")?.classNames ?? [];
  for (const entry of first) names.set(series.target[entry]!, targetName(series, entry, classes));
  return names;
}

function isOnAxis(axis: Axis): boolean {
  return settings.value.rows === axis || settings.value.columns === axis;
}

/** All that could stand on an axis; what is on none is what was chosen for the whole page. */
export function optionsOf<A extends Exclude<Axis, "sample">>(axis: A): readonly Coordinates[A][] {
  const all: {[one in Exclude<Axis, "sample">]: () => readonly Coordinates[one][]} = {
    run: () => chosenRuns.value,
    tag: () => chosenTags.value,
    layer: () => (isOnAxis("layer") ? allLayers.value : [layer.value]),
    method: () => (isOnAxis("method") ? methods.value : [method.value]),
    target: () => (isOnAxis("target") && targets.value.size ? [...targets.value.keys()] : [null]),
    step: () => (isOnAxis("step") ? [...steps.value] : [null]),
  };
  return all[axis]() as readonly Coordinates[A][];
}

/** What stands on each axis, beside the samples. */
export const shownValues = computed<Omit<Values, "sample">>(() => {
  const {chosen} = settings.value;
  return {
    run: limited("run", optionsOf("run"), chosen),
    tag: limited("tag", optionsOf("tag"), chosen),
    layer: limited("layer", optionsOf("layer"), chosen),
    method: limited("method", optionsOf("method"), chosen),
    target: limited("target", optionsOf("target"), chosen),
    step: isOnAxis("step") ? stepsShown(numbersIn("step", chosen)) : [null],
  };
});

/** The chosen steps, or some from the first to the last with the scrubber's among them. */
function stepsShown(chosen: readonly number[]): number[] {
  const some = chosen.length ? chosen : [...thinned([...steps.value], STEPS), step.value];
  return [...new Set(some)].sort((a, b) => a - b);
}

const made = computed(() => {
  catalog.value; // entries are other objects after a reload
  return new Map<string, Group | null>();
});

/** The series of a cell, the same object each time; null where it was not logged. `follows`: the page's class. */
export function groupAt({run, tag, layer, method, target}: Coordinates, follows = false): Group | null {
  const id = JSON.stringify([run, tag, layer, method, follows || target, isOnAxis("layer")]);
  const kept = made.value.get(id);
  if (kept !== undefined) return kept;
  const entry = catalog.value?.runs.find((one) => one.run === run)?.tags.find((one) => one.tag === tag);
  const own = entry?.maps.filter((one) => one.method === method) ?? [];
  // A method that has one layer of its own, or none at all, is compared with the others' chosen one.
  const only = own.length === 1 && !isOnAxis("layer") ? own[0] : undefined;
  const maps = own.find((one) => one.layer === layer) ?? only;
  const group = entry && maps ? {run, tag, entry, maps, ...(follows ? {} : {target})} : null;
  made.value.set(id, group);
  return group;
}

/** Series that share tables, the samples being those of the first: each alone, unless series are compared. */
export function partsOfTables(): (readonly string[])[] {
  const tags = shownValues.value.tag;
  return isOnAxis("tag") ? [tags] : tags.map((tag) => [tag]);
}

/** The group whose samples are those of all tables of these series; null where none is shown. */
export function leadOf(tags: readonly string[]): {first: Group; cast: Cast | null} | null {
  const first = groups.value.find(({tag}) => tags.includes(tag));
  return first ? {first, cast: castAt(first, step.value)} : null;
}

/** The tables of these series and samples. */
export function tablesFor(tags: readonly string[], samples: readonly number[]): Table[] {
  const {rows, columns} = settings.value;
  return tablesOf({...shownValues.value, tag: tags, sample: samples}, rows, columns);
}

/** What a cell shows; `index` -1: the series lacks this sample. Null where it was not logged. */
export function inCell(cell: Coordinates, sample: Sample): {group: Group; cast: Cast | null; index: number} | null {
  const group = groupAt(cell, !isOnAxis("target"));
  if (!group) return null;
  const cast = castAt(group, cell.step ?? step.value);
  return {group, cast, index: cast ? indexIn(cast.cohort, sample, cell.sample) : cell.sample};
}

/** Where a sample of the first series stands in the cells of its tables; those that were not logged are left out. */
export function peersOf(tags: readonly string[], {cohort}: Cast, index: number) {
  const sample = cohort.samples[index]!;
  return tablesFor(tags, [index]).flatMap(({cells}) =>
    cells.flat().flatMap((cell) => {
      const found = inCell(cell, sample);
      if (!found?.cast || found.index < 0) return [];
      return [{group: found.group, cast: found.cast, index: found.index, at: cell.step ?? step.value}];
    }),
  );
}

/** Series of everything that is on the page. */
export const shownGroups = computed<readonly Group[]>(() => {
  if (view.value !== "compare") return groups.value;
  const {run: runs, tag: tags, layer: layers, method: methods} = shownValues.value;
  const cells = runs.flatMap((run) =>
    tags.flatMap((tag) => layers.flatMap((layer) => methods.map((method) => ({run, tag, layer, method})))),
  );
  return cells.flatMap((cell) => groupAt({...cell, target: null, step: null, sample: 0}, true) ?? []);
});
