import {useEffect} from "preact/hooks";
import {nearestStep} from "../maths/steps";
import {isHidden} from "../state/host";
import {
  arrivals,
  change,
  dialog,
  following,
  goBy,
  goTo,
  goToFirst,
  groups,
  lastStep,
  message,
  playing,
  predictionsOf,
  settings,
  step,
} from "../state/store";
import {IconButton, NumberBox} from "./controls";
import {shown} from "../maths/numbers";
import {KEYS} from "./icons";
import {Scrubber} from "./Scrubber";

const ICONS = {
  previous: "M15 5v14l-9-7z M5 5h1.6v14H5z",
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7z M13 5h4v14h-4z",
  next: "M9 5v14l9-7z M17.4 5H19v14h-1.6z",
  loop: "M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z",
};
const SPEEDS = [1, 2, 5, 10, 20, 30];

/** The tab's main control: which step everything is shown at. */
export function TopBar() {
  usePlayback();
  return (
    <header class="top">
      <h1 class="hidden">Grad-CAM</h1>
      <Transport />
      <Scrubber />
      <StepBox />
      <IconButton
        label="Keyboard"
        path={KEYS}
        onClick={() => {
          dialog.value = "keys";
        }}
      />
      <div class="hidden" aria-live="polite" data-testid="live">
        {playing.value ? "" : `Step ${shown(step.value)}`}
      </div>
      <div class="hidden" aria-live="polite">
        {message.value}
      </div>
    </header>
  );
}

function Transport() {
  const {loop, speed} = settings.value;
  const options = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
  return (
    <div class="transport">
      <IconButton label="Previous step" path={ICONS.previous} onClick={() => goBy(-1)} />
      <button
        type="button"
        class="icon play"
        data-testid="play"
        aria-label={playing.value ? "Pause" : "Play"}
        onClick={() => {
          playing.value = !playing.value;
        }}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d={playing.value ? ICONS.pause : ICONS.play} />
        </svg>
      </button>
      <IconButton label="Next step" path={ICONS.next} onClick={() => goBy(1)} />
      <select
        class="speed"
        aria-label="Speed, steps per second"
        title="Steps per second"
        value={String(speed)}
        onChange={(event) => change({speed: Number(event.currentTarget.value)})}
      >
        {options.map((option) => (
          <option key={option} value={String(option)}>
            {option}/s
          </option>
        ))}
      </select>
      <IconButton label="Loop" path={ICONS.loop} pressed={loop} onClick={() => change({loop: !loop})} />
    </div>
  );
}

function StepBox() {
  const {epoch, time} = when();
  return (
    <div class="step">
      <label for="step">Step</label>
      <NumberBox id="step" class="number" data-testid="step-input" value={step.value} onNumber={goTo} />
      <span class="when">
        <span>
          <span>of {shown(lastStep.value)}</span>
          {following.value && (
            <span class="also" title="New steps appear as they are written">
              latest
            </span>
          )}
          {epoch && <span class="also">{epoch}</span>}
        </span>
        <time data-testid="wall-time">{time}</time>
      </span>
    </div>
  );
}

const TIME = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"});

/** Epoch and wall time of the step: of the first run that has it, else of the nearest step of the first. */
function when(): {epoch: string; time: string} {
  arrivals.value;
  const all = groups.value.map((group) => predictionsOf(group)).filter((said) => said?.steps.length);
  const rowOf = (said: (typeof all)[number]) => nearestStep(said?.steps ?? [], step.value);
  const said = all.find((one) => one?.steps[rowOf(one)] === step.value) ?? all[0];
  if (!said) return {epoch: "", time: ""};
  const epoch = said.epochs[rowOf(said)] ?? Number.NaN;
  return {
    epoch: Number.isFinite(epoch) ? `epoch ${Number(epoch.toFixed(1))}` : "",
    time: TIME.format(1000 * (said.wallTimes[rowOf(said)] ?? 0)),
  };
}

/** Step on while playing; a hidden frame has no height, goes on running, and must rest. */
function usePlayback(): void {
  const on = playing.value;
  const {speed, loop} = settings.value;
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => {
      if (isHidden()) playing.value = false;
      else if (step.value < lastStep.value) goBy(1);
      else if (loop) goToFirst();
      else playing.value = false;
    }, 1000 / speed);
    return () => clearInterval(timer);
  }, [on, speed, loop]);
}
