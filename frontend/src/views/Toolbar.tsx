import {AXES, type Axis, chosenWith, firstAxes, turned, type Value} from "../maths/table";
import {optionsOf, shownValues, targets} from "../state/compare";
import {change, chosenRuns, dialog, layers, methods, settings} from "../state/store";
import {measuredNames} from "../state/measuredNames";
import {copyLink, handed} from "../state/link";
import {showsSamples, view} from "../state/view";
import {useEffect, useRef} from "preact/hooks";
import {DEFAULTS, type Settings, type View} from "../state/settings";
import {specFrom} from "../state/spec";
import {IconButton, Segments, Select} from "./controls";
import {room} from "./room";
import {shown} from "../maths/numbers";
import {CLOSE} from "./icons";
import {AXIS_NAMES, valueName} from "../state/names";
import {Zoom} from "./Zoom";

const VIEWS: readonly (readonly [View, string])[] = [
  ["grid", "Grid"],
  ["compare", "Compare"],
  ["ab", "A / B"],
  ["atlas", "Atlas"],
  ["findings", "Findings"],
];
const METHODS: readonly [View, string] = ["methods", "Methods"]; // where their maps were measured
const SWAP = "M7 4 3 8l4 4V9h8V7H7zm10 8v3H9v2h8v3l4-4z";
const LINK =
  "M10 7H7a5 5 0 0 0 0 10h3v-2H7a3 3 0 0 1 0-6h3zm4 0h3a5 5 0 0 1 0 10h-3v-2h3a3 3 0 0 0 0-6h-3zM8 11h8v2H8z";
const DONE = "M9.5 17.6 4 12l1.4-1.4 4.1 4.2 9.1-9.2L20 7z";
const PICTURE = "M3 4h18v16H3zm2 2v12h14V6zm1 10 4-5 3 3.5 2-2.5 3 4z";
const MOST_OPTIONS = 200;
const NARROW = {few: 520, many: 600, comparing: 900}; // pixels of the middle, in which names of all views have no room
const SIGNS = {usual: 960, adding: 1240}; // in which signs stand for the words on buttons

/** How the middle is arranged. */
export function Toolbar() {
  const views = measuredNames.value.length || view.value === "methods" ? [...VIEWS, METHODS] : VIEWS;
  const {rows, columns} = settings.value;
  const adding = view.value === "compare" && (hiddenOn(rows).length > 0 || hiddenOn(columns).length > 0);
  const narrow = views.length > VIEWS.length ? (view.value === "compare" ? NARROW.comparing : NARROW.many) : NARROW.few;
  const signs = room.value.width < (adding ? SIGNS.adding : SIGNS.usual);
  return (
    <div class={signs ? "toolbar signs" : "toolbar"} role="toolbar" aria-label="Arrangement">
      {room.value.width < narrow ? (
        <Select label="View" value={view.value} options={views} onChange={show} />
      ) : (
        <Segments label="View" value={view.value} options={views} onChange={show} />
      )}
      {view.value === "compare" && <Axes />}
      {showsSamples.value && <OverSteps />}
      {showsSamples.value && <HalfChosen />}
      <Zoom />
      <CopyLink />
      <CardButton />
    </div>
  );
}

/** Each sample at steps from the first to the last: what training did to it. */
function OverSteps() {
  const {rows, columns} = settings.value;
  const on = view.value === "compare" && rows === "sample" && columns === "step";
  const preset = {view: "compare", rows: "sample", columns: "step", chosen: []} satisfies Partial<Settings>;
  return (
    <button
      type="button"
      class="button"
      aria-pressed={on}
      onClick={() => change(on ? {view: null, rows: DEFAULTS.rows, columns: DEFAULTS.columns} : preset)}
    >
      Over steps
    </button>
  );
}

/** What a button's words are where there is no room for them. */
function Sign({path}: {path: string}) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

/** Opens what makes a card of the sample in focus, or of the first. */
function CardButton() {
  return (
    <button
      type="button"
      class="button with-sign"
      aria-label="Card…"
      title="Make a card for a talk: PNG, GIF or WebM"
      onClick={() => {
        dialog.value = "card";
      }}
    >
      <Sign path={PICTURE} />
      <span>Card…</span>
    </button>
  );
}

