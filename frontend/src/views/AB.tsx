import type {Found} from "../api/loader";
import {intersection, pearson} from "../maths/compare";
import type {Place} from "../maths/metrics";
import {changeSide, choicesOf, type Side, type SideName, sideOf, swapSides} from "../state/ab";
import {targets} from "../state/compare";
import {mapOf} from "../state/maps";
import {thinned} from "../state/measure";
import {arrivals, change, colorOf, pin, probe, settings, step, steps} from "../state/store";
import type {Settings} from "../state/settings";
import {useBlink} from "./blink";
import {IconButton, Segments, Slider} from "./controls";
import {shown} from "../maths/numbers";
import {Difference, DifferenceBar} from "./Difference";
import {readingAt} from "./Marks";
import {methodName, sampleName} from "../state/names";
import {Picture} from "./Picture";
import type {Shown} from "../state/remarks";
import {saidOf} from "../state/samples";
import {useLookingAt} from "./Tile";
import {Slices} from "./Slices";
import {Verdict} from "./Verdict";

const MODES: readonly (readonly [Settings["abMode"], string])[] = [
  ["swipe", "Swipe"],
  ["blink", "Blink"],
  ["difference", "Difference"],
];
const CLEAR = 0.08; // of the width, that a letter needs
const SWAP = "M7 4 3 8l4 4V9h8V7H7zm10 8v3H9v2h8v3l4-4z";

/** Two tiles at one place: a divider to swipe, blinking, or their difference; and how similar they are. */
export function AB() {
  arrivals.value;
  const [a, b] = [sideOf("a"), sideOf("b")];
  if (!a || !b) return <p class="main hint">Choose a run and a series on the left.</p>;
  return (
    <div class="main ab" data-testid="ab">
      <div class="sides">
        <SideView name="a" side={a} />
        <IconButton label="Swap A and B" path={SWAP} onClick={swapSides} />
        <SideView name="b" side={b} />
      </div>
      <Closely a={a} b={b} />
    </div>
  );
}

/** What a side is, each part of it to be chosen. */
function SideView({name, side}: {name: SideName; side: Side}) {
  const {spec, cast, sample} = side;
  const choices = choicesOf(spec);
  const choose = (patch: Partial<typeof spec>) => changeSide(name, side, patch);
  const samples = cast?.cohort.samples ?? [];
  return (
    <section class="side-of" aria-label={name.toUpperCase()} data-testid={`side-${name}`}>
      <span class="badge">{name.toUpperCase()}</span>
      <span class="dot" style={{background: colorOf(spec.run)}} />
      <Pick label="Run" value={spec.run} options={choices.run} onChange={(run) => choose({run})} />
      <Pick label="Series" value={spec.tag} options={choices.tag} onChange={(tag) => choose({tag})} />
      <Pick label="Layer" value={spec.layer} options={choices.layer} onChange={(layer) => choose({layer})} />
      <Pick
        label="Method"
        value={spec.method}
        options={choices.method}
        nameOf={methodName}
        onChange={(method) => choose({method})}
      />
      {targets.value.size > 0 && (
        <Pick
          label="Class explained"
          value={String(spec.target ?? "")}
          options={["", ...[...targets.value.keys()].map(String)]}
          nameOf={(target) => targets.value.get(Number(target || "x")) ?? "the first logged"}
          onChange={(target) => choose({target: target ? Number(target) : null})}
        />
      )}
      <Pick
        label="Sample"
        value={String(spec.sample)}
        options={Object.keys(samples)}
        nameOf={(index) => sampleName(samples[Number(index)]!, Number(index))}
        onChange={(index) => choose({sample: Number(index)})}
      />
      <StepPick side={side} onChange={(at) => choose({step: at})} />
      {cast && sample && <Verdict cast={cast} sample={sample} said={saidOf(cast, spec.sample)} />}
    </section>
  );
}

interface PickProps {
  label: string;
  value: string;
  options: readonly string[];
  nameOf?: (option: string) => string;
  onChange: (option: string) => void;
}

