import {useEffect, useMemo, useRef} from "preact/hooks";
import {cssGradient} from "../maths/colors";
import {DIFFERENCE_LIMITS} from "../maths/compare";
import {differenceOf, lookOfDifference} from "../state/difference";
import {currentLimits} from "../state/maps";
import {sampleOf} from "../state/samples";
import {dark, images, look, renderer} from "../state/store";
import {viewport} from "../state/zoom";
import type {Limits, RawMap} from "../types";
import type {Shown} from "../state/remarks";
import {placeUnder} from "./Picture";

const PIXELS = 640; // at least, of the picture's width: cells' edges stay sharp

/** Mask A minus mask B over A's picture: blue where only B looks, red where only A does. */
export function Difference({a, b}: {a: Shown; b: Shown}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const own = a.found ? (sampleOf(a.found, a.index, a.sample) ?? a.sample) : a.sample;
  const image = images.get(a.group.run, own.image);
  const map = useDifference(a, b);
  const view = viewport.value;
  const drawn = useMemo(() => lookOfDifference(look.value), [look.value]);
  useEffect(() => {
    if (canvas.current) renderer.draw(canvas.current, image, map, drawn, DIFFERENCE_LIMITS, view);
  });
  const [width, height] = [a.sample.width || image?.width || 1, a.sample.height || image?.height || 1];
  const times = Math.ceil(PIXELS / width);
  return (
    <span class="picture" style={{"--ratio": `${width} / ${height}`}} {...placeUnder(view)}>
      <canvas
        ref={canvas}
        width={width * times}
        height={height * times}
        data-testid="difference"
        data-ready={map && images.state(a.group.run, own.image) !== "loading" ? "true" : "false"}
        data-theme={dark.value ? "dark" : "light"}
      />
      {a.sample.image !== b.sample.image && <span class="mark">A and B are different pictures; this is A's</span>}
    </span>
  );
}

/** The same object until one of the maps or its limits changes. */
function useDifference(a: Shown, b: Shown): RawMap | null {
  const [own, other] = [limitsOf(a), limitsOf(b)];
  return useMemo(() => differenceOf(a, b), [a.found?.map, b.found?.map, own?.low, own?.high, other?.low, other?.high]);
}

function limitsOf({found, group, index}: Shown): Limits | null {
  return found && currentLimits(found, group, index);
}

/** What the difference's colours mean. */
export function DifferenceBar() {
  return (
    <div class="difference-bar">
      <span>−1 only B</span>
      <div
        class="bar"
        role="img"
        aria-label="Colors from only B through no difference to only A"
        style={{background: cssGradient("diverging")}}
      />
      <span>only A +1</span>
    </div>
  );
}
