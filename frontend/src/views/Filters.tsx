import {arrivals, change, groups, settings, step, steps} from "../state/store";
import type {Sort} from "../state/settings";
import {Chip, NumberBox, Select, Slider} from "./controls";
import {castAt, isRight, saidOf} from "../state/samples";

const SORTS: readonly (readonly [Sort, string])[] = [
  ["logged", "as logged"],
  ["probability", "least certain first"],
  ["label-probability", "label least probable first"],
  ["loss", "highest loss first"],
  ["iou", "worst IoU first"],
  ["moved", "attention moved most"],
  ["entropy", "most spread out first"],
];
const ANY = "";

/** Which samples are shown, and in which order. */
export function Filters() {
  const {text, sort, minProbability, tileSize} = settings.value;
  return (
    <section aria-label="Show">
      <h2>Show</h2>
      <Verdicts />
      <input
        class="text"
        type="search"
        data-testid="search"
        aria-label="Search classes, ids and captions"
        placeholder="Search classes, ids, captions"
        value={text}
        onInput={(event) => change({text: event.currentTarget.value})}
      />
      <Classes />
      <Slider
        label="Least probability"
        value={minProbability}
        low={0}
        high={1}
        onInput={(value) => change({minProbability: value})}
      />
      <Select label="Order" value={sort} options={SORTS} onChange={(value) => change({sort: value})} />
      {sort === "moved" && <Since />}
      <Slider
        label="Tile size"
        value={tileSize}
        low={80}
        high={480}
        by={20}
        onInput={(pixels) => change({tileSize: Math.round(pixels)})}
      />
    </section>
  );
}

function Verdicts() {
  const counts = countVerdicts();
  return (
    <div class="chips">
      {(["all", "right", "wrong"] as const).map((name) => (
        <Chip key={name} pressed={name === settings.value.verdict} onClick={() => change({verdict: name})}>
          {name === "all" ? "All" : name === "right" ? "✓ Right" : "✗ Wrong"} <span class="count">{counts[name]}</span>
        </Chip>
      ))}
    </div>
  );
}

function countVerdicts(): Record<"all" | "right" | "wrong", number> {
  arrivals.value;
  const counts = {all: 0, right: 0, wrong: 0};
  for (const group of groups.value) {
    const cast = castAt(group, step.value);
    cast?.cohort.samples.forEach((sample, index) => {
      const right = isRight(sample, saidOf(cast, index));
      counts.all++;
      if (right !== null) counts[right ? "right" : "wrong"]++;
    });
  }
  return counts;
}

function Classes() {
  arrivals.value;
  const names = groups.value
    .map((group) => castAt(group, step.value)?.cohort.classNames ?? [])
    .find((all) => all.length);
  if (!names) return null;
  const options = [[ANY, "any"] as const, ...names.map((name, index) => [String(index), name] as const)];
  const chosen = (index: number | null) => (index === null ? ANY : String(index));
  const index = (value: string) => (value === ANY ? null : Number(value));
  const {label, prediction} = settings.value;
  return (
    <>
      <Select
        label="Label"
        value={chosen(label)}
        options={options}
        onChange={(value) => change({label: index(value)})}
      />
      <Select
        label="Predicted"
        value={chosen(prediction)}
        options={options}
        onChange={(value) => change({prediction: index(value)})}
      />
    </>
  );
}

/** The other of the two steps between which attention moved. */
function Since() {
  const {movedFrom} = settings.value;
  const first = steps.value[0] ?? 0;
  return (
    <div class="field">
      <span aria-hidden="true">Since step</span>
      <NumberBox
        class="number"
        value={movedFrom ?? first}
        aria-label="Since step"
        onNumber={(movedFrom) => change({movedFrom})}
      />
    </div>
  );
}
