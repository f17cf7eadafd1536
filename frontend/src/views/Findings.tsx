import {useState} from "preact/hooks";
import type {Finding} from "../api/findings";
import {linePath, placeOn} from "../maths/ribbon";
import {percent, shown} from "../maths/numbers";
import {
  answer,
  dismiss,
  isOf,
  leftFindings,
  listedFindings,
  nameOf,
  runsOf,
  show,
  soughtSeries,
} from "../state/findings";
import {type Row as Ribbon, rows} from "../state/ribbon";
import {change, client, colorOf, settings} from "../state/store";
import {useAnswer} from "./answered";
import {MeanMap} from "./MeanMap";

const LISTED = 10;
const FEWEST = 5; // samples of which anything is said

const KINDS: Record<string, string> = {
  hot_spot: "Hot spot",
  hot_spot_everywhere: "Hot spot, all classes",
  spatial_bias: "Spatial bias",
  strategy: "Different strategy",
  change: "Change over time",
  runs_differ: "Same predictions, different places",
  same_map: "Same map for every picture",
  dead_maps: "Maps without evidence",
  sure_and_outside: "Confidently wrong, looking outside",
};

const HOW: Record<string, string> = {
  hot_spot:
    "A sample looks at a place where at least half of its evidence lies. Fisher’s exact test compares the class with the others. A binomial test compares the place with other places of the same shape in the class’s own maps. Both are corrected for the number of classes, places and kept steps.",
  hot_spot_everywhere:
    "A sample looks at a place where at least half of its evidence lies. A sign test compares the place with its mirror images in the same pictures, corrected for the number of places and kept steps. A class takes part if its samples look there at least half as often as all samples do.",
  spatial_bias:
    "Found like a hot spot, but it may be harmless. Networks without a shortcut also look at corners and edges, because padding marks the border of the picture. It is listed here if the pictures do not look alike there and fewer than half of the class look at it or, for a single class, predictions are no better than chance; if no pictures were logged and fewer than a fifth do, or if it did not last.",
  strategy:
    "The maps of a class are grouped by spectral clustering on their Bhattacharyya coefficients. Fisher’s exact test compares the accuracy of a group with that of the rest of the class.",
  change:
    "The series is split at the step where two means fit best. A permutation test over the kept steps checks the split, corrected for the number of classes.",
  runs_differ:
    "The mean maps of the two runs overlap by less than half, and by less than the mean maps of two halves of one run’s samples do.",
  same_map: "The mean correlation between the maps of all pairs of pictures is above 0.95.",
  dead_maps: "More than half of the maps have no positive value.",
  sure_and_outside:
    "Wrong predictions with a probability of at least 0.8 and at most a tenth of the evidence inside the marked region. Fisher’s exact test: evidence outside is more frequent among wrong than among right predictions.",
};

/** What the maps say by themselves, the strongest first. */
export function Findings() {
  const [all, setAll] = useState(false);
  const {value, error} = answer.value;
  if (!soughtSeries.value.length)
    return <p class="findings hint">No maps to search: choose a run and a series on the left.</p>;
  if (error) return <p class="findings problem">{error}</p>;
  if (!value) return <p class="findings hint">Searching…</p>;
  const left = leftFindings.value;
  const listed = listedFindings.value;
  const dismissed = value.findings.length - left.length;
  const found = new Set(value.findings.map(({kind}) => kind));
  const missing = value.looked_for.filter((kind) => !found.has(kind)).map((kind) => KINDS[kind] ?? kind);
  const few = value.runs.filter(({samples}) => samples < FEWEST);
  return (
    <section class="findings" aria-label="Findings">
      <p class="summary">
        <strong>
          {listed.length < left.length && `${shown(listed.length)} of `}
          {left.length === 1 ? "1 finding" : `${shown(left.length)} findings`}
        </strong>{" "}
        {value.runs
          .map(({run, steps, samples}) => `${run}: ${shown(samples)} samples × ${shown(steps)} kept steps`)
          .join(" · ")}
        {dismissed > 0 && (
          <button type="button" class="link" onClick={() => change({dismissed: []})}>
            {shown(dismissed)} dismissed: show all
          </button>
        )}
      </p>
      <Filters />
      {few.length > 0 && (
        <p class="note">
          Findings need at least {FEWEST} samples; too few in: {few.map(({run}) => run).join(", ")}.
        </p>
      )}
      {value.runs.length > 1 && (value.not_compared ?? []).length > 0 && (
        <p class="note">Too large to be compared with the other runs: {value.not_compared?.join(", ")}.</p>
      )}
      {value.findings.length === 0 && few.length < value.runs.length && (
        <p class="nothing">No findings: everything seen here could also be chance.</p>
      )}
      <ol>
        {listed.slice(0, all ? undefined : LISTED).map(([finding, rank]) => (
          <Row key={nameOf(finding)} finding={finding} rank={rank} />
        ))}
      </ol>
      {!listed.length && left.length > 0 && (
        <p class="nothing">
          No finding matches the filters.{" "}
          <button type="button" class="link" onClick={() => change({findingKind: null, findingRun: null})}>
            Show all
          </button>
        </p>
      )}
      {!all && listed.length > LISTED && (
        <button type="button" class="link" onClick={() => setAll(true)}>
          Show {shown(listed.length - LISTED)} weaker findings
        </button>
      )}
      {missing.length > 0 && (
        <p class="note">
          Looked for and not found: {missing.join("; ").toLowerCase()}. All tests are corrected for the number of places
          and classes that were searched.
        </p>
      )}
    </section>
  );
}

