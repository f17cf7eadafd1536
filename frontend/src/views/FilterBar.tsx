import {counted} from "../state/ordering";
import {lacksPredictions} from "../state/faults";
import {region} from "../state/findings";
import {ownNumbers} from "../state/userNumbers";
import {arrivals, change, type Group, groups, predictionsOf, settings, step, steps} from "../state/store";
import type {Settings, Sort} from "../state/settings";
import {castAt} from "../state/samples";
import {showsSamples, view} from "../state/view";
import {shown} from "../maths/numbers";
import {NumberBox} from "./controls";
import {room} from "./room";

export const SORT_NAMES: readonly (readonly [Sort, string])[] = [
  ["logged", "as logged"],
  ["apart", "furthest apart"],
  ["surest", "most certain"],
  ["probability", "least certain"],
  ["label-probability", "label least probable"],
  ["loss", "highest loss"],
  ["moved", "attention moved most"],
  ["entropy", "most spread out"],
  ["iou", "worst IoU"],
  ["region", "most in the region"],
];

const NARROW = 720; // pixels of the middle

/** Which samples are shown, and in which order. */
export function FilterBar() {
  if (!showsSamples.value) return null;
  const {text} = settings.value;
  return (
    <search class="filters" aria-label="Samples shown">
      <Verdicts />
      <Classes />
      <Probability />
      <input
        class="text find"
        type="search"
        data-testid="search"
        aria-label="Search classes, ids and captions"
        placeholder={room.value.width < NARROW ? "Find" : "Find a sample"}
        value={text}
        onInput={(event) => change({text: event.currentTarget.value})}
      />
      <InRegion />
      <Order />
    </search>
  );
}

const VERDICTS: readonly (readonly [Settings["verdict"], inGrid: string, inCompare: string])[] = [
  ["all", "All", "All"],
  ["right", "Right", "Right in all"],
  ["wrong", "Wrong", "Wrong in any"],
];

/** Nothing was predicted, or nothing is known to be true: no sample will be right or wrong at any step. */
function hasNoVerdicts(group: Group): boolean {
  if (lacksPredictions(group)) return true;
  const samples = castAt(group, step.value)?.cohort.samples;
  return samples?.every(({label, labels}) => label === null && !labels) ?? false;
}

