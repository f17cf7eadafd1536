import {shown} from "../maths/numbers";
import {PARTS, type Part, type Settings} from "../state/settings";
import {
  allRuns,
  allTags,
  arrivals,
  catalog,
  change,
  chosenRuns,
  chosenTags,
  colorOf,
  groups,
  layer,
  layers,
  loader,
  matching,
  method,
  methods,
  newRuns,
  seriesKey,
  settings,
  step,
} from "../state/store";
import {methodName} from "../state/names";
import {castAt, classOf} from "../state/samples";
import {DEFAULTS} from "../state/settings";
import {ColorBar} from "./ColorBar";
import {Combo, type Option} from "./Combo";
import {Check, IconButton, Select} from "./controls";
import {Cut} from "./Cut";
import {Exports} from "./Exports";
import {kindDrawn, LookSection, MoreLook} from "./Look";
import {useNarrow} from "./narrow";

const COLLAPSE = "M15.4 7.4 14 6l-6 6 6 6 1.4-1.4-4.6-4.6z";
const EXPAND = "M8.6 16.6 10 18l6-6-6-6-1.4 1.4 4.6 4.6z";

/** What is shown, and how; folded to a rail where the window is narrow. */
export function SidePanel() {
  const narrow = useNarrow();
  const {side} = settings.value;
  const open = side === "open" || (side === "auto" && !narrow);
  return open ? <Panel over={narrow} /> : <Rail />;
}

/** The runs and the colours, in 40 pixels. */
function Rail() {
  return (
    <nav class="rail" aria-label="What is shown">
      <IconButton label="Expand the panel" path={EXPAND} onClick={() => change({side: "open"})} />
      {matching(allRuns.value, settings.value.runFilter).map((run) => (
        <label key={run} class="choice" title={run} style={{"--run": colorOf(run)}}>
          <input
            type="checkbox"
            aria-label={run}
            checked={chosenRuns.value.includes(run)}
            onChange={(event) => tick(run, event.currentTarget.checked)}
          />
        </label>
      ))}
      <ColorBar kind={kindDrawn()} upright />
    </nav>
  );
}

function Panel({over}: {over: boolean}) {
  const {more} = settings.value;
  return (
    <nav class={over ? "side over" : "side"} aria-label="What is shown">
      <div class="choices">
        {catalog.value?.leftOut && <p class="problem">{catalog.value.leftOut}</p>}
        <Runs />
        <Tags />
        <section aria-label="Maps">
          <OneOf label="Layer" options={layers.value} value={layer.value} onChange={(name) => change({layer: name})} />
          <OneOf
            label="Method"
            options={methods.value}
            value={method.value}
            name={methodName}
            onChange={(name) => change({method: name})}
          />
          <ClassExplained />
        </section>
        <LookSection />
        {more && (
          <>
            <MoreLook />
            <Exports />
          </>
        )}
      </div>
      <div class="foot">
        <button type="button" class="link more" aria-expanded={more} onClick={() => change({more: !more})}>
          More
        </button>
        <button type="button" class="link" onClick={() => change(RESET)}>
          Reset
        </button>
        <IconButton
          label="Collapse the panel"
          path={COLLAPSE}
          onClick={() => change({side: over ? "auto" : "closed"})}
        />
      </div>
    </nav>
  );
}

/** What the panel changes, as it was at first; where the page is looked at stays. */
const RESET: Partial<Settings> = (() => {
  const kept: readonly (keyof Settings)[] = [
    ...(["view", "step", "focus", "full", "focusWidth", "a", "b", "abMode", "divider", "locks"] as const),
    ...(["side", "more", "shortcuts", "speed", "loop", "rows", "columns", "chosen"] as const),
  ];
  return Object.fromEntries(Object.entries(DEFAULTS).filter(([key]) => !kept.includes(key as keyof Settings)));
})();

const MANY = 5; // of what a list can be searched

function tick(run: string, on: boolean): void {
  change({runs: toggled(allRuns.value, settings.value.runs ?? chosenRuns.value, run, on)});
}

function Runs() {
  const {runFilter} = settings.value;
  const listed = matching(allRuns.value, runFilter);
  const out = allRuns.value.length - chosenRuns.value.length;
  return (
    <section aria-label="Runs">
      <div class="title-row">
        <h2>Runs</h2>
        {listed.length > 1 && (
          <>
            <button type="button" class="link" aria-label="all runs" onClick={() => change({runs: [...allRuns.value]})}>
              all
            </button>
            <button type="button" class="link" aria-label="none of the runs" onClick={() => change({runs: []})}>
              none
            </button>
          </>
        )}
      </div>
      <Filter
        many={allRuns.value.length > MANY}
        what="runs"
        value={runFilter}
        onInput={(text) => change({runFilter: text})}
      />
      <div class="list">
        {listed.map((run) => (
          <div key={run} class="run">
            <Check checked={chosenRuns.value.includes(run)} color={colorOf(run)} onChange={(on) => tick(run, on)}>
              <Cut name={run} />
            </Check>
            {listed.length > 1 && (
              <button
                type="button"
                class="link only"
                aria-label={`only this: ${run}`}
                onClick={() => change({runs: [run]})}
              >
                only this
              </button>
            )}
          </div>
        ))}
      </div>
      {out > 0 && (
        <p class="note" data-testid="left-out">
          {shown(out)} of {shown(allRuns.value.length)} runs left out
        </p>
      )}
      <NewRuns />
    </section>
  );
}

