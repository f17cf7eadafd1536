/** Which maps anyone on the page looks at: only these are fetched. */

import {effect} from "@preact/signals";
import type {Want} from "../api/loader";
import type {SeriesKey} from "../api/client";
import {type Group, groups, loader, seriesKey, step} from "./store";

export interface Looked {
  group: Group;
  samples: readonly number[];
  step: number;
}

const looked = new Map<object, Looked>();
let planned = false;

/** Say what `who` looks at now; null: at nothing. */
export function lookAt(who: object, what: Looked | null): void {
  if (what) looked.set(who, what);
  else looked.delete(who);
  plan();
}

/** Ask again whenever other series or another step are shown. Once. */
export function keepAsking(): void {
  effect(() => {
    groups.value;
    step.value;
    plan();
  });
}

function plan(): void {
  if (planned) return;
  planned = true;
  queueMicrotask(() => {
    planned = false;
    loader.want(wants());
  });
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
  for (const group of groups.peek()) if (!group.entry.predictions) add({group, samples: [0], step: step.peek()});
  return [...all.values()].flatMap(({key, steps}) =>
    [...new Set(steps.values())].map((at) => ({
      ...key,
      step: at,
      samples: [...steps].filter(([, wanted]) => wanted === at).map(([sample]) => sample),
    })),
  );
}