/** Hands out the address, and says that it did; shows it selected where the page may not copy. */
function CopyLink() {
  const now = handed.value;
  const box = useRef<HTMLInputElement>(null);
  const link = now !== null && now !== "copied" ? now.link : null;
  useEffect(() => {
    if (link) box.current?.select();
  }, [now]);
  return (
    <span class="copy">
      <button
        type="button"
        class="button with-sign"
        data-testid="copy-link"
        title="Copy the link to this view (C)"
        onClick={() => void copyLink()}
      >
        <Sign path={now === "copied" ? DONE : LINK} />
        <span>{now === "copied" ? "✓ Copied" : "Copy link"}</span>
      </button>
      {link && (
        <span class="link-shown">
          <input ref={box} class="text" readOnly value={link} aria-label="Link to this view, selected for copying" />
          <IconButton
            label="Close"
            path={CLOSE}
            onClick={() => {
              handed.value = null;
            }}
          />
        </span>
      )}
    </span>
  );
}

/** Go to a view; a comparison that was never arranged begins with what differs. */
function show(next: View): void {
  const {rows, columns} = settings.value;
  const untouched = rows === DEFAULTS.rows && columns === DEFAULTS.columns;
  const several = {run: chosenRuns.value, layer: layers.value, method: methods.value};
  change({view: next, ...(next === "compare" && untouched ? firstAxes(several) : {})});
}

/** What is one of the two already, while the other is chosen. */
function HalfChosen() {
  const {a, b} = settings.value;
  const spec = specFrom(a ?? b);
  if (!spec || (a && b)) return null;
  const at = spec.step === null ? "" : `, step ${shown(spec.step)}`;
  return (
    <span class="half-chosen" data-testid="half-chosen">
      <span class="badge">{a ? "A" : "B"}</span>
      <span class="name">{`${spec.run}, sample ${spec.sample}${at}`}</span>
      <span>: choose the other one on a tile</span>
      <IconButton label="Clear the choice" path={CLOSE} onClick={() => change({a: null, b: null})} />
    </span>
  );
}

function Axes() {
  const {rows, columns, chosen} = settings.value;
  const turn = (side: "rows" | "columns", axis: Axis) => change(turned({rows, columns}, side, axis));
  return (
    <>
      <AxisSelect label="Rows" value={rows} onChange={(axis) => turn("rows", axis)} />
      <IconButton class="swap" label="Swap rows and columns" path={SWAP} onClick={() => turn("rows", columns)} />
      <AxisSelect label="Columns" value={columns} onChange={(axis) => turn("columns", axis)} />
      <Add axis={rows} what="row" />
      <Add axis={columns} what="column" />
      {chosen.some((text) => text.startsWith(`${rows}=`) || text.startsWith(`${columns}=`)) && (
        <button type="button" class="link" onClick={() => change({chosen: []})}>
          Show all
        </button>
      )}
    </>
  );
}

function AxisSelect({label, value, onChange}: {label: string; value: Axis; onChange: (axis: Axis) => void}) {
  return (
    <label class="inline">
      <span>{label}</span>
      <select
        aria-label={label}
        value={value}
        data-testid={label.toLowerCase()}
        onChange={(event) => onChange(event.currentTarget.value as Axis)}
      >
        {AXES.map((axis) => (
          <option key={axis} value={axis}>
            {AXIS_NAMES[axis]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What could stand on an axis and does not. */
function hiddenOn(axis: Axis): readonly Value[] {
  if (axis === "sample") return [];
  const present = shownValues.value[axis] as readonly Value[];
  return (optionsOf(axis) as readonly Value[]).filter((value) => !present.includes(value));
}

/** Put something onto an axis that is not there: another step, or what was taken off. */
function Add({axis, what}: {axis: Axis; what: string}) {
  const hidden = hiddenOn(axis);
  if (axis === "sample" || !hidden.length) return null;
  const present = shownValues.value[axis] as readonly Value[];
  const add = (text: string) => {
    const value = hidden[Number(text)];
    if (text && value !== undefined) change({chosen: chosenWith(settings.value.chosen, axis, [...present, value])});
  };
  return (
    <select class="add" aria-label={`Add a ${what}`} value="" onChange={(event) => add(event.currentTarget.value)}>
      <option value="">Add a {what}…</option>
      {hidden.slice(0, MOST_OPTIONS).map((value, place) => (
        <option key={String(value)} value={String(place)}>
          {valueName(axis, value, targets.value)}
        </option>
      ))}
    </select>
  );
}
