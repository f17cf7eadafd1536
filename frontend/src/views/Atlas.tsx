import type {AtlasClass} from "../api/findings";
import type {SeriesKey} from "../api/client";
import {percent, shown} from "../maths/numbers";
import {soughtSeries} from "../state/findings";
import {change, client, colorOf, step} from "../state/store";
import {useAnswer} from "./answered";
import {MeanMap} from "./MeanMap";

/** The mean map of each class in each run, at the scrubber's step. */
export function Atlas() {
  const keys = soughtSeries.value;
  return (
    <section class="atlas" aria-label="Atlas" style={{"--runs": keys.length}}>
      {keys.map((key) => (
        <Column key={key.run} of={key} />
      ))}
    </section>
  );
}

function Column({of}: {of: SeriesKey}) {
  const at = step.value;
  const {value, error} = useAnswer(JSON.stringify([of, at]), (signal) => client.atlas(of, at, signal));
  // One scale for a run: over several runs the strongest would hide the others.
  const most = Math.max(...(value?.classes.flatMap(({mean}) => mean) ?? [0]));
  return (
    <div class="column">
      <p class="heading">
        <span class="dot" style={{"--run": colorOf(of.run)}} /> {of.run}{" "}
        {value && <span class="note">largest mean {shown(most)} of the evidence in a cell</span>}
      </p>
      {error && <p class="problem">{error}</p>}
      {value?.classes
        .filter((one) => one.class !== null || value.classes.length === 1)
        .map((one) => (
          <button
            key={one.class}
            type="button"
            class="class"
            title={`Show the samples of ${nameOf(one)}`}
            onClick={() => change({view: null, label: one.class})}
          >
            <MeanMap mean={one.mean} grid={value.grid} most={most} label={`Mean map of ${nameOf(one)} in ${of.run}`} />
            <span>{nameOf(one)}</span>
            <span class="note">{factsOf(one).join(" · ")}</span>
          </button>
        ))}
    </div>
  );
}

function nameOf(one: AtlasClass): string {
  return one.name || (one.class === null ? "all samples" : `class ${one.class}`);
}

function factsOf({count, accuracy, inside, expected_inside: expected}: AtlasClass): string[] {
  return [
    `${count} samples`,
    ...(accuracy === null ? [] : [`accuracy ${shown(accuracy)}`]),
    ...(inside === null || expected === null ? [] : [`${percent(inside)} in the marked ${percent(expected)}`]),
  ];
}
