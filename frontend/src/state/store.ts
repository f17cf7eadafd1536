/** The page's one store: what was chosen, what there is to choose from, and what follows from both. */

import {batch, computed, effect, signal} from "@preact/signals";

import type {SeriesKey} from "../api/client";
import {Early} from "../api/early";
import {createImageCache} from "../api/images";
import {createLoader} from "../api/loader";
import {begin, during} from "../busy";
import {createRenderer} from "../gpu/renderer";
import {axisOf, type KnownSteps, nearestStep, stepUnion} from "../maths/steps";
import type {Place} from "../maths/metrics";
import type {Catalog, Look, MapsEntry, PredictionSeries, TagEntry} from "../types";
import {
  borrowFonts,
  currentLink,
  followTheme,
  isFile,
  isHidden,
  listenToHost,
  onHashChange,
  readHash,
  writeHash,
} from "./host";

import {placeOf, runColor} from "./palette";
import {createQueue} from "./queue";
import {fromHash, intoHash, type Settings} from "./settings";
import {chosenSource} from "./source";

/** A (run, tag) on the page, with the series of maps that the chosen method and layer give it. */
export interface Group {
  run: string;
  tag: string;
  entry: TagEntry;
  maps: MapsEntry | null;
  target?: number | null; // class index, null for the map that was logged first; absent: the page's
}

const POLL_MS = 5000;
const SAVE_MS = 250;
const MOST_RUNS = 5; // shown without being asked for

export const client = chosenSource();
export const loader = createLoader(client);
export const images = createImageCache((run, digest, signal) => client.image(run, digest, signal));
export const renderer = createRenderer();

export const settings = signal<Settings>(fromHash(readHash()));
export const catalog = signal<Catalog | null>(null);
export const catalogError = signal<string | null>(null);
export const dark = signal(false);
const hostRuns = signal<string[]>([]);
/** Counts arrivals of maps and pictures: whoever shows them reads it. */
export const arrivals = signal(0);
/** The tile that keys went on to, until it has come into sight. */
export const sought = signal<string | null>(null);
export const playing = signal(false);
/** The place under the cursor, as fractions of the picture, mirrored on all tiles. */
export const probe = signal<Place | null>(null);
/** The step under the pointer, in whichever chart or on the ribbon: all of them show it. */
export const pointedStep = signal<number | null>(null);
export const dialog = signal<"keys" | "card" | null>(null);
export const message = signal("");
/** The sample in focus was opened without a pointer: its panel is to have the keyboard. */
export const openedByKey = signal(false);

/** What the browser's own "back" undoes; whatever else changes, such as the step or the look, replaces. */
const PLACES: readonly (keyof Settings)[] = ["view", "focus", "runs", "tags", "rows", "columns", "full"];
let isPlace = false; // what is shown now deserves an entry of its own in the browser's history

export function change(patch: Partial<Settings>): void {
  const before = settings.peek();
  isPlace ||= PLACES.some((key) => key in patch && String(patch[key]) !== String(before[key]));
  settings.value = {...before, ...patch};
}

/** A computed slice of the settings, which tells its readers only of its own changes. */
function slice<K extends keyof Settings>(key: K) {
  return computed(() => settings.value[key]);
}

export const focusKey = slice("focus");
const pinText = slice("pin");
export const locks = computed(() => new Map(settings.value.locks.map(lockOf)));

export const pin = computed<Place | null>(() => {
  const [x, y] = (pinText.value ?? "").split(",").map(Number);
  return pinText.value && Number.isFinite(x) && Number.isFinite(y) ? {x: x!, y: y!} : null;
});

function lockOf(text: string): [string, number] {
  const at = text.lastIndexOf("@");
  return [text.slice(0, at), Number(text.slice(at + 1))];
}

const LOOK = [
  "mode",
  "colorMap",
  "opacity",
  "alpha",
  "photo",
  "signed",
  "threshold",
  "thresholdBy",
  "gamma",
  "smooth",
  "scale",
  "groundTruth",
] as const;
const lookText = computed(() => JSON.stringify(LOOK.map((key) => settings.value[key])));
export const look = computed<Look>(() => {
  lookText.value; // the object changes only when one of its fields does
  const all = settings.peek();
  return Object.fromEntries(LOOK.map((key) => [key, all[key]])) as unknown as Look;
});

export const allRuns = computed(() => catalog.value?.runs.map(({run}) => run) ?? []);

/** Names in which a regular expression is found; one that is none is looked for as it stands. */
export function matching(names: string[], filter: string): string[] {
  if (!filter) return names;
  try {
    const expression = new RegExp(filter, "i");
    return names.filter((name) => expression.test(name));
  } catch {
    return names.filter((name) => name.includes(filter));
  }
}

/** Runs that started while the page is open: they join what is shown. */
export const newRuns = signal<readonly string[]>([]);

export const chosenRuns = computed(() => {
  const {runs, runFilter} = settings.value;
  const found = matching(allRuns.value, runFilter);
  if (runs) return found.filter((run) => runs.includes(run));
  const usual = new Set([...newest(found), ...newRuns.value]);
  return found.filter((run) => usual.has(run));
});

