/** Which series findings are looked for in, and how a finding is shown and put aside. */

import {computed} from "@preact/signals";
import type {Finding} from "../api/findings";
import type {SeriesKey} from "../api/client";
import {change, groups, seriesKey, settings} from "./store";

const MOST_RUNS = 20; // that one request asks for

/** The series on the page that can be compared: those of the first tag. */
export const sought = computed<SeriesKey[]>(() => {
  const keys = groups.value.map(seriesKey).filter((key) => key !== null);
  return keys.filter(({tag}) => tag === keys[0]?.tag).slice(0, MOST_RUNS);
});

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
  const {region} = finding;
  change({
    view: null,
    step: finding.step,
    label: finding.group,
    verdict: "all",
    text: "",
    pin: region ? `${(region.x0 + region.x1) / 2},${(region.y0 + region.y1) / 2}` : null,
  });
}
