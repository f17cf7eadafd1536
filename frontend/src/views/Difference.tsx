import {useEffect, useMemo, useRef} from "preact/hooks";
import {cssGradient} from "../maths/colors";
import {difference, DIFFERENCE_LIMITS} from "../maths/compare";
import {currentLimits} from "../state/maps";
import {dark, images, look, renderer} from "../state/store";
import {viewport} from "../state/zoom";
import type {Limits, RawMap} from "../types";
import type {Shown} from "./said";
import {placeUnder} from "./Picture";

const PIXELS = 640; // at least, of the picture's width: cells' edges stay sharp

/** Mask A minus mask B over A's picture: blue where only B looks, red where only A does. */
export function Difference({a, b}: {a: Shown; b: Shown}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const image = images.get(a.group.run, a.sample.image);
  const map = useDifference(a, b);
  const view = viewport.value;
  const drawn = useMemo(
    () => ({
      ...look.value,
      mode: look.value.mode === "map" ? ("map" as const) : ("overlay" as const),
      threshold: 0,
      thresholdBy: "value" as const,
    }),
    [look.value],
  );
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
        data-ready={image && map ? "true" : "false"}
        data-theme={dark.value ? "dark" : "light"}
      />
      {a.sample.image !== b.sample.image && <span class="mark">A and B are different pictures; this is A's</span>}
    </span>
  );
}

/** The difference of both maps under the chosen scale; the same object until one of them changes. */
function useDifference(a: Shown, b: Shown): RawMap | null {
  const own = limitsOf(a);
  const other = limitsOf(b);
  return useMemo(
    () => (a.found && b.found && own && other ? difference(a.found.map, b.found.map, own, other) : null),
    [a.found?.map, b.found?.map, own?.low, own?.high, other?.low, other?.high],
  );
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
        aria-label="Colours from only B, over no difference, to only A"
        style={{background: cssGradient("diverging")}}
      />
      <span>only A +1</span>
    </div>
  );
}