/** Which kinds and runs are listed, where there is more than one. */
function Filters() {
  const {findingKind, findingRun} = settings.value;
  const kinds = tallied(leftFindings.value.map((one) => [[one.kind], isOf(one, null, findingRun)]));
  const runs = tallied(leftFindings.value.map((one) => [runsOf(one), isOf(one, findingKind, null)]));
  return (
    <search class="which-findings" aria-label="Findings shown">
      <Choice
        name="Kind"
        chosen={findingKind}
        counts={kinds}
        titleOf={(kind) => KINDS[kind] ?? kind}
        choose={(findingKind) => change({findingKind})}
      />
      <Choice name="Run" chosen={findingRun} counts={runs} choose={(findingRun) => change({findingRun})} />
    </search>
  );
}

interface ChoiceProps {
  name: string;
  chosen: string | null; // null: all
  counts: ReadonlyMap<string, number>;
  titleOf?: (one: string) => string;
  choose: (one: string | null) => void;
}

const ALL = ""; // nothing is called that: the link could not hold it

/** One of some names, each with how many findings it would list; nothing where there is no choice. */
function Choice({name, chosen, counts, titleOf = (one) => one, choose}: ChoiceProps) {
  if (counts.size < 2 && chosen === null) return null;
  const names = [...new Set([...counts.keys(), ...(chosen === null ? [] : [chosen])])];
  return (
    <label class="inline">
      <span>{name}</span>
      <select value={chosen ?? ALL} onChange={({currentTarget}) => choose(currentTarget.value || null)}>
        <option value={ALL}>all</option>
        {names.map((one) => (
          <option key={one} value={one}>
            {titleOf(one)} ({shown(counts.get(one) ?? 0)})
          </option>
        ))}
      </select>
    </label>
  );
}

/** How many of what is counted have each name, in the order of the first of each. */
function tallied(all: readonly (readonly [names: readonly string[], isCounted: boolean])[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [names, isCounted] of all)
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + Number(isCounted));
  return counts;
}

function Row({finding, rank}: {finding: Finding; rank: number}) {
  return (
    <li class="finding">
      <span class="rank-of" aria-hidden="true">
        {rank}
      </span>
      <Pictures finding={finding} />
      <div class="words">
        <span class="note">
          <span class="dot" style={{"--run": colorOf(finding.run)}} /> {finding.run} ·{" "}
          {KINDS[finding.kind] ?? finding.kind}
        </span>
        <p class="sentence">{finding.sentence}.</p>
        <ul class="numbers-of">
          {numbersOf(finding).map(([name, value]) => (
            <li key={name}>
              {name} <strong>{value}</strong>
            </li>
          ))}
        </ul>
        <details>
          <summary>How this was computed</summary>
          <p class="note">{HOW[finding.kind]}</p>
        </details>
      </div>
      <Curve finding={finding} />
      <div class="actions">
        <button type="button" class={rank === 1 ? "button filled" : "button"} onClick={() => show(finding)}>
          Show
        </button>
        <button type="button" class="link" onClick={() => dismiss(finding)}>
          Dismiss
        </button>
      </div>
    </li>
  );
}

