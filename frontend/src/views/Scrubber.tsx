import {signal} from "@preact/signals";
import {useEffect, useRef, useState} from "preact/hooks";
import {type Flag, placeOn, stepUnder} from "../maths/ribbon";
import {nearestStep} from "../maths/steps";
import {shown} from "../maths/numbers";
import {flags, flagShown, numbersAt, type Row, rows} from "../state/ribbon";
import {change, colorOf, goBy, goTo, pointedStep, step, steps} from "../state/store";
import {Cut} from "./Cut";
import {FlagCard, ReadOut} from "./ReadOut";
import {Ribbon, rowHeight} from "./Ribbon";
import {useScreenWidth} from "./screenWidth";

const USUAL = 800; // pixels of the track until it is measured
const NEAR = 6; // pixels from a flag's pole that are still the flag

/** Slides over step numbers, not over records; behind it is a ribbon of what the maps of each run did. */
export function Scrubber() {
  const track = useRef<HTMLDivElement>(null);
  const width = useScreenWidth(track, USUAL) / devicePixelRatio;
  const [keyed, setKeyed] = useState(false); // the slider has the keyboard: its numbers are shown as under a pointer
  const axis = steps.value;
  const [first, last] = [axis[0] ?? 0, axis.at(-1) ?? 0];
  const all = rows.value;
  useEffect(dropFlagAtNextMove, []);
  const pointed = pointedStep.value;
  const flag = flagShown.value;
  const read = flag ? null : hovered.value ? pointed : keyed ? step.value : null;
  return (
    <div class="scrubber" style={{"--rows": Math.max(all.length, 1)}}>
      <Names all={all} />
      <div
        ref={track}
        class="track"
        onPointerMove={(event) => pointAt(event, axis, all.length)}
        onPointerLeave={() => {
          hovered.value = false;
          pointedStep.value = null;
          flagShown.value = null;
        }}
      >
        <Ribbon all={all} axis={axis} width={width} />
        <input
          type="range"
          data-testid="scrubber"
          aria-label="Step"
          aria-valuetext={valueText(all, step.value)}
          min={first}
          max={Math.max(last, first + 1)}
          step="any"
          value={step.value}
          onFocus={(event) => setKeyed(event.currentTarget.matches(":focus-visible"))}
          onBlur={() => setKeyed(false)}
          onPointerDown={() => setKeyed(false)}
          onInput={(event) => {
            const flagged = hovered.peek() ? flagShown.peek() : null;
            if (flagged) toFlag(flagged);
            else if (axis.length > 1) goTo(axis[nearestStep(axis, event.currentTarget.valueAsNumber)]!);
          }}
          onKeyDown={(event) => {
            const by = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1}[event.key];
            setKeyed(event.key !== "Escape");
            if (by === undefined) return;
            event.preventDefault(); // the browser's own step is a fraction of the axis
            goBy(by);
          }}
        />
        {read !== null && <ReadOut all={all} at={read} left={placeOn(axis, width)(read)} width={width} />}
        {flag && <FlagCard flag={flag} all={all} left={placeOn(axis, width)(flag.step)} width={width} />}
      </div>
      <Numbers all={all} />
    </div>
  );
}

/** The pointer is over the ribbon, and not over a chart that points at the same step. */
const hovered = signal(false);

/** Go to where it changed; to the last step too, without following the run. */
function toFlag(flag: Flag): void {
  change({step: flag.step});
}

/** A card that a key brought goes with the next thing that is done. */
function dropFlagAtNextMove(): () => void {
  const drop = (event: Event) => {
    const isKeyForFlags = event instanceof KeyboardEvent && ["<", ">", "Shift"].includes(event.key);
    if (!hovered.peek() && !isKeyForFlags) flagShown.value = null;
  };
  document.addEventListener("pointerdown", drop, true);
  document.addEventListener("keydown", drop, true);
  return () => {
    document.removeEventListener("pointerdown", drop, true);
    document.removeEventListener("keydown", drop, true);
  };
}

function pointAt(event: PointerEvent & {currentTarget: HTMLElement}, axis: Float64Array, count: number): void {
  const {left, top, width, height} = event.currentTarget.getBoundingClientRect();
  const [x, y] = [event.clientX - left, event.clientY - top];
  if (y > height + 1 || !axis.length) return; // over a card that hangs below
  hovered.value = true;
  pointedStep.value = axis[nearestStep(axis, stepUnder(axis, width, x))] ?? null;
  const place = placeOn(axis, width);
  const row = Math.min(Math.floor(y / rowHeight(count)), count - 1);
  const near = flags.peek().filter((flag) => Math.abs(place(flag.step) - x) <= NEAR);
  const found = near.find((flag) => flag.row === row) ?? (near.length === 1 ? near[0]! : null);
  if (found?.step !== flagShown.peek()?.step || found?.run !== flagShown.peek()?.run) flagShown.value = found;
}

/** All that the ribbon shows at a step, for who does not see it. */
function valueText(all: readonly Row[], at: number): string {
  const words = all.flatMap((row) => {
    const numbers = numbersAt(row, at);
    if (!numbers) return [];
    const changed = flags.value.some((flag) => flag.run === row.run && flag.step === at);
    const parts = [
      numbers.inside === null ? "" : `${shown(numbers.inside)} inside the region`,
      numbers.moved === null ? "" : `attention moved ${shown(numbers.moved)}`,
      changed ? "changed here" : "",
    ].filter(Boolean);
    return parts.length ? [`${row.run}: ${parts.join(", ")}`] : [];
  });
  return [`step ${at}`, ...words].join("; ");
}

/** The runs' names, which are the ribbon's legend, and what it shows of them. */
function Names({all}: {all: readonly Row[]}) {
  const kinds = new Set(all.filter(({timeline}) => timeline).map(({isInside}) => isInside));
  const note = kinds.size === 2 ? "inside, or moved" : kinds.has(true) ? "inside region" : "moved";
  return (
    <div class="names" aria-hidden="true">
      {all.map(({run}) => (
        <span key={run} class="of-run" title={run}>
          <span class="dot" style={{background: colorOf(run)}} />
          <Cut name={run} />
        </span>
      ))}
      <span class="axis-note">{kinds.size ? note : ""}</span>
    </div>
  );
}

/** Each run's number at the shown step, or at the one that is pointed at. */
function Numbers({all}: {all: readonly Row[]}) {
  const at = pointedStep.value ?? step.value;
  return (
    <div class="numbers" aria-hidden="true">
      {all.map((row) => {
        const numbers = numbersAt(row, at);
        const value = numbers && (row.isInside ? numbers.inside : numbers.moved);
        return (
          <span key={row.run} class="of-run">
            {value == null ? "" : value.toFixed(2)}
          </span>
        );
      })}
    </div>
  );
}
