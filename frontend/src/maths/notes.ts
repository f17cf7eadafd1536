/** What a log says of a step, in sentences. */

import type {Steps} from "../types";
import {shown} from "./numbers";

type Noted = Pick<Steps, "notes" | "replaced">;

/** The notes of a step in some series, and what was replaced in them; what several of them say stands once. */
export function notesAt(all: readonly (Noted | null)[], step: number): string[] {
  const words = all.flatMap((series) => {
    if (!series) return [];
    const texts = series.notes.find((note) => note.step === step)?.texts ?? [];
    return [...texts.map((text) => `Step ${shown(step)}: ${text}`), ...series.replaced.map(replacedText)];
  });
  return [...new Set(words)];
}

function replacedText({first, last, steps}: Steps["replaced"][number]): string {
  const [from, to] = [shown(first), shown(last)];
  const what = first === last ? `Step ${from} was` : `Steps ${from} to ${to} (${shown(steps)} kept) were`;
  return `${what} replaced when training resumed from an earlier step`;
}

/** Notes of several runs with whose they are. */
export function inRuns(runs: readonly {run: string; notes: readonly string[]}[]): string[] {
  return runs.flatMap(({run, notes}) => notes.map((text) => (runs.length > 1 ? `${run}: ${text}` : text)));
}

/** What stands over notes that are folded, so that tiles stay in sight; null where one is short enough to stand open. */
export function foldTitle(notes: readonly string[]): string | null {
  return notes.length < 2 ? null : `${shown(notes.length)} notes on this step`;
}
