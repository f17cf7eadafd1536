import {colorMapFor, cssGradient} from "../maths/colors";
import {thresholdOf} from "../maths/compose";
import {areaFrom} from "../maths/metrics";
import {specFrom} from "../state/spec";
import {currentLimits, drawnOf, mapOf, shownStep} from "../state/maps";
import {arrivals, focusKey, type Group, groups, look} from "../state/store";
import type {MapKind} from "../types";
import type {Found} from "../api/loader";
import {percent, shown} from "../maths/numbers";

const STOPS = 64;

/** The colours with their numbers: raw values of the sample in focus, or else of the first, since maps differ. */
export function ColorBar({kind, upright = false}: {kind: MapKind; upright?: boolean}) {
  arrivals.value;
  const example = exampleMap();
  const now = look.value;
  const cut = example && thresholdOf(example.found.map, now, example.limits);
  return (
    <div class={upright ? "colors upright" : "colors"}>
      <div
        class="bar"
        data-testid="color-bar"
        role="img"
        aria-label={`Colors from ${kind === "signed" ? "negative to positive" : "low to high"} values`}
        style={{
          background: cssGradient(
            colorMapFor(now, kind),
            upright ? "to top" : "to right",
            STOPS,
            kind === "positive" ? now.gamma : 1,
          ),
        }}
      >
        {kind === "positive" && cut !== null && cut > 0 && cut <= 1 && <i style={{left: `${100 * cut}%`}} />}
      </div>
      {!upright && (
        <>
          <Numbers example={example} />
          <p class="note" data-testid="color-note">
            {noteOf(example, cut)}
          </p>
        </>
      )}
    </div>
  );
}

interface Example {
  found: Found;
  group: Group;
  sample: number;
  limits: {low: number; high: number};
}

function exampleMap(): Example | null {
  const spec = specFrom(focusKey.value);
  const focused = groups.value.find(({run, tag}) => run === spec?.run && tag === spec.tag);
  const group = focused ?? groups.value.find(({maps}) => maps);
  const sample = focused && spec ? spec.sample : 0;
  const found = group && drawnOf(mapOf(group, sample, shownStep(group, sample)));
  return found ? {found, group, sample, limits: currentLimits(found, group, sample)} : null;
}

function Numbers({example}: {example: Example | null}) {
  if (!example) {
    return (
      <div class="scale">
        <span>0</span>
        <span>0.5</span>
        <span>1 = maximum</span>
      </div>
    );
  }
  const {low, high} = example.limits;
  return (
    <div class="scale" data-testid="color-numbers">
      <span>{shown(low)}</span>
      <span>{shown((low + high) / 2)}</span>
      <span>{shown(high)}</span>
    </div>
  );
}

/** Whose numbers these are, and what the threshold leaves of that map. */
function noteOf(example: Example | null, cut: number | null): string {
  if (!example) return "";
  const now = look.value;
  const {found, limits, sample} = example;
  const whose = now.scale === "series" ? "Raw values of everything shown" : `Raw values of sample ${sample}`;
  if (cut === null || cut <= 0) return whose;
  const area = percent(areaFrom(found.map, limits, cut, now.smooth));
  if (found.map.kind !== "positive") return `${whose}; beyond ±${shown(cut * limits.high)}: ${area} of its area`;
  return `${whose}; ${shown(limits.low + cut * (limits.high - limits.low))} or more: ${area} of its area`;
}
