import {useLayoutEffect, useRef} from "preact/hooks";
import {WHOLE} from "../gpu/renderer";
import {flaw, limitsOf, limitsOfSeries} from "../maths/limits";
import {arrivals, dark, type Group, images, loader, look, renderer, seriesKey, step} from "../state/store";
import type {Limits, Look, Sample} from "../types";
import type {Found} from "../api/loader";
import {shown} from "./controls";

interface Props {
  group: Group;
  sample: Sample;
  index: number;
  large?: boolean;
}

/** A sample's picture under its map at the step, at the picture's own size; the page scales it. */
export function Picture({group, sample, index, large = false}: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const key = seriesKey(group);
  arrivals.value; // draw again when something came
  const at = step.value;
  const found = key && loader.mapAt(key, index, at);
  const image = images.get(group.run, sample.image);
  const failed = images.state(group.run, sample.image) === "failed";
  const width = sample.width || image?.width || (found?.map.columns ?? 1) * 32;
  const height = sample.height || image?.height || (found?.map.rows ?? 1) * 32;
  // Before the page is painted: an effect would come a frame later.
  useLayoutEffect(() => {
    const limits = found ? limitsFor(found, look.value, key && loader.seriesOf(key, index), index) : {low: 0, high: 0};
    if (canvas.current) renderer.draw(canvas.current, image, found?.map ?? null, look.value, limits, WHOLE);
  });
  return (
    <span class="picture" style={{"--ratio": `${width} / ${height}`}}>
      <canvas
        ref={canvas}
        width={width}
        height={height}
        data-testid={large ? "focus-canvas" : "tile-canvas"}
        data-run={group.run}
        data-tag={group.tag}
        data-layer={group.maps?.layer}
        data-sample={index}
        data-step={found ? found.map.step : ""}
        data-ready={image && found ? "true" : "false"}
        data-theme={dark.value ? "dark" : "light"}
      />
      {look.value.groundTruth && <Boxes sample={sample} />}
      {markOf(found, failed, at) && <span class="mark">{markOf(found, failed, at)}</span>}
    </span>
  );
}

/** Raw values of mask 0 and 1 under the chosen scale. */
export function limitsFor({map, series}: Found, {scale}: Look, whole: Found["series"] | null, sample: number): Limits {
  if (scale === "map") return limitsOf(map);
  return limitsOfSeries(whole ?? series, scale === "sample" ? sample : undefined);
}

function Boxes({sample}: {sample: Sample}) {
  if (!sample.boxes.length) return null;
  return (
    <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-label="Ground truth">
      {sample.boxes.map(({x0, y0, x1, y1}) => (
        <rect key={`${x0},${y0}`} x={x0} y={y0} width={x1 - x0} height={y1 - y0} />
      ))}
    </svg>
  );
}

function markOf(found: Found | null, failed: boolean, at: number): string {
  if (failed) return "picture missing";
  if (!found) return "";
  const said = flaw(found.map);
  if (said) return said;
  return found.map.step === at ? "" : `${shown(found.map.step)} for ${shown(at)}`;
}
