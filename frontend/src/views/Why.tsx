import type {ComponentChildren} from "preact";
import {useEffect, useMemo, useRef} from "preact/hooks";
import {dimToGray} from "../maths/compose";
import {shown} from "../maths/numbers";
import {placementOf, type Size, WHOLE} from "../maths/placement";
import {paintParts, type Part} from "../maths/twoMaps";
import {mapOf} from "../state/maps";
import {type Cast, className, type Mistake, sampleOf} from "../state/samples";
import {arrivals, goTo, type Group, images} from "../state/store";
import {LABEL, mapsOf, mapsText, partsOf, PREDICTION, storyOf} from "../state/why";
import {viewport} from "../state/zoom";
import type {Sample, Viewport} from "../types";
import {Cut} from "./Cut";
import {Marks} from "./Marks";

interface Props {
  group: Group;
  sample: Sample;
  index: number;
  at: number; // the step
  mistake: Mistake;
}

const MOST = 480; // pixels of a picture's longer side: maps have no more to show
const FRAMES = 5;

/** The photograph in grey under the label's map and the prediction's, in two colours. */
export function BothMaps({children, ...props}: Props & {children?: ComponentChildren}) {
  const {group, sample, index, at} = props;
  const view = viewport.value;
  return (
    <span class="picture" style={{"--ratio": `${sample.width || 1} / ${sample.height || 1}`}}>
      <Drawn {...props} view={view} />
      <Marks group={group} sample={sample} index={index} found={null} limits={null} view={view} at={at} large />
      {children}
    </span>
  );
}

function Drawn({group, sample, index, at, mistake, view = WHOLE}: Props & {view?: Viewport}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  arrivals.value;
  const maps = mapsOf(group, index, at, mistake);
  const parts = partsOf(group, index, maps);
  const found = maps.prediction ?? maps.label;
  const own = found ? sampleOf(found, index, sample) : sample;
  const image = own && images.get(group.run, own.image);
  const picture = useMemo(() => image && pictureOf(image, parts), [image, ...mapsText(parts)]);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !canvas.current) return;
    context.clearRect(0, 0, canvas.current.width, canvas.current.height);
    if (!picture) return;
    const {left, top, width, height} = placementOf(picture, canvas.current, view);
    context.drawImage(picture, left, top, width, height);
  }, [picture, view]);
  const {width, height} = picture ?? {width: 1, height: 1};
  return (
    <canvas
      ref={canvas}
      {...{width, height}}
      data-testid="both-maps"
      data-parts={parts.length}
      data-ready={picture ? "true" : "false"}
    />
  );
}

function pictureOf(image: ImageBitmap, parts: readonly Part[]): HTMLCanvasElement {
  const {width, height} = sizeOf(image);
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  const context = canvas.getContext("2d", {willReadFrequently: true})!;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  dimToGray(pixels.data);
  paintParts(pixels, parts);
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Large enough for smooth maps over small pictures, and no larger than can be seen. */
function sizeOf({width, height}: Size): Size {
  const scale = MOST / Math.max(width, height);
  return {width: Math.max(Math.round(width * scale), 1), height: Math.max(Math.round(height * scale), 1)};
}

/** Which colour is whose, and what is missing. */
export function Whose({group, index, at, mistake, cast}: Omit<Props, "sample"> & {cast: Cast}) {
  arrivals.value;
  const {label, prediction} = mistake;
  const names = {label: className(cast.cohort, label), prediction: className(cast.cohort, prediction)};
  const {label: ofLabel, prediction: ofPrediction} = mapsOf(group, index, at, mistake);
  const missing = [!ofPrediction && names.prediction, !ofLabel && names.label].filter((name) => name !== false);
  return (
    <div class="whose" data-testid="whose">
      {ofPrediction && <Key color={PREDICTION} name={names.prediction} what="predicted" />}
      {ofLabel && <Key color={LABEL} name={names.label} what="true" />}
      {ofPrediction && ofLabel && <Key color={[255, 255, 255]} name="both" what="" />}
      {missing.length > 0 && mapOf({...group, target: null}, index, at) && (
        <p class="missing">
          No map of {missing.join(" or ")} was logged at this step. To log the maps of both classes, give the probe{" "}
          <code>targets="both"</code>.
        </p>
      )}
    </div>
  );
}

function Key({color, name, what}: {color: readonly number[]; name: string; what: string}) {
  return (
    <span class="key">
      <i style={{background: `rgb(${color.join(" ")})`}} />
      {name} {what && <span class="what">{what}</span>}
    </span>
  );
}

/** Since when the prediction is what it is, and the steps around that one. */
export function Story({group, cast, sample, index, mistake}: Omit<Props, "at"> & {cast: Cast}) {
  arrivals.value;
  const story = storyOf(group, cast, sample, index, FRAMES);
  if (!story) return null;
  const now = className(cast.cohort, mistake.prediction);
  const {since, before, until} = story;
  return (
    <section class="story" aria-label="When it went wrong">
      <p data-testid="story">
        {before ? (
          <>
            The prediction became <b>{now}</b> at step <b>{shown(since)}</b>; at step {shown(before.step)} it was{" "}
            {before.name}
            {before.right ? ", which is right" : ", also wrong"}.
          </>
        ) : (
          <>
            The prediction has been <b>{now}</b> since the first step, {shown(since)}.
          </>
        )}
        {until && ` It changes to ${until.name} at step ${shown(until.step)}.`}
      </p>
      <div class="flip">
        {story.frames.map(({step, name, right, probability, flipped}) => (
          <button key={step} type="button" class={flipped && before ? "flipped" : ""} onClick={() => goTo(step)}>
            <span class="picture" style={{"--ratio": `${sample.width || 1} / ${sample.height || 1}`}}>
              <Drawn {...{group, sample, index, mistake}} at={step} />
            </span>
            <span class="at">
              <span class="hidden">Step </span>
              {shown(step)}
              <span class="hidden">, </span>
              {probability !== null && <span class="value">{probability.toFixed(2)}</span>}
            </span>
            <span class="predicted-there">
              <span class={right ? "right" : "wrong"}>
                <span aria-hidden="true">{right ? "✓" : "✗"}</span>
                <span class="hidden">{right ? "right: " : "wrong: "}</span>
              </span>
              <Cut name={name} />
            </span>
          </button>
        ))}
      </div>
    </section>
  );
}