/** The mean map of those that a finding is about, at its step, and the mean of what lies at its place. */
function Pictures({finding}: {finding: Finding}) {
  const key = soughtSeries.value.find(({run}) => run === finding.run);
  const what = JSON.stringify(["atlas", key, finding.step, "label"]);
  const {value} = useAnswer(what, async (signal) => (key ? client.atlas(key, finding.step, signal) : null));
  const own = value?.classes.find((one) => one.class === finding.group) ?? value?.classes[0];
  return (
    <div class="pictures-of">
      <figure>
        {value && own ? (
          <MeanMap
            mean={own.mean}
            grid={value.grid}
            picture={own.picture ?? null}
            region={finding.region}
            label={`Mean map of ${finding.run}`}
          />
        ) : (
          <span class="mean-map" />
        )}
        <figcaption class="note">mean, step {shown(value?.step ?? finding.step)}</figcaption>
      </figure>
      {finding.crop && (
        <figure>
          <img
            class="mean-map"
            src={`data:image/png;base64,${finding.crop.png}`}
            alt={`Mean of this place in the ${shown(finding.count)} pictures`}
          />
          <figcaption class="note">mean crop</figcaption>
        </figure>
      )}
    </div>
  );
}

const CURVE = {width: 200, height: 56};

/** How it came about: each run over the steps, with a flag where the finding begins to hold. */
function Curve({finding}: {finding: Finding}) {
  const all = rows.value.filter(({timeline}) => timeline);
  if (!all.length) return <span class="curve-of" />;
  const [name, title] = curveOf(finding, all);
  const axis = [...new Set(all.flatMap(({timeline}) => timeline!.step))].sort((a, b) => a - b);
  const place = placeOn(axis, CURVE.width);
  const most = Math.max(0.01, ...all.flatMap(({timeline}) => timeline![name].map((value) => value ?? 0)));
  const base = CURVE.height - 2;
  const y = (value: number) => base - (value / most) * (base - 10);
  const flag = finding.since === null ? null : Math.round(place(finding.since)) + 0.5;
  return (
    <figure class="curve-of">
      <figcaption class="note">{title}</figcaption>
      <svg
        viewBox={`0 0 ${CURVE.width} ${CURVE.height}`}
        role="img"
        aria-label={`${title} over the steps, up to ${shown(most)}`}
      >
        <path class="base" d={`M0 ${base}H${CURVE.width}`} />
        {all.map(({run, timeline}) => (
          <path key={run} stroke={colorOf(run)} d={linePath(timeline!.step.map(place), timeline![name], y)} />
        ))}
        {flag !== null && <path class="flag" d={`M${flag} ${base}V0.5h8l-2 3l2 3H${flag}`} />}
      </svg>
      <p class="note ends">
        <span>{shown(axis[0] ?? 0)}</span>
        <span>{shown(axis.at(-1) ?? 0)}</span>
      </p>
    </figure>
  );
}

/** The number that tells most about a kind of finding, as far as the log has it. */
function curveOf({kind}: Finding, all: readonly Ribbon[]): ["inside" | "accuracy" | "moved", string] {
  const judged = all.some(({timeline}) => timeline!.accuracy.some((value) => value !== null));
  if (["strategy", "runs_differ", "same_map"].includes(kind) && judged) return ["accuracy", "Accuracy"];
  if (all.some(({isInside}) => isInside)) return ["inside", "Share inside the region"];
  return ["moved", "Attention moved"];
}

function numbersOf({effect, q, since, step, numbers}: Finding): [string, string][] {
  const {accuracy, area, alike} = numbers;
  return [
    ["effect", shown(effect)],
    ...(area == null ? [] : ([["of the picture", percent(area)]] as [string, string][])),
    ...(alike == null ? [] : ([["alike", shown(alike)]] as [string, string][])),
    ...(accuracy == null ? [] : ([["accuracy", shown(accuracy)]] as [string, string][])),
    ...(q === null ? [] : ([["q", q < 1e-4 ? q.toExponential(0) : shown(q)]] as [string, string][])),
    since === null || since === step ? ["step", shown(step)] : ["steps", `${shown(since)} to ${shown(step)}`],
  ];
}