/** Runs that started meanwhile. */
function NewRuns() {
  const all = newRuns.value.filter((run) => allRuns.value.includes(run));
  if (!all.length) return null;
  return (
    <p class="note new-runs" role="status">
      {all.length === 1 ? "1 run is new" : `${shown(all.length)} runs are new`}: {all.join(", ")}
    </p>
  );
}

function Tags() {
  const {tagFilter} = settings.value;
  if (allTags.value.length < 2) return null;
  return (
    <section aria-label="Series">
      <h2>Series</h2>
      <Filter
        many={allTags.value.length > MANY}
        what="series"
        value={tagFilter}
        onInput={(text) => change({tagFilter: text})}
      />
      <div class="list">
        {matching(allTags.value, tagFilter).map((tag) => (
          <Check
            key={tag}
            checked={chosenTags.value.includes(tag)}
            onChange={(on) => change({tags: toggled(allTags.value, settings.value.tags ?? chosenTags.value, tag, on)})}
          >
            <Cut name={tag} />
          </Check>
        ))}
      </div>
    </section>
  );
}

interface FilterProps {
  many: boolean;
  what: string;
  value: string;
  onInput: (text: string) => void;
}

/** A regular expression; one that is none yet (a bracket being typed) is looked for as it stands. */
function Filter({many, what, value, onInput}: FilterProps) {
  if (!many && !value) return null;
  return (
    <input
      class="text"
      type="search"
      aria-label={`Filter ${what} (regular expression)`}
      placeholder={`Filter ${what} (regex)`}
      value={value}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}

interface OneOfProps {
  label: string;
  options: readonly string[];
  value: string;
  name?: (option: string) => string;
  onChange: (option: string) => void;
}

/** One of several; nothing where there is only one. */
function OneOf({label, options, value, name = (option) => option, onChange}: OneOfProps) {
  if (options.length < 2) return null;
  const named = options.map((option) => [option, name(option) || "(no name)"] as const);
  return <Select label={label} value={value} options={named} onChange={onChange} />;
}

const PART_NAMES: Record<Part, string> = {top: "top prediction", label: "label", second: "runner-up"};
const FIRST = "first"; // the map that was logged first, whatever it explains

/** Which class's map is shown. */
function ClassExplained() {
  arrivals.value;
  const {target} = settings.value;
  const casts = groups.value.map((group) => castAt(group, step.value));
  const names = casts.find((cast) => cast?.cohort.classNames.length)?.cohort.classNames ?? [];
  const predicted = casts.some((cast) => cast?.said?.prediction);
  const mapped = classesMapped();
  const count = Math.max(names.length, ...[...mapped].map((index) => index + 1), Number(target) + 1 || 0);
  const classes = Array.from({length: count}, (_, index): Option => {
    const note = mapped.size && !mapped.has(index) ? {note: "no maps"} : {};
    return {value: String(index), text: names[index] ?? `class ${index}`, ...note};
  }).filter(({value}, index) => names[index] !== undefined || mapped.has(index) || value === String(target));
  if (!classes.length) return null;
  const options: Option[] = [
    {value: FIRST, text: loggedAs()},
    ...PARTS.filter((part) => part === "label" || predicted).map((part) => ({value: part, text: PART_NAMES[part]})),
    ...classes,
  ];
  return (
    <div class="field">
      <span aria-hidden="true">Class explained</span>
      <Combo
        label="Class explained"
        value={target === null ? FIRST : String(target)}
        options={options}
        onChange={(value) => change({target: targetFrom(value)})}
      />
    </div>
  );
}

const SOME = 24; // samples that tell what all of them were logged for

/** What the maps that were logged first explain, where it is the same part in all that are looked at. */
function loggedAs(): string {
  const [group] = groups.value;
  const key = group && seriesKey(group);
  const cast = group && castAt(group, step.value);
  const found =
    cast && key ? cast.cohort.samples.slice(0, SOME).map((_, index) => loader.mapAt(key, index, step.value)) : [];
  const part = (["top", "label"] as const).find((one) => {
    const hits = found.flatMap((map, index) => (map?.exact ? [map.map.target === classOf(cast!, index, one)] : []));
    return hits.length > 0 && hits.every(Boolean);
  });
  return part ? `as logged: ${PART_NAMES[part]}` : "as logged";
}

function targetFrom(value: string): Settings["target"] {
  if (value === FIRST) return null;
  return PARTS.find((part) => part === value) ?? Number(value);
}

/** Classes that some map on this side explains. */
function classesMapped(): ReadonlySet<number> {
  const found = new Set<number>();
  for (const group of groups.value) {
    const key = seriesKey(group);
    const here = key ? loader.allSeries(key) : [];
    for (const {target} of here) for (const one of target) if (one >= 0) found.add(one);
  }
  return found;
}

function toggled(all: string[], chosen: string[], name: string, on: boolean): string[] {
  return all.filter((other) => (other === name ? on : chosen.includes(other)));
}
