import {useEffect, useLayoutEffect, useMemo, useRef} from "preact/hooks";
import {explained, mapOf, shownStep} from "../state/maps";
import {specOf, specText, tileKey} from "../state/spec";
import {pick} from "../state/ab";
import {
  change,
  focusKey,
  goTo,
  type Group,
  layer,
  locks,
  method,
  openedByKey,
  settings,
  sought,
  step,
  toggleLock,
} from "../state/store";
import {lookAt} from "../state/wanted";
import type {Sample} from "../types";
import {IconButton} from "./controls";
import {shown} from "../maths/numbers";
import {useArrived} from "./arrived";
import {sampleName} from "../state/names";
import {useNear} from "./near";
import {Picture} from "./Picture";
import {NARROWEST, type Place} from "../maths/layout";
import {badgeOf, measured, measureName} from "../state/belief";
import {numberAt} from "../state/userNumbers";
import {rankWords} from "../state/ordering";
import {type Cast, castAt, castValues, mistakeOf, saidOf} from "../state/samples";
import {Slices} from "./Slices";
import {Verdict} from "./Verdict";

const LOCKED = "M6 10V8a6 6 0 0 1 12 0v2h1v11H5V10zm2 0h8V8a4 4 0 0 0-8 0z";
const OPEN = "M6 10h10V7a4 4 0 0 0-7.7-1.5L6.5 4.7A6 6 0 0 1 18 7v3h1v11H5V10z";

interface Props {
  group: Group;
  sample: Sample;
  index: number;
}

interface TileProps extends Props {
  first: boolean; // it will be in sight
  place: Place; // of the picture
}

/** A sample in the grid; drawn, and its map fetched, only while it can be seen. */
export function Tile({group, sample, index, first, place: {width, height}}: TileProps) {
  const element = useRef<HTMLDivElement>(null);
  const near = useNear(element, first);
  const focused = isFocused(group, index);
  const wanted = sought.value === keyOf(group, index);
  useEffect(() => {
    if (!wanted) return;
    element.current?.scrollIntoView({block: "nearest"});
    if (sought.peek() === keyOf(group, index)) sought.value = null; // else the keys have gone on meanwhile
  }, [wanted]);
  return (
    <div
      ref={element}
      class={focused ? "tile focused" : "tile"}
      style={{width: `${width}px`, "--box": `${width} / ${height}`}}
    >
      {near ? <Seen group={group} sample={sample} index={index} badge /> : <Unseen />}
    </div>
  );
}

function keyOf({run, tag}: Group, sample: number): string {
  return tileKey({run, tag, sample});
}

/** The place of a tile that is not made. */
export function Unseen() {
  return (
    <>
      <span class="frame" />
      <span class="verdict" />
    </>
  );
}

interface SeenProps extends Props {
  fixed?: number | null; // it is of this step
  badge?: boolean; // says what it is sorted by
  truth?: boolean; // says what is true
}

/** Looks closer at the tile that the last click on the page was on; null: it was on none. */
let lookAgain: (() => void) | null = null;

/**
 * The second of two clicks on a tile fills the window with it. By the first its panel opens and the tile may stand
 * elsewhere, so that no double click of its own would come. The browser says which click is a second one: it knows how
 * long the user takes, and does not count how long the page did. Hears every click before whatever was clicked.
 */
export function fillOnSecondClick(event: MouseEvent): void {
  const again = lookAgain;
  lookAgain = null; // a tile that is clicked sets it
  if (event.detail !== 2 || !again) return;
  event.preventDefault();
  event.stopPropagation();
  again();
  change({full: true});
}

/** What is on a tile: the picture, what was predicted, and the buttons. */
export function Seen({group, sample, index, fixed, badge = false, truth = true}: SeenProps) {
  const at = fixed ?? shownStep(group, index);
  useLookingAt(group, index, at);
  const {cast, target, isVolume} = useArrived(() => readingOf(group, index, at), valuesOf);
  const key = keyOf(group, index);
  const spec = specText(specOf(group, index, fixed ?? locks.value.get(key) ?? null, explained(group, index, at)));
  const focused = isFocused(group, index, fixed);
  const wrong = cast !== null && mistakeOf(sample, saidOf(cast, index)) !== null;
  return (
    <>
      <button
        type="button"
        class="open"
        tabIndex={-1} // the arrow keys go from tile to tile: see useRoving
        data-testid="tile"
        data-key={key}
        data-spec={spec}
        aria-pressed={focused}
        onClick={(event) => {
          lookAgain = () => focus(group, index, fixed);
          if (focused) change({focus: null});
          else focus(group, index, fixed);
          openedByKey.value = !focused && event.detail === 0; // a click that no pointer made
        }}
      >
        <span class="hidden">{nameOf(group, sample, index, fixed)}</span>
        <span class={tall(sample) ? "frame tall" : "frame"}>
          <Picture group={group} sample={sample} index={index} at={at} />
          {badge && cast && settings.value.sort !== "logged" && <Badge group={group} cast={cast} index={index} />}
          <BeliefBadge group={group} index={index} at={at} target={target} />
        </span>
        {cast && <Verdict cast={cast} sample={sample} said={saidOf(cast, index)} truth={truth} explained={target} />}
      </button>
      <Buttons {...{group, index, fixed, spec, wrong}} />
      {isVolume && <Slices group={group} sample={sample} index={index} at={at} stop={-1} />}
    </>
  );
}