function Verdicts() {
  arrivals.value;
  const counts = counted();
  if (settings.value.verdict === "all" && groups.value.length > 0 && groups.value.every(hasNoVerdicts)) return null;
  const comparing = view.value === "compare" && groups.value.length > 1;
  return (
    <fieldset class="segments" aria-label="Verdict">
      {VERDICTS.map(([name, inGrid, inCompare]) => (
        <label key={name}>
          <input
            type="radio"
            name="verdict"
            checked={name === settings.value.verdict}
            onChange={() => change({verdict: name})}
          />
          <span>
            {comparing ? inCompare : inGrid} <span class="count">{shown(counts[name])}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

const ANY = "";
const ASPECTS = [
  ["label", "True class"],
  ["prediction", "Predicted"],
] as const;

/** What samples are, or were taken for. */
function Classes() {
  arrivals.value;
  const names = groups.value
    .map((group) => castAt(group, step.value)?.cohort.classNames ?? [])
    .find((all) => all.length);
  if (!names) return null;
  const {label, prediction} = settings.value;
  const value = label !== null ? `label ${label}` : prediction !== null ? `prediction ${prediction}` : ANY;
  const choose = (text: string) => {
    const [what, index] = text.split(" ");
    change({
      label: what === "label" ? Number(index) : null,
      prediction: what === "prediction" ? Number(index) : null,
    });
  };
  return (
    <label class="inline">
      <select aria-label="Class" value={value} onChange={(event) => choose(event.currentTarget.value)}>
        <option value={ANY}>any class</option>
        {ASPECTS.map(([what, title]) => (
          <optgroup key={what} label={title}>
            {names.map((name, index) => (
              <option key={`${index} ${name}`} value={`${what} ${index}`}>
                {what === "label" ? name : `as ${name}`}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

/** No probability was logged. */
function hasNoProbabilities(group: Group): boolean {
  const said = predictionsOf(group);
  return lacksPredictions(group) || (said !== null && !said.probability);
}

function Probability() {
  arrivals.value;
  const {minProbability} = settings.value;
  if (minProbability === 0 && groups.value.length > 0 && groups.value.every(hasNoProbabilities)) return null;
  return (
    <span class="inline">
      <span class="brief" aria-hidden="true">
        <span class="long">Probability</span>
        <span class="short">p</span> ≥
      </span>
      <NumberBox
        class="number share"
        aria-label="Minimum probability"
        min={0}
        max={1}
        step={0.05}
        value={minProbability}
        onNumber={(least) => change({minProbability: Math.min(Math.max(least, 0), 1)})}
      />
    </span>
  );
}

/** The region that is marked on all pictures, and the way out of it. */
function InRegion() {
  const {sort} = settings.value;
  if (!region.value) return null;
  const clear = () => change({region: null, ...(sort === "region" ? {sort: "logged"} : {})});
  return (
    <button type="button" class="button" title="Marked on all pictures; click to remove the mark" onClick={clear}>
      Region ×<span class="hidden">: remove the mark</span>
    </button>
  );
}

const NUMBER = "number of the user's own: ";

/** What a choice of the list sets; another order filters by no number any more. */
function sortFrom(text: string): Partial<Settings> {
  if (text.startsWith(NUMBER)) return {sort: "number", number: text.slice(NUMBER.length), minNumber: null};
  return {sort: text as Sort, minNumber: null};
}

function Order() {
  const {sort, number} = settings.value;
  const names = [...new Set(groups.value.flatMap(ownNumbers))];
  const fits = {apart: view.value === "compare", region: region.value !== null} as Partial<Record<Sort, boolean>>;
  const offered = SORT_NAMES.filter(([name]) => fits[name] !== false || sort === name);
  return (
    <span class="order">
      <label class="inline">
        <span>Sort</span>
        <select
          aria-label="Sort"
          value={sort === "number" ? NUMBER + (number ?? names[0] ?? "") : sort}
          onChange={(event) => change(sortFrom(event.currentTarget.value))}
        >
          {offered.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
          {names.map((name) => (
            <option key={NUMBER + name} value={NUMBER + name}>
              {name}, largest first
            </option>
          ))}
        </select>
      </label>
      {sort === "number" && (
        <NumberBox
          class="number"
          aria-label={`Minimum ${number ?? names[0] ?? "number"}`}
          value={settings.value.minNumber ?? 0}
          onNumber={(minNumber) => change({minNumber})}
        />
      )}
      {sort === "moved" && <Since />}
    </span>
  );
}

/** The other of the two steps between which attention moved. */
function Since() {
  const {movedFrom} = settings.value;
  const first = steps.value[0] ?? 0;
  return (
    <span class="inline">
      <span aria-hidden="true">since step</span>
      <NumberBox
        class="number"
        value={movedFrom ?? first}
        aria-label="Since step"
        onNumber={(movedFrom) => change({movedFrom})}
      />
    </span>
  );
}

/** How many samples the filters leave, where they leave some out; and the way back. */
export function Left({count, all}: {count: number; all: number}) {
  if (count === all) return null;
  const words = count
    ? `${shown(count)} of ${shown(all)} samples`
    : `No sample matches the filters (${shown(all)} hidden).`;
  return (
    <p class="hint" role="status">
      {words}{" "}
      <button type="button" class="link" onClick={() => change(EVERYTHING)}>
        Show all
      </button>
    </p>
  );
}

const EVERYTHING = {
  text: "",
  verdict: "all",
  label: null,
  prediction: null,
  minProbability: 0,
  minNumber: null,
} as const;
