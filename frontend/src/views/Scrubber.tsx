import {useEffect, useRef} from "preact/hooks";
import {nearestStep} from "../maths/steps";
import {dark, goBy, goTo, step, steps} from "../state/store";

/** Slides over step numbers, not over records; the marks say where records are. */
export function Scrubber() {
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
const DENSE = 3; // pixels between ticks, below which they are lower

function drawTicks(canvas: HTMLCanvasElement, axis: Float64Array, at: number): void {
  const {clientWidth: width, clientHeight: height} = canvas;
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, {width: width * ratio, height: height * ratio});
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(document.documentElement);
  const span = Math.max((axis.at(-1) ?? 0) - (axis[0] ?? 0), 1);
  const place = (value: number) => THUMB / 2 + ((value - (axis[0] ?? 0)) / span) * (width - THUMB);
  const tall = width / axis.length < DENSE ? 3 : 5;
  context.scale(ratio, ratio);
  context.fillStyle = style.getPropertyValue("--track");
  context.fillRect(THUMB / 2, height / 2 - 1, width - THUMB, 2);
  context.fillStyle = style.getPropertyValue("--third");
  for (const value of axis) context.fillRect(Math.round(place(value)), height / 2 - tall, 1, 2 * tall);
  context.fillStyle = style.getPropertyValue("--accent");
  context.fillRect(THUMB / 2, height / 2 - 1.5, place(at) - THUMB / 2, 3);
}