function readingOf(group: Group, index: number, at: number) {
  const map = mapOf(group, index, at)?.map;
  return {cast: castAt(group, at), target: map?.target, isVolume: Boolean(map?.slice)};
}

function valuesOf({cast, target, isVolume}: ReturnType<typeof readingOf>): readonly unknown[] {
  return [...castValues(cast), target, isVolume];
}

interface ButtonsProps {
  group: Group;
  index: number;
  fixed: number | null | undefined;
  spec: string;
  wrong: boolean;
}

/** What a tile can be asked for; from step to step it is left as it is. */
function Buttons({group, index, fixed, spec, wrong}: ButtonsProps) {
  return useMemo(
    () => (
      <>
        {fixed == null && <Lock name={keyOf(group, index)} />}
        <Pick spec={spec} />
        {wrong && <Why ask={() => focus(group, index, fixed)} />}
      </>
    ),
    [group, index, fixed, spec, wrong],
  );
}

/** On a wrong tile: opens what there is to see of why. */
function Why({ask}: {ask: () => void}) {
  return (
    <button
      type="button"
      class="icon why"
      tabIndex={-1}
      aria-label="Why is it wrong?"
      title="Why is it wrong? (W)"
      onClick={() => {
        ask();
        change({why: true});
      }}
    >
      ?
    </button>
  );
}

/** Whether the picture is higher than its place lets it be wide. */
function tall({width, height}: Sample): boolean {
  return width > 0 && width / height < NARROWEST;
}

/** What the tiles are sorted by. */
function Badge({group, cast, index}: {group: Group; cast: Cast; index: number}) {
  const words = useArrived(
    () => rankWords(group, cast, index),
    (reading) => [reading],
  );
  return words === null ? null : <span class="mark rank">{words}</span>;
}

interface BeliefProps {
  group: Group;
  index: number;
  at: number;
  target: number | undefined;
}

/** How far the map can be believed: the first of its numbers, in no colour, since one map is no mean. */
function BeliefBadge({group, index, at, target}: BeliefProps) {
  const name = badgeOf(group);
  const value = name === null ? null : numberAt(group, name, index, at, target);
  if (name === null || value === null) return null;
  return (
    <span class="mark belief-of" title={`${measureName(name)} of this map`} data-testid="belief">
      {measured(name, value)}
      <span class="hidden"> {measureName(name)}</span>
    </span>
  );
}

function nameOf({run}: Group, sample: Sample, index: number, fixed?: number | null): string {
  return `${sampleName(sample, index)}, ${run}${fixed == null ? "" : `, step ${shown(fixed)}`}`;
}

/** Makes the tile one of the two that are compared closely; says which of them it is. */
function Pick({spec}: {spec: string}) {
  const {a, b} = settings.value;
  const side = spec === a ? "A" : spec === b ? "B" : null;
  const label = side ? `This is ${side} in A / B: remove it` : `Compare closely as ${a && !b ? "B" : "A"}`;
  return (
    <button
      type="button"
      class="icon pick"
      tabIndex={-1}
      data-testid="pick"
      aria-label={label}
      title={label}
      aria-pressed={side !== null}
      onClick={() => pick(spec)}
    >
      {side ?? (a && !b ? "B" : "A")}
    </button>
  );
}

/** Whether just this is the sample in focus: the same sample may stand in many cells. */
export function isFocused(group: Group, index: number, fixed?: number | null): boolean {
  const same = group.maps?.layer === layer.value && group.maps.method === method.value;
  return focusKey.value === keyOf(group, index) && (same || !group.maps) && (fixed == null || fixed === step.value);
}

/** Look closer, at what the tile shows: the page's layer, method and step follow it. */
function focus(group: Group, index: number, fixed?: number | null): void {
  change({focus: keyOf(group, index)});
  if (group.maps && group.maps.layer !== layer.value) change({layer: group.maps.layer});
  if (group.maps && group.maps.method !== method.value) change({method: group.maps.method});
  if (fixed != null) goTo(fixed);
}

/** Keeps a tile at its step, whatever the scrubber says. */
function Lock({name}: {name: string}) {
  const at = locks.value.get(name);
  const locked = at !== undefined;
  return (
    <IconButton
      class="lock"
      tabIndex={-1}
      label={locked ? `Locked to step ${shown(at)}: unlock` : "Lock to this step"}
      path={locked ? LOCKED : OPEN}
      pressed={locked}
      onClick={() => toggleLock(name, step.peek())}
    />
  );
}

/** Have a sample's map fetched while the component is there. */
export function useLookingAt(group: Group, sample: number, step: number): void {
  const who = useRef({}).current;
  useLayoutEffect(() => lookAt(who, {group, samples: [sample], step}), [group, sample, step]);
  useLayoutEffect(() => () => lookAt(who, null), []);
}