/** The few that were started last: a log may have thousands. */
function newest(names: readonly string[]): readonly string[] {
  if (names.length <= MOST_RUNS) return names;
  const started = new Map(catalog.value?.runs.map(({run, startTime}) => [run, startTime ?? 0]));
  return [...names].sort((a, b) => (started.get(b) ?? 0) - (started.get(a) ?? 0)).slice(0, MOST_RUNS);
}

/** Have runs that are there for the first time join those that were chosen. */
function join(before: Catalog | null, next: Catalog): void {
  if (!before) return;
  const known = new Set(before.runs.map(({run}) => run));
  const arrived = next.runs.map(({run}) => run).filter((run) => !known.has(run));
  if (!arrived.length) return;
  newRuns.value = [...new Set([...newRuns.value, ...arrived])];
  const {runs} = settings.peek();
  if (runs) settings.value = {...settings.peek(), runs: [...new Set([...runs, ...arrived])]};
}

export const allTags = computed(() => {
  const tags = (catalog.value?.runs ?? []).flatMap(({tags}) => tags.map(({tag}) => tag));
  return [...new Set(tags)];
});

export const chosenTags = computed(() => {
  const {tags, tagFilter} = settings.value;
  const found = matching(allTags.value, tagFilter);
  return tags ? found.filter((tag) => tags.includes(tag)) : found.slice(0, 1);
});

const chosenEntries = computed(() => {
  const runs = new Set(chosenRuns.value);
  const tags = new Set(chosenTags.value);
  return (catalog.value?.runs ?? [])
    .filter(({run}) => runs.has(run))
    .flatMap(({run, tags: entries}) => entries.filter(({tag}) => tags.has(tag)).map((entry) => ({run, entry})));
});

const chosenMaps = computed(() => chosenEntries.value.flatMap(({entry}) => entry.maps));
export const methods = computed(() => [...new Set(chosenMaps.value.map(({method}) => method))]);
/** Grad-CAM, where nothing was chosen and it was logged: the others are looked at beside it. */
export const method = computed(() => pick(methods.value, settings.value.method ?? "grad_cam", 0));
export const layers = computed(() => {
  const own = chosenMaps.value.filter((maps) => maps.method === method.value);
  return [...new Set(own.map(({layer}) => layer))];
});
/** The deepest layer, where nothing was chosen: it is what Grad-CAM is usually read at. */
export const layer = computed(() => pick(layers.value, settings.value.layer, -1));

function pick(options: string[], wanted: string | null, otherwise: number): string {
  return wanted !== null && options.includes(wanted) ? wanted : (options.at(otherwise) ?? "");
}

export const groups = computed<Group[]>(() =>
  chosenEntries.value.map(({run, entry}) => {
    const own = entry.maps.filter((maps) => maps.method === method.value);
    const maps = own.find((candidate) => candidate.layer === layer.value) ?? null;
    return {run, tag: entry.tag, entry, maps};
  }),
);

const seriesKeys = new WeakMap<Group, SeriesKey>();

/** The same object each time, by which the loader knows the series. */
export function seriesKey(group: Group): SeriesKey | null {
  const {run, tag, maps} = group;
  if (!maps) return null;
  const key = seriesKeys.get(group) ?? {run, tag, method: maps.method, layer: maps.layer};
  seriesKeys.set(group, key);
  return key;
}

/** What was predicted in a group; null where nothing was, or until it is here. */
export function predictionsOf({run, tag, entry}: Group): PredictionSeries | null {
  return entry.predictions && loader.predictions(run, tag);
}

/** What is known of a group's steps by now. */
function knownOf(group: Group): KnownSteps {
  const key = seriesKey(group);
  return {
    mapped: key && loader.stepsOf(key),
    said: predictionsOf(group)?.steps ?? null,
    last: group.maps?.maxStep ?? null,
  };
}

/** Every step that anything shown was kept at. */
export const steps = computed<Float64Array>(() => {
  arrivals.value;
  const axes: ArrayLike<number>[] = [];
  for (const group of groups.value) {
    const key = seriesKey(group);
    if (key) axes.push(loader.damage(key).map(({step}) => step)); // to be told of on the tiles
    axes.push(axisOf(knownOf(group)));
  }
  const union = stepUnion(axes);
  if (!sameSteps(union, previousSteps)) previousSteps = union; // else the same object, so that no reader wakes
  return previousSteps;
});
let previousSteps: Float64Array = new Float64Array();

function sameSteps(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}

export const lastStep = computed(() => steps.value.at(-1) ?? 0);
const wantedStep = slice("step");
/** The scrubber's step: a logged one, nearest to the one that was asked for. */
export const step = computed(() => {
  if (wantedStep.value === null) return lastStep.value;
  return steps.value[nearestStep(steps.value, wantedStep.value)] ?? wantedStep.value;
});
export const following = computed(() => wantedStep.value === null);

