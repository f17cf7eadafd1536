/** What of a group can't be shown, and why: whatever else there is of it is shown all the same. */

import {notesAt} from "../maths/notes";
import {shown} from "../maths/numbers";
import type {Steps} from "../types";
import {type Group, loader, seriesKey} from "./store";

/** Whether the samples have to be named by the maps, because no predictions were logged or none can be read. */
export function lacksPredictions({run, tag, entry}: Group): boolean {
  if (!entry.predictions || loader.predictionsProblem(run, tag)) return true;
  return loader.predictions(run, tag)?.steps.length === 0;
}

/** Sentences for people, the worst first. */
export function faultsOf(group: Group): string[] {
  const found = [group.entry.problem, predictionsFault(group), mapsFault(group), cohortFault(group)];
  return found.filter((words) => words !== null);
}

function predictionsFault({run, tag, entry}: Group): string | null {
  if (!entry.predictions) return null;
  const problem = loader.predictionsProblem(run, tag);
  if (problem) return `The predictions could not be loaded: ${problem.message}`;
  const said = loader.predictions(run, tag);
  const [first, ...others] = said?.corrupt ?? [];
  return first ? `Predictions of ${stepsText(first.step, others.length)} can't be read: ${first.message}` : null;
}

function mapsFault(group: Group): string | null {
  const key = seriesKey(group);
  if (!key) return null;
  const [first, ...others] = loader.damage(key);
  if (first) return `Maps of ${stepsText(first.step, others.length)} can't be read: ${first.message}`;
  const problem = lacksPredictions(group) ? loader.problem(key, 0) : null; // else each tile says it
  return problem && `The maps could not be loaded: ${problem.message}`;
}

function stepsText(step: number, others: number): string {
  const first = `step ${shown(step)}`;
  return others ? `${first} and ${shown(others)} more` : first;
}

function cohortFault(group: Group): string | null {
  const said = lacksPredictions(group) ? null : loader.predictions(group.run, group.tag);
  const digests = new Set(said?.cohorts);
  const key = seriesKey(group);
  const named = key && loader.cohortAt(key, Infinity);
  if (named) digests.add(named.digest);
  for (const digest of digests) {
    const problem = loader.cohortProblem(group.run, digest);
    if (problem) return `The list of samples could not be loaded: ${problem.message}`;
  }
  return null;
}

/** What the writer noted of a step, and what of the series was replaced. */
export function notesOf(group: Group, step: number): string[] {
  const key = seriesKey(group);
  const all: readonly (Steps | null)[] = [
    group.entry.predictions ? loader.predictions(group.run, group.tag) : null,
    ...(key ? loader.allSeries(key).slice(0, 1) : []),
  ];
  return notesAt(all, step);
}