function Pick({label, value, options, nameOf = (option) => option || "(no name)", onChange}: PickProps) {
  if (options.length < 2) return null;
  return (
    <select
      class="add"
      aria-label={label}
      title={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {options.map((option) => (
        <option key={option} value={option}>
          {nameOf(option)}
        </option>
      ))}
    </select>
  );
}

const MOST_STEPS = 100;

function StepPick({side: {spec}, onChange}: {side: Side; onChange: (at: number | null) => void}) {
  const some = thinned([...steps.value], MOST_STEPS);
  const options = spec.step === null || some.includes(spec.step) ? some : [...some, spec.step].sort((x, y) => x - y);
  return (
    <Pick
      label="Step"
      value={String(spec.step ?? "")}
      options={["", ...options.map(String)]}
      nameOf={(at) => (at ? `step ${shown(Number(at))}` : `current step (${shown(step.value)})`)}
      onChange={(at) => onChange(at ? Number(at) : null)}
    />
  );
}

/** A side whose series and sample are there. */
function shownOf({group, sample, spec, at}: Side): Shown | null {
  return group && sample ? {group, sample, index: spec.sample, at, found: mapOf(group, spec.sample, at)} : null;
}

function Closely({a, b}: {a: Side; b: Side}) {
  const [first, second] = [shownOf(a), shownOf(b)];
  if (!first || !second) {
    const missing = first ? "B" : "A";
    const words = (first ? b : a).group ? `${missing} is loading…` : `No map was logged for ${missing} as chosen.`;
    return (
      <p class="hint" role="status">
        {words}
      </p>
    );
  }
  return <Stage a={first} b={second} />;
}

function Stage({a, b}: {a: Shown; b: Shown}) {
  const {abMode, divider} = settings.value;
  const blink = useBlink(abMode === "blink");
  useLookingAt(a.group, a.index, a.at);
  useLookingAt(b.group, b.index, b.at);
  const ratio = (a.sample.width || 1) / (a.sample.height || 1);
  return (
    <>
      <div class="ab-bar">
        <Segments label="Comparison mode" value={abMode} options={MODES} onChange={(mode) => change({abMode: mode})} />
        {abMode === "swipe" && (
          <Slider
            label="Divider"
            value={divider}
            low={0}
            high={1}
            percent
            onInput={(value) => change({divider: value})}
          />
        )}
        {abMode === "blink" && (
          <>
            <button type="button" class="button" aria-pressed={blink.on} onClick={blink.toggle}>
              {blink.on ? "Stop blinking" : "Start blinking"}
            </button>
            <button type="button" class="button" onClick={blink.flip}>
              Show {blink.shown === "a" ? "B" : "A"}
            </button>
          </>
        )}
        {abMode === "difference" && <DifferenceBar />}
        <Slices group={a.group} sample={a.sample} index={a.index} at={a.at} />
        <Similarity a={a.found} b={b.found} />
      </div>
      <div class="room">
        <div class="stage" style={{"--width-to-height": ratio}} data-mode={abMode} data-shown={blink.shown}>
          {abMode === "difference" ? <Difference a={a} b={b} /> : <Both a={a} b={b} />}
          {abMode === "swipe" && <Divider />}
          {abMode === "swipe" && divider > CLEAR && <span class="badge over">A</span>}
          {abMode === "swipe" && divider < 1 - CLEAR && <span class="badge over last">B</span>}
          {abMode === "blink" && <span class="badge over">{blink.shown.toUpperCase()}</span>}
        </div>
      </div>
      <Readings a={a.found} b={b.found} />
    </>
  );
}

function Both({a, b}: {a: Shown; b: Shown}) {
  const {divider} = settings.value;
  return (
    <>
      <div class="layer-a">
        <Picture group={a.group} sample={a.sample} index={a.index} at={a.at} large />
      </div>
      <div class="layer-b" style={{"--divider": `${100 * divider}%`}}>
        <Picture group={b.group} sample={b.sample} index={b.index} at={b.at} large />
      </div>
    </>
  );
}

/** Left of it is A, right of it B. A slider, so that keys move it too. */
function Divider() {
  const {divider} = settings.value;
  return (
    <input
      class="divider"
      type="range"
      data-testid="divider"
      aria-label="Divider: A on its left, B on its right"
      min={0}
      max={1}
      step={0.01}
      value={divider}
      onInput={(event) => change({divider: event.currentTarget.valueAsNumber})}
    />
  );
}

/** Numbers of two maps at any place and step, from -1 or 0 to 1. */
function Similarity({a, b}: {a: Found | null; b: Found | null}) {
  const [cc, sim] = a && b ? [pearson(a.map, b.map), intersection(a.map, b.map)] : [Number.NaN, Number.NaN];
  return (
    <dl class="similarity" data-testid="similarity">
      <div title="Pearson correlation of the two maps' values: 1 identical, 0 unrelated, −1 opposite">
        <dt>Correlation CC</dt>
        <dd data-testid="cc">{fixed(cc)}</dd>
      </div>
      <div title="Histogram intersection of the two maps, each normalized to sum 1: 1 in the same places, 0 without overlap">
        <dt>Similarity SIM</dt>
        <dd data-testid="sim">{fixed(sim)}</dd>
      </div>
    </dl>
  );
}

function fixed(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : "–";
}

/** Raw values of both under the cursor, or at the pin. */
function Readings({a, b}: {a: Found | null; b: Found | null}) {
  const place = probe.value ?? pin.value;
  return (
    <div class="probe" data-testid="ab-probe">
      {place ? (
        <>
          <span>{probe.value ? "Under cursor" : "At the pin"}</span>
          <Reading name="A" found={a} place={place} />
          <Reading name="B" found={b} place={place} />
        </>
      ) : (
        <span>Point at the picture to read both values; click to pin</span>
      )}
    </div>
  );
}

function Reading({name, found, place}: {name: string; found: Found | null; place: Place}) {
  if (!found) return null;
  const {value, percentile, cell} = readingAt(found.map, place);
  return (
    <span>
      {name} <strong>{shown(value)}</strong>
      {Number.isFinite(percentile) && ` p${Math.round(percentile)}`}, cell {cell}
    </span>
  );
}
