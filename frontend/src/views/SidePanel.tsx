import {
  allRuns,
  allTags,
  change,
  chosenRuns,
  chosenTags,
  colorOf,
  layer,
  layers,
  matching,
  method,
  methods,
  settings,
} from "../state/store";
import {targets} from "../state/compare";
import {Check, Chip} from "./controls";
import {Exports} from "./Exports";
import {Filters} from "./Filters";
import {LookSection} from "./Look";
import {methodName, valueName} from "../state/names";

/** What is shown, and how. */
export function SidePanel() {
  return (
    <nav class="side" aria-label="What is shown">
      <Runs />
      <Tags />
      <Choice title="Layer" options={layers.value} value={layer.value} onChange={(name) => change({layer: name})} />
      <Choice
        title="Method"
        options={methods.value}
        value={method.value}
        name={methodName}
        onChange={(name) => change({method: name})}
      />
      <Target />
      <LookSection />
      <Filters />
      <Exports />
    </nav>
  );
}

/** Which class's map is shown, where samples have those of several. */
function Target() {
  const {target} = settings.value;
  const names = targets.value;
  const offered = [...new Set(target === null ? names.keys() : [...names.keys(), target])];
  return (
    <Choice
      title="Class explained"
      options={offered.length ? ["", ...offered.map(String)] : []}
      value={target === null ? "" : String(target)}
      name={(option) => valueName("target", option ? Number(option) : null, names)}
      onChange={(option) => change({target: option ? Number(option) : null})}
    />
  );
}

const MANY = 4; // of what a list can be searched

function Runs() {
  const {runFilter} = settings.value;
  return (
    <section aria-label="Runs">
      <h2>Runs</h2>
      <Filter
        many={allRuns.value.length > MANY}
        what="runs"
        value={runFilter}
        onInput={(text) => change({runFilter: text})}
      />
      {matching(allRuns.value, runFilter).map((run) => (
        <Check
          key={run}
          checked={chosenRuns.value.includes(run)}
          color={colorOf(run)}
          onChange={(on) => change({runs: toggled(allRuns.value, settings.value.runs ?? chosenRuns.value, run, on)})}
        >
          {run}
        </Check>
      ))}
    </section>
  );
}

function Tags() {
  const {tagFilter} = settings.value;
  return (
    <section aria-label="Series">
      <h2>Series</h2>
      <Filter
        many={allTags.value.length > MANY}
        what="series"
        value={tagFilter}
        onInput={(text) => change({tagFilter: text})}
      />
      {matching(allTags.value, tagFilter).map((tag) => (
        <Check
          key={tag}
          checked={chosenTags.value.includes(tag)}
          onChange={(on) => change({tags: toggled(allTags.value, settings.value.tags ?? chosenTags.value, tag, on)})}
        >
          {tag}
        </Check>
      ))}
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

interface ChoiceProps {
  title: string;
  options: readonly string[];
  value: string;
  name?: (option: string) => string;
  onChange: (option: string) => void;
}

function Choice({title, options, value, name = (option) => option, onChange}: ChoiceProps) {
  if (options.every((option) => !option)) return null; // nothing to choose from, or one without a name
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <div class="chips">
        {options.map((option) => (
          <Chip key={option} pressed={option === value} onClick={() => onChange(option)}>
            {name(option) || "(no name)"}
          </Chip>
        ))}
      </div>
    </section>
  );
}

function toggled(all: string[], chosen: string[], name: string, on: boolean): string[] {
  return all.filter((other) => (other === name ? on : chosen.includes(other)));
}
