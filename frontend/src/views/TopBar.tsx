import {useEffect, useRef} from "preact/hooks";
import {nearestStep} from "../maths/steps";
import {dark, goBy, goTo, groups, lastStep, loader, playing, seriesKey, settings, step, steps} from "../state/store";
import {shown} from "./controls";

const ICONS = {
  previous: "M15 5v14l-9-7z M5 5h1.6v14H5z",
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7z M13 5h4v14h-4z",
  next: "M9 5v14l9-7z M17.4 5H19v14h-1.6z",
};

function Icon({path}: {path: string}) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

/** The tab's main control: which step everything is shown at. */
export function TopBar() {
  usePlayback();
  return (
    <header class="top">
      <div class="transport">
        <button type="button" class="icon" aria-label="Previous step" onClick={() => goBy(-1)}>
          <Icon path={ICONS.previous} />
        </button>
        <button
          type="button"
          class="icon play"
          data-testid="play"
          aria-label={playing.value ? "Pause" : "Play"}
          onClick={() => {
            playing.value = !playing.value;
          }}
        >
          <Icon path={playing.value ? ICONS.pause : ICONS.play} />
        </button>
        <button type="button" class="icon" aria-label="Next step" onClick={() => goBy(1)}>
          <Icon path={ICONS.next} />
        </button>
      </div>
      <Scrubber />
      <div class="step">
        <label for="step">Step</label>
        <input
          id="step"
          class="number"
          type="number"
          data-testid="step-input"
          value={step.value}
          onChange={(event) => {
            const typed = event.currentTarget.valueAsNumber;
            if (Number.isFinite(typed)) goTo(typed);
            event.currentTarget.value = String(step.value);
          }}
        />
        <span>of {shown(lastStep.value)}</span>
        <span>{epochText()}</span>
      </div>
      <div class="hidden" aria-live="polite">
        {playing.value ? "" : `Step ${shown(step.value)}`}
      </div>
    </header>
  );
}

/** Slides over step numbers, not over records; the marks say where records are. */
function Scrubber() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const axis = steps.value;
  const [first, last] = [axis[0] ?? 0, axis.at(-1) ?? 0];
  useEffect(() => {
    const draw = () => canvas.current && drawTicks(canvas.current, axis, step.value);
    draw();
    const observer = new ResizeObserver(draw);
    if (canvas.current) observer.observe(canvas.current);
    return () => observer.disconnect();
  }, [axis, step.value, dark.value]);
  return (
    <div class="scrubber">
      <canvas ref={canvas} />
      <input
        type="range"
        data-testid="scrubber"
        aria-label="Step"
        aria-valuetext={`step ${step.value}`}
        min={first}
        max={Math.max(last, first + 1)}
        step="any"
        value={step.value}
        onInput={(event) => goTo(axis[nearestStep(axis, event.currentTarget.valueAsNumber)] ?? 0)}
        onKeyDown={(event) => {
          const by = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1}[event.key];
          if (by === undefined) return;
          event.preventDefault(); // the browser's own step is a fraction of the axis
          goBy(by);
        }}
      />
    </div>
  );
}

const THUMB = 14; // pixels

function drawTicks(canvas: HTMLCanvasElement, axis: Float64Array, at: number): void {
  const {clientWidth: width, clientHeight: height} = canvas;
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, {width: width * ratio, height: height * ratio});
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(document.documentElement);
  const span = Math.max((axis.at(-1) ?? 0) - (axis[0] ?? 0), 1);
  const place = (value: number) => THUMB / 2 + ((value - (axis[0] ?? 0)) / span) * (width - THUMB);
  context.scale(ratio, ratio);
  context.fillStyle = style.getPropertyValue("--line");
  context.fillRect(THUMB / 2, height / 2 - 1, width - THUMB, 2);
  context.fillStyle = style.getPropertyValue("--third");
  for (const value of axis) context.fillRect(Math.round(place(value)), height / 2 - 5, 1, 10);
  context.fillStyle = style.getPropertyValue("--accent");
  context.fillRect(THUMB / 2, height / 2 - 1, place(at) - THUMB / 2, 2);
}

function epochText(): string {
  for (const group of groups.value) {
    const key = seriesKey(group);
    const said = key && loader.predictions(group.run, group.tag);
    const epoch = said?.epochs[nearestStep(said.steps, step.value)];
    if (epoch !== undefined && Number.isFinite(epoch)) return `· epoch ${Number(epoch.toFixed(1))}`;
  }
  return "";
}

/** Step on while playing; a hidden frame has no height, goes on running, and must rest. */
function usePlayback(): void {
  const on = playing.value;
  const {speed, loop} = settings.value;
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => {
      if (window.innerHeight === 0) playing.value = false;
      else if (step.value < lastStep.value) goBy(1);
      else if (loop) goTo(steps.value[0] ?? 0);
      else playing.value = false;
    }, 1000 / speed);
    return () => clearInterval(timer);
  }, [on, speed, loop]);
}
