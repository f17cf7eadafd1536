import type {Finding} from "../api/findings";
import {percent, shown} from "../maths/numbers";
import {answer, dismiss, nameOf, show, soughtSeries} from "../state/findings";
import {change, client, colorOf, settings} from "../state/store";
import {useAnswer} from "./answered";
import {MeanMap} from "./MeanMap";

const LISTED = 10;

const KINDS: Record<string, string> = {
  hot_spot: "Hot spot",
  hot_spot_everywhere: "Hot spot, all classes",
  strategy: "Another strategy",
  change: "Change in time",
  runs_differ: "Runs agree, and look elsewhere",
  same_map: "Same map for every picture",
  dead_maps: "Maps without evidence",
  sure_and_outside: "Wrong, sure and outside",
};

const HOW: Record<string, string> = {
  hot_spot:
    "A sample looks at a place where at least half of its evidence lies. The class is compared with the others by Fisher’s exact test, corrected for all classes, places and kept steps.",
  hot_spot_everywhere:
    "A sample looks at a place where at least half of its evidence lies. The place is compared with its mirrored places in the same pictures by the sign test, corrected for all places and kept steps.",
  strategy:
    "The maps of a class are clustered spectrally by the Bhattacharyya coefficient. The accuracy of a cluster is compared with the rest of its class by Fisher’s exact test.",
  change:
    "The split of the series into two means that fits best, tested by permutations of the kept steps and corrected for the number of classes.",
  runs_differ:
    "The mean maps of both runs have less than half of the attention in common, and less than the halves of one run’s samples have.",
  same_map: "The mean correlation between the maps of all pairs of pictures is above 0.95.",
  dead_maps: "More than half of the maps have no positive value.",
  sure_and_outside:
    "Wrong predictions with a probability of 0.8 and more, with at most a tenth of the evidence in the marked region; outside is more frequent among wrong than among right predictions by Fisher’s exact test.",
};

/** What the maps say by themselves, the strongest first. */
export function Findings() {
  const {value, error} = answer.value;
  if (!soughtSeries.value.length) return null;
  if (error) return <p class="problem">{error}</p>;
  if (!value) return <p class="hint">Looking…</p>;
  const {dismissed} = settings.value;
  const left = value.findings.filter((finding) => !dismissed.includes(nameOf(finding)));
  const found = new Set(value.findings.map(({kind}) => kind));
  const missing = value.looked_for.filter((kind) => !found.has(kind)).map((kind) => KINDS[kind] ?? kind);
  return (
    <section class="findings" aria-label="Findings">
      <p class="summary">
        <strong>{left.length === 1 ? "1 finding" : `${left.length} findings`}</strong>{" "}
        {value.runs.map(({run, steps, samples}) => `${run}: ${samples} samples × ${steps} kept steps`).join(" · ")}
        {value.findings.length > left.length && (
          <button type="button" class="link" onClick={() => change({dismissed: []})}>
            {value.findings.length - left.length} dismissed: show all
          </button>
        )}
      </p>
      <ol>
        {left.slice(0, LISTED).map((finding, index) => (
          <Row key={nameOf(finding)} finding={finding} first={index === 0} />
        ))}
      </ol>
      {left.length > LISTED && <p class="note">{left.length - LISTED} weaker findings are not listed.</p>}
      {missing.length > 0 && <p class="note">Looked for and not found: {missing.join(", ").toLowerCase()}.</p>}
    </section>
  );
}

function Row({finding, first}: {finding: Finding; first: boolean}) {
  return (
    <li class="finding">
      <Picture finding={finding} />
      <div class="words">
        <span class="note">
          <span class="dot" style={{"--run": colorOf(finding.run)}} /> {finding.run} ·{" "}
          {KINDS[finding.kind] ?? finding.kind}
        </span>
        <p class="sentence">{finding.sentence}.</p>
        <p class="note numbers">{numbersOf(finding).join(" · ")}</p>
        <details>
          <summary>How computed</summary>
          <p class="note">{HOW[finding.kind]}</p>
        </details>
      </div>
      <div class="actions">
        <button type="button" class={first ? "button filled" : "button"} onClick={() => show(finding)}>
          Show
        </button>
        <button type="button" class="link" onClick={() => dismiss(finding)}>
          Dismiss
        </button>
      </div>
    </li>
  );
}

/** The mean map of those that a finding is about, at its step. */
function Picture({finding}: {finding: Finding}) {
  const key = soughtSeries.value.find(({run}) => run === finding.run);
  const what = JSON.stringify([key, finding.step]);
  const {value} = useAnswer(what, async (signal) => (key ? client.atlas(key, finding.step, signal) : null));
  const own = value?.classes.find((one) => one.class === finding.group) ?? value?.classes[0];
  if (!value || !own) return <span class="mean-map" />;
  return (
    <figure>
      <MeanMap mean={own.mean} grid={value.grid} region={finding.region} label={`Mean map of ${finding.run}`} />
      <figcaption class="note">mean map, step {shown(value.step)}</figcaption>
    </figure>
  );
}

function numbersOf({effect, q, since, step, numbers}: Finding): string[] {
  const {accuracy, area} = numbers;
  return [
    `effect ${shown(effect)}`,
    ...(area == null ? [] : [`${percent(area)} of the picture`]),
    ...(accuracy == null ? [] : [`accuracy ${shown(accuracy)}`]),
    ...(q === null ? [] : [`q ${q < 1e-4 ? q.toExponential(0) : shown(q)}`]),
    since === null ? `step ${shown(step)}` : `steps ${shown(since)} to ${shown(step)}`,
  ];
}
