import {useEffect, useRef} from "preact/hooks";
import type {Found} from "../api/loader";
import {framesOf} from "../maths/frames";
import {compact, shown} from "../maths/numbers";
import {nearestStep} from "../maths/steps";
import {WHOLE} from "../maths/placement";
import {currentLimits, drawnOf, explainedOver, mapOf, seriesOf, shownStep} from "../state/maps";
import {entriesOver} from "../state/measure";
import {sampleOf} from "../state/samples";
import {arrivals, goTo, type Group, images, look, renderer, steps} from "../state/store";
import type {Sample} from "../types";
import {useScreenWidth} from "./screenWidth";

const SIDE = 42; // pixels of the page
const GAP = 4;
const ROWS = 2;
const WIDTH = 420; // of the strip, until it is known

/** The sample at steps from the first to the last, as many as two rows hold; the one that is shown is marked. */
export function Filmstrip({group, sample, index}: {group: Group; sample: Sample; index: number}) {
  arrivals.value;
  const strip = useRef<HTMLDivElement>(null);
  const width = useScreenWidth(strip, WIDTH) / devicePixelRatio;
  const series = seriesOf(group, index);
  const axis = series
    ? entriesOver(series, index, explainedOver(group, index)).map(({step}) => step)
    : [...steps.value];
  const at = shownStep(group, index);
  const most = ROWS * Math.max(Math.floor((width + GAP) / (SIDE + GAP)), 3);
  const frames = framesOf(axis, at, most);
  const current = nearestStep(frames, at);
  return (
    <div class="strip" ref={strip} data-testid="filmstrip">
      {frames.map((step, place) => (
        <button
          key={step}
          type="button"
          aria-label={`Step ${shown(step)}`}
          aria-current={place === current ? "step" : undefined}
          onClick={() => goTo(step)}
        >
          <Frame group={group} sample={sample} index={index} at={step} />
          <span>{compact(step)}</span>
        </button>
      ))}
    </div>
  );
}

function Frame({group, sample, index, at}: {group: Group; sample: Sample; index: number; at: number}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  arrivals.value;
  renderer.losses.value;
  const found = drawnOf(mapOf(group, index, at));
  const own = found ? sampleOf(found, index, sample) : sample;
  const image = own && images.get(group.run, own.image);
  useEffect(() => draw(canvas.current, group, index, image, found));
  const side = Math.round(SIDE * devicePixelRatio);
  return (
    <canvas
      ref={canvas}
      width={side}
      height={side}
      data-step={found?.map.step}
      class={found?.map.step === at && own && images.state(group.run, own.image) !== "loading" ? "" : "waits"}
    />
  );
}

function draw(
  canvas: HTMLCanvasElement | null,
  group: Group,
  index: number,
  image: ImageBitmap | null,
  found: Found | null,
): void {
  const limits = found ? currentLimits(found, group, index) : {low: 0, high: 0};
  if (canvas) renderer.draw(canvas, image, found?.map ?? null, look.value, limits, WHOLE, devicePixelRatio);
}
