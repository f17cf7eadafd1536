/** What the maps of the series on the page say by themselves; how a finding is shown and put aside. */

import {computed, effect, signal} from "@preact/signals";
import {PATIENCE_MS} from "../api/images";
import type {Finding, Findings} from "../api/findings";
import type {SeriesKey} from "../api/client";
import {afterwards} from "../busy";
import {regionFrom, regionText} from "../maths/regions";
import {catalog, change, client, groups, images, seriesKey, settings} from "./store";

const MOST_RUNS = 20; // that one request asks for

/** The series on the page that can be compared: those of the first tag. */
export const soughtSeries = computed<SeriesKey[]>(() => {
  const keys = groups.value.map(seriesKey).filter((key) => key !== null);
  return keys.filter(({tag}) => tag === keys[0]?.tag).slice(0, MOST_RUNS);
});

interface Answer {
  of: string; // which series
  value: Findings | null;
  error: string | null;
}

/** The last answer, also while the next one is on its way. */
export const answer = signal<Answer>({of: "", value: null, error: null});

let asking: {of: string; control: AbortController; again: boolean} | null = null;

/** Ask now, and again whenever other series are shown or the log has grown. Once. */
function keepLooking(): void {
  effect(() => {
    catalog.value; // grows
    ask(soughtSeries.value);
  });
}

/** One request at a time: a log that grows faster than it is summarised is asked for again when the answer is here. */
function ask(keys: readonly SeriesKey[]): void {
  const of = JSON.stringify(keys);
  if (asking?.of === of) {
    asking.again = true;
    return;
  }
  asking?.control.abort();
  asking = null;
  if (!keys.length) {
    answer.value = {of, value: null, error: null};
    return;
  }
  const own = {of, control: new AbortController(), again: false};
  asking = own;
  client
    .findings(keys, own.control.signal)
    .then((value) => ({of, value, error: null}))
    .catch((error: unknown) => ({of, value: null, error: error instanceof Error ? error.message : String(error)}))
    .then((next) => {
      if (asking !== own) return;
      asking = null;
      answer.value = next;
      if (own.again) ask(soughtSeries.peek());
    });
}

let started = false;

/** Start looking for findings, if nobody has yet. */
export function startLooking(): void {
  if (started) return;
  started = true;
  keepLooking();
}

const LOOK_MS = 400;

/** Start once the first pictures are here, which must not wait for it: where all is soon here, before `LOOK_MS`. */
export function startLookingLater(): void {
  afterwards(startLooking);
  startLookingAfterPictures(performance.now());
}

function startLookingAfterPictures(since: number): void {
  setTimeout(() => {
    if (images.busy && performance.now() - since < PATIENCE_MS) startLookingAfterPictures(since);
    else startLooking();
  }, LOOK_MS);
}

/** Findings that nobody put aside, the strongest first. */
export const leftFindings = computed<readonly Finding[]>(() => {
  const {dismissed} = settings.value;
  return answer.value.value?.findings.filter((finding) => !dismissed.includes(nameOf(finding))) ?? [];
});

/** Those of them that are told of outside their list: more than what clean networks do, too. */
export const clearFindings = computed(() => leftFindings.value.filter(({kind}) => kind !== "spatial_bias"));

/** Those of them that the list is narrowed to, each with its place among all. */
export const listedFindings = computed<readonly (readonly [Finding, rank: number])[]>(() => {
  const {findingKind, findingRun} = settings.value;
  return leftFindings.value
    .map((finding, index) => [finding, index + 1] as const)
    .filter(([finding]) => isOf(finding, findingKind, findingRun));
});

/** Whether a finding is of a kind and about a run; null for any. */
export function isOf(finding: Finding, kind: string | null, run: string | null): boolean {
  return (kind === null || finding.kind === kind) && (run === null || runsOf(finding).includes(run));
}

/** The runs that a finding is about: two, of runs that differ. */
export function runsOf({run, other}: Finding): string[] {
  return other ? [run, other] : [run];
}

/** What a finding is called in a link: the same while the log grows. */
export function nameOf({kind, run, group, region}: Finding): string {
  const place = region ? [region.x0, region.y0].map((edge) => edge.toFixed(2)).join("-") : "";
  return [kind, run, group ?? "all", place].join("/");
}

export function dismiss(finding: Finding): void {
  change({dismissed: [...settings.value.dismissed, nameOf(finding)]});
}

/** Go to the samples, the step and the place that a finding is about. */
export function show(finding: Finding): void {
  const {region, group, step} = finding;
  change({
    view: null,
    step,
    label: group,
    prediction: null,
    verdict: "all",
    text: "",
    minProbability: 0,
    region: region && regionText(region),
    sort: region ? "region" : "logged",
  });
}

const regionSetting = computed(() => settings.value.region);
/** The place that is marked on all pictures. */
export const region = computed(() => regionFrom(regionSetting.value));
