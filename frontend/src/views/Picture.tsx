import type {ComponentChildren} from "preact";
import {useLayoutEffect, useRef} from "preact/hooks";
import type {Found} from "../api/loader";
import {currentLimits, drawnOf, mapOf, shownStep} from "../state/maps";
import {change, dark, type Group, images, look, probe, renderer, settings} from "../state/store";
import {viewport} from "../state/zoom";
import type {Sample, Viewport} from "../types";
import {sharpSize} from "../maths/placement";
import {Marks} from "./Marks";
import {useScreenWidth} from "./screenWidth";
import {useArrived} from "./arrived";
import {remarksOn, type Shown} from "../state/remarks";
import {sampleOf} from "../state/samples";
import {sliceOf} from "./Slices";

interface Props {
  group: Group;
  sample: Sample;
  index: number;
  at?: number; // the step; else the scrubber's, or the one that the sample is locked to
  large?: boolean;
  children?: ComponentChildren; // over it
}

const LARGE = 640; // pixels of the page that the picture in focus takes, until that is known

/** A sample's picture under its map at the step, in whole multiples of the picture's size; the page does the rest. */
export function Picture({group, sample, index, at = shownStep(group, index), large = false, children}: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const {found, image, pictured, limits, said, own} = useArrived(() => readingOf({group, sample, index, at}), valuesOf);
  renderer.losses.value;
  const view = viewport.value;
  const size = sizeOf(own, image, found);
  const frame = useRef<HTMLSpanElement>(null);
  const across = useScreenWidth(frame, large ? LARGE : settings.peek().tileSize);
  const drawn = sharpSize(size, across, large || view.zoom > 1 || look.value.mode === "contour");
  const slice = sliceOf(sample, found?.map);
  const pen = across ? (drawn.width * devicePixelRatio) / across : 1;
  useLayoutEffect(() => {
    const map = said.waits ? null : (found?.map ?? null); // drawn once, over its picture
    if (canvas.current) renderer.draw(canvas.current, image, map, look.value, limits ?? NO_LIMITS, view, pen);
  });
  return (
    <span
      ref={frame}
      class={said.waits ? "picture waits" : "picture"}
      style={{"--ratio": `${size.width} / ${size.height}`}}
      data-slice={slice?.index}
      data-slices={slice?.count}
      {...placeUnder(view, large)}
    >
      <canvas
        ref={canvas}
        width={drawn.width}
        height={drawn.height}
        data-testid={large ? "focus-canvas" : "tile-canvas"}
        data-run={group.run}
        data-tag={group.tag}
        data-layer={group.maps?.layer}
        data-method={group.maps?.method}
        data-sample={index}
        data-step={found ? found.map.step : ""}
        data-ready={pictured && found ? "true" : "false"}
        data-theme={dark.value ? "dark" : "light"}
      />
      <Marks group={group} sample={own} index={index} found={found} limits={limits} view={view} at={at} large={large} />
      {children}
      {slice && (
        <span class="mark slice" data-testid="slice">
          {slice.index + 1} / {slice.count}
        </span>
      )}
      {said.words && (
        <span class={said.bare ? "mark failed" : "mark"} title={[said.fully, said.advice].filter(Boolean).join(": ")}>
          <span data-testid="said">{large ? [said.fully, said.advice].filter(Boolean).join(": ") : said.words}</span>
          {!large && said.fully !== said.words && <span class="hidden">: {said.fully}</span>}
        </span>
      )}
    </span>
  );
}

const NO_LIMITS = {low: 0, high: 0};

/** All that is drawn and may arrive. */
function readingOf(tile: Omit<Shown, "found">) {
  const {group, sample, index, at} = tile;
  const found = drawnOf(mapOf(group, index, at));
  const own = found ? sampleOf(found, index, sample) : sample;
  const said = remarksOn({...tile, sample: own ?? sample, found});
  return {
    found,
    own: own ?? sample,
    image: own && images.get(group.run, own.image),
    pictured: own !== null && images.state(group.run, own.image) !== "loading", // or there will be no picture
    limits: found && currentLimits(found, group, index),
    said: own ? said : {...said, waits: true},
  };
}

function valuesOf({found, own, image, pictured, limits, said}: ReturnType<typeof readingOf>): readonly unknown[] {
  return [found?.map, own, image, pictured, limits?.low, limits?.high, ...Object.values(said)];
}

function sizeOf(sample: Sample, image: ImageBitmap | null, found: Found | null): {width: number; height: number} {
  return {
    width: sample.width || image?.width || (found?.map.columns ?? 1) * 32,
    height: sample.height || image?.height || (found?.map.rows ?? 1) * 32,
  };
}

/** Handlers of a picture that is pointed at: the place is read off all of them, and pinned by a click where it pins. */
export function placeUnder(view: Viewport, pins = true) {
  type On = PointerEvent & {currentTarget: HTMLElement};
  return {
    onPointerMove: (event: On) => {
      probe.value = placeOf(event, view);
    },
    onPointerLeave: () => {
      probe.value = null;
    },
    onClick: (event: MouseEvent & {currentTarget: HTMLElement}) => {
      if (pins) pinAt(event, view);
    },
  };
}

/** Where in the picture the pointer is. */
function placeOf(event: MouseEvent & {currentTarget: HTMLElement}, view: Viewport): {x: number; y: number} {
  const {left, top, width, height} = event.currentTarget.getBoundingClientRect();
  const inside = (value: number) => Math.min(Math.max(value, 0), 0.99999);
  return {
    x: inside(view.x + ((event.clientX - left) / width - 0.5) / view.zoom),
    y: inside(view.y + ((event.clientY - top) / height - 0.5) / view.zoom),
  };
}

function pinAt(event: MouseEvent & {currentTarget: HTMLElement}, view: Viewport): void {
  const {x, y} = placeOf(event, view);
  change({pin: `${x.toFixed(4)},${y.toFixed(4)}`});
}
