/** Which maps anyone on the page looks at: only these are fetched. */

import {effect} from "@preact/signals";
import {PATIENCE_MS} from "../api/images";
import type {Want} from "../api/loader";
import type {SeriesKey} from "../api/client";
import {castAt} from "./samples";
import {lacksPredictions} from "./faults";
import {showsSamples, view} from "./view";
import {arrivals, type Group, groups, images, loader, seriesKey, settings, step} from "./store";

interface Looked {
  group: Group;
  samples: readonly number[];
  step: number;
}

const looked = new Map<object, Looked>();
let planned = false;
let isPatient = false;

/** Say what `who` looks at now; null: at nothing. */
export function lookAt(who: object, what: Looked | null): void {
  if (what) looked.set(who, what);
  else looked.delete(who);
  plan();
}

/** Ask again whenever other series or another step are shown, or something came. Once. */
export function keepAsking(): void {
  effect(() => {
    groups.value;
    step.value;
    arrivals.value;
    if (looked.size) plan();
    else ask(); // at once: the page's first drawing would come before it, and takes longer than the answer
  });
}

function plan(): void {
  if (planned) return;
  planned = true;
  queueMicrotask(() => {
    planned = false;
    ask();
  });
}

function ask(): void {
  loader.want(wants());
  if (images.busy && !isPatient) waitForPictures();
}

/** Pictures that never come are no arrivals, and must not keep back whole series for ever. */
function waitForPictures(): void {
  isPatient = true;
  setTimeout(() => {
    isPatient = false;
    plan();
  }, PATIENCE_MS);
}

/** Each sample of a series once, at the step of who came first: two would take turns with its place in the loader. */
function wants(): Want[] {
  const all = new Map<string, {key: SeriesKey; steps: Map<number, number>}>();
  const add = ({group, samples, step}: Looked) => {
    const key = seriesKey(group);
    if (!key) return;
    const id = JSON.stringify(key);
    const want = all.get(id) ?? {key, steps: new Map<number, number>()};
    all.set(id, want);
    for (const sample of samples) if (!want.steps.has(sample)) want.steps.set(sample, step);
  };
  for (const what of looked.values()) add(what);
  // Where nothing was predicted, only maps name the samples that there are.
  for (const group of groups.peek()) if (lacksPredictions(group)) add({group, samples: [0], step: step.peek()});
  return [...opening(), ...[...all.values()].flatMap(({key, steps}) => wantsOf(key, steps))];
}

/** One step of each is enough until the pictures are here, which whole series would hold up. */
function wantsOf(key: SeriesKey, steps: ReadonlyMap<number, number>): Want[] {
  return [...new Set(steps.values())].map((at) => ({
    ...key,
    step: at,
    brief: images.busy,
    samples: [...steps].filter(([, wanted]) => wanted === at).map(([sample]) => sample),
  }));
}

/** Whether the first samples come first in a comparison too. */
function inStrips(): boolean {
  const {rows, columns} = settings.peek();
  return rows === "sample" && columns === "run";
}

// As in viewer/opening.py, which answers before this is asked.
const TILES = 48; // that a large screen holds
const MOST_GROUPS = 5; // abreast; below each other, more than two are not to be seen without scrolling
const MOST_BELOW = 2;

/** What the first screen will show, asked for while the list of samples is still on its way. */
function opening(): Want[] {
  const abreast = view.peek() === "compare";
  if (!showsSamples.peek() || (abreast && !inStrips())) return [];
  const shown = groups.peek().slice(0, abreast ? MOST_GROUPS : MOST_BELOW);
  const samples = firstSamples(abreast ? Math.max(shown.length, 1) : 1); // no run is here yet, or all are hidden
  return shown.flatMap((group) => {
    const key = seriesKey(group);
    const waits = !castAt(group, step.peek());
    return key && waits ? [{...key, step: settings.peek().step ?? step.peek(), samples, brief: true}] : [];
  });
}

/** Those of each of some runs beside each other that fit on the screen. */
function firstSamples(runs: number): number[] {
  return Array.from({length: Math.ceil(TILES / runs)}, (_, sample) => sample);
}