/** Whether no steps are here yet beside the last ones, which the list of series names: there is nothing to go by. */
const isAxisComing = computed(() => {
  arrivals.value;
  const comes = (group: Group) => {
    const key = seriesKey(group);
    const {mapped, said} = knownOf(group);
    return key !== null && !mapped?.length && !said?.length && !loader.problem(key, 0);
  };
  return groups.value.length > 0 && groups.value.every(comes);
});

const moves = createQueue(isAxisComing);

/** Go to a step; to the last one is to follow the run, to one that is still to be logged is to wait for it. */
export function goTo(wanted: number): void {
  change({step: wanted === lastStep.value ? null : wanted});
}

export function goBy(count: number): void {
  moves.add(() => {
    const index = nearestStep(steps.value, step.value) + count;
    const next = steps.value[Math.min(Math.max(index, 0), steps.value.length - 1)];
    if (next !== undefined) goTo(next);
  });
}

export function goToFirst(): void {
  moves.add(() => goTo(steps.value[0] ?? 0));
}

/** A run's colour: its place in TensorBoard's own list decides, so that both windows agree. */
export function colorOf(run: string): string {
  return runColor(placeOf(run, hostRuns.value, allRuns.value), dark.value);
}

export function toggleLock(key: string, at: number): void {
  const kept = settings.value.locks.filter((lock) => lockOf(lock)[0] !== key);
  change({locks: kept.length < settings.value.locks.length ? kept : [...kept, `${key}@${at}`]});
}

export async function refresh(asked = client.series()): Promise<void> {
  try {
    const next = await asked;
    const grown = JSON.stringify(next) !== JSON.stringify(catalog.peek());
    batch(() => {
      catalogError.value = null;
      if (grown) join(catalog.peek(), next);
      if (grown) catalog.value = next;
    });
    if (grown) loader.refresh(allRuns.peek());
  } catch (error) {
    catalogError.value = error instanceof Error ? error.message : String(error);
  }
}

export function retry(): void {
  loader.retry();
  images.retry();
  void refresh();
}

/** Say something to people who listen rather than look. */
export function announce(text: string): void {
  message.value = text;
}

/** The address of a view; that of the page itself is written a moment later. */
export function viewLink(shown: Settings): string {
  return currentLink().replace(/#.*$/, "") + intoHash(readHash(), shown);
}

const ARRIVALS_MS = 16;
let arrivalPlanned = false;
let lastArrival = 0;

/** At once, where nothing came a moment ago: the next request may hang on it, and frames can be far apart. */
function arrived(): void {
  if (arrivalPlanned) return;
  arrivalPlanned = true;
  const wait = Math.max(0, lastArrival + ARRIVALS_MS - performance.now());
  const end = begin();
  setTimeout(() => {
    arrivalPlanned = false;
    arrivals.value++;
    lastArrival = performance.now();
    end();
  }, wait);
}

/** Have the first pictures decoded before there are tiles for them. */
async function expectEarly(early: Early): Promise<void> {
  client.expect(early);
  for (const {route, parameters} of await early.all()) {
    if (route === "image") images.get(parameters.run!, parameters.digest!);
  }
}

/** Connect the store with the world outside. Once. `asked`: the answers to `series` and `opening`, on their way. */
export function connect(asked?: Promise<Response>, opening?: Promise<Response>): void {
  if (opening) void during(expectEarly(new Early(opening)));
  effect(() => {
    for (const source of [loader.arrivals, images.arrivals, renderer.losses]) source.value;
    arrived();
  });
  borrowFonts();
  followTheme((value) => {
    dark.value = value;
  });
  listenToHost(
    () => void refresh(),
    (runs) => {
      hostRuns.value = runs;
    },
  );
  onHashChange(adoptHash);
  adoptHash(); // it may have changed since the settings were read
  effect(() => {
    settings.value;
    planSave();
  });
  void refresh(client.series(asked));
  if (isFile) return; // nothing is added to it
  setInterval(() => {
    if (!isHidden()) void refresh();
  }, POLL_MS);
}

/** What the address had of ours when it was last read or written. */
let synced = intoHash("", settings.peek());
let plannedSave: ReturnType<typeof setTimeout> | null = null;

/** A link, or a step back, is followed; TensorBoard going to another tab and back is neither. */
function adoptHash(): void {
  const next = fromHash(readHash());
  const text = intoHash("", next);
  if (text === synced) {
    planSave(); // what changed while nobody could see it
    return;
  }
  synced = text;
  isPlace = false;
  settings.value = next;
}

/** Late, since Chromium refuses more than 200 changes of the address in 30 seconds; but also while it plays. */
function planSave(): void {
  if (plannedSave !== null) return;
  plannedSave = setTimeout(() => {
    plannedSave = null;
    if (isHidden()) return;
    if (intoHash("", fromHash(readHash())) !== synced) {
      adoptHash(); // "back", of which the page is told only later: what was there is not written over
      return;
    }
    synced = intoHash("", settings.peek());
    writeHash(intoHash(readHash(), settings.peek()), isPlace);
    isPlace = false;
  }, SAVE_MS);
}
