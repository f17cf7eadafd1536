import {useEffect, useRef} from "preact/hooks";
import {nearestStep} from "../maths/steps";
import {WHOLE} from "../maths/placement";
import {currentLimits, mapOf, seriesOf, shownStep} from "../state/maps";
import {thinned} from "../state/measure";
import {arrivals, goTo, type Group, images, look, renderer, steps} from "../state/store";
import type {Sample} from "../types";
import {shown} from "../maths/numbers";

const FRAMES = 12;
const SIDE = 112; // pixels of a frame's canvas, twice what it takes on the page

/** The sample at steps from the first to the last; the frame nearest to the scrubber's step is marked. */
export function Filmstrip({group, sample, index}: {group: Group; sample: Sample; index: number}) {
  arrivals.value;
  const axis = thinned([...(seriesOf(group, index)?.steps ?? steps.value)], FRAMES);
  const current = nearestStep(axis, shownStep(group, index));
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const frame = strip.current?.children[current] as HTMLElement | undefined;
    const middle = frame && frame.offsetLeft + frame.offsetWidth / 2 - strip.current!.clientWidth / 2;
    if (middle !== undefined) strip.current?.scrollTo({left: middle});
  }, [current]);
  return (
    <div class="strip" ref={strip} data-testid="filmstrip">
      {axis.map((at, place) => (
        <button
          key={at}
          type="button"
          aria-label={`Step ${shown(at)}`}
          aria-current={place === current ? "step" : undefined}
          onClick={() => goTo(at)}
        >
          <Frame group={group} sample={sample} index={index} at={at} />
          <span>{shown(at)}</span>
        </button>
      ))}
    </div>
  );
}

function Frame({group, sample, index, at}: {group: Group; sample: Sample; index: number; at: number}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  arrivals.value;
  const found = mapOf(group, index, at);
  const image = images.get(group.run, sample.image);
  useEffect(() => {
    const limits = found ? currentLimits(found, group, index) : {low: 0, high: 0};
    if (canvas.current) renderer.draw(canvas.current, image, found?.map ?? null, look.value, limits, WHOLE);
  });
  return (
    <canvas
      ref={canvas}
      width={SIDE}
      height={SIDE}
      data-step={found?.map.step}
      class={found?.map.step === at ? "" : "waits"}
    />
  );
}
