import type {ComponentChildren} from "preact";
import {useEffect, useMemo, useRef} from "preact/hooks";
import {currentLimits, mapOf, shownStep} from "../state/maps";
import {specFrom} from "../state/spec";
import {twinsOf} from "../state/twins";
import {
  arrivals,
  change,
  colorOf,
  focusKey,
  type Group,
  groups,
  images,
  look,
  openedByKey,
  pin,
  probe,
  renderer,
  settings,
} from "../state/store";
import {cellAt, peak, type Place} from "../maths/metrics";
import type {RawMap, Sample} from "../types";
import {IconButton, NumberBox} from "./controls";
import {shown} from "../maths/numbers";
import {Belief} from "./Belief";
import {Curves} from "./Curves";
import {FocusExports} from "./Exports";
import {Facts} from "./Facts";
import {Filmstrip} from "./Filmstrip";
import {CLOSE} from "./icons";
import {readingAt} from "./Marks";
import {sampleName} from "../state/names";
import {middleOf, pinned} from "./pinning";
import {Picture} from "./Picture";
import {Planes} from "./Planes";
import {Slices} from "./Slices";
import {type Cast, castAt, className, isRight, mistakeOf, type Said, sampleOf, saidOf} from "../state/samples";
import {viewport} from "../state/zoom";
import {WHOLE} from "../maths/placement";
import {closeFocus} from "./shortcuts";
import {hasTask, TaskVerdict} from "./TaskVerdict";
import {useLookingAt} from "./Tile";
import {Trail, TrailKey, useTrail} from "./Trail";
import {BothMaps, Story, Whose} from "./Why";

/** One sample, large, with what was logged of it. */
export function Focus() {
  arrivals.value;
  const spec = specFrom(focusKey.value);
  const group = groups.value.find(({run, tag}) => run === spec?.run && tag === spec.tag);
  if (!spec || !group) return null;
  const cast = castAt(group, shownStep(group, spec.sample));
  const found = mapOf(group, spec.sample, shownStep(group, spec.sample));
  const sample = cast?.cohort.samples[spec.sample] ?? (found && sampleOf(found, spec.sample, null));
  return cast && sample ? <Panel group={group} cast={cast} sample={sample} index={spec.sample} /> : null;
}

interface Props {
  group: Group;
  cast: Cast;
  sample: Sample;
  index: number;
}

function Panel({group, cast, sample, index}: Props) {
  const at = shownStep(group, index);
  const found = mapOf(group, index, at);
  const said = saidOf(cast, index);
  const twins = twinsOf(group.tag, sample, {group, index});
  const panel = useRef<HTMLElement>(null);
  const {full, focusWidth, trail, why} = settings.value;
  const stops = useTrail(group, index);
  const mistake = mistakeOf(sample, said);
  const way = trail && stops && stops.length > 1 && (
    <>
      <Trail stops={stops} at={at} ratio={ratioOf(sample)} view={viewport.value} />
      {ratioOf(sample) > NARROW && <TrailKey stops={stops} />}
    </>
  );
  const what = {group, sample, index, at};
  useEffect(() => {
    if (openedByKey.value) panel.current?.focus();
    openedByKey.value = false;
  }, [openedByKey.value]);
  return (
    <aside
      ref={panel}
      class={full ? "focus full" : "focus"}
      tabIndex={-1}
      aria-label="The sample in focus"
      style={{"--focus": `${focusWidth}px`}}
    >
      {twins.map((twin) => (
        <Looking key={twin.group.run} {...twin} at={at} />
      ))}
      {!full && <Edge />}
      <div class="title">
        <span class="dot" style={{background: colorOf(group.run)}} />
        <h2 title={sampleName(sample, index)}>{sampleName(sample, index)}</h2>
        <span class="meta">
          {group.run}, step {shown(at)}
        </span>
        <FocusExports group={group} cast={cast} sample={sample} index={index} />
        <IconButton
          label={full ? "Leave the full window" : "Fill the window"}
          path={full ? LESS : FULL}
          onClick={() => change({full: !full})}
        />
        <IconButton label="Close" path={CLOSE} onClick={closeFocus} />
      </div>
      <div class="pictures">
        {why && mistake ? (
          <BothMaps {...what} mistake={mistake}>
            {way}
          </BothMaps>
        ) : (
          <Picture {...what} large>
            {way}
          </Picture>
        )}
        {!full &&
          (found?.map.slice ? (
            <Planes run={group.run} sample={sample} found={found} limits={currentLimits(found, group, index)} />
          ) : (
            <div class="beside">
              <Photograph run={group.run} sample={sample} name="photograph" />
              {stops && stops.length > 1 && (
                <Photograph run={group.run} sample={sample} name="trail" dimmed>
                  <Trail stops={stops} at={at} ratio={ratioOf(sample)} view={WHOLE} />
                  {hasRoom(ratioOf(sample)) && <TrailKey stops={stops} />}
                </Photograph>
              )}
            </div>
          ))}
      </div>
      <Slices group={group} sample={sample} index={index} at={at} />
      <div class="under-picture">
        {why && mistake ? <Whose {...what} mistake={mistake} cast={cast} /> : <Reading map={found?.map ?? null} />}
        <Switch
          on={trail}
          letter="T"
          name="Trail"
          what="The path of the evidence's center over the steps"
          set={(on) => change({trail: on})}
        />
        {mistake && (
          <Switch
            on={why}
            letter="W"
            name="Why wrong?"
            what="Compare the maps of the label and the prediction, and see when the prediction went wrong"
            set={(on) => change({why: on})}
          />
        )}
      </div>
      {why && mistake && <Story {...what} mistake={mistake} cast={cast} />}
      <Filmstrip group={group} sample={sample} index={index} />
      {!full && (
        <>
          {hasTask(cast, said) ? (
            <section class="outcome" aria-label="Verdict">
              <TaskVerdict cast={cast} sample={sample} said={said} explained={found?.map.target ?? -1} />
            </section>
          ) : (
            <Outcome cast={cast} sample={sample} said={said} />
          )}
          <Curves twins={twins} sample={sample} cast={cast} />
          <Belief group={group} index={index} target={found?.map.target} />
          <Facts group={group} cast={cast} sample={sample} index={index} found={found} />
        </>
      )}
    </aside>
  );
}

const FULL = "M4 4h6v2H6v4H4zm10 0h6v6h-2V6h-4zM4 14h2v4h4v2H4zm14 0h2v6h-6v-2h4z";
const LESS = "M8 4h2v6H4V8h4zm6 0h2v4h4v2h-6zM4 14h6v6H8v-4H4zm10 0h6v2h-4v4h-2z";

const LEAST = 320; // pixels of the panel
const MOST = 1000;
const PRESS = 20; // pixels of an arrow key

/** The panel's edge, to be dragged or moved by the arrow keys. */
function Edge() {
  const {focusWidth} = settings.value;
  const widen = (width: number) => change({focusWidth: Math.round(Math.min(Math.max(width, LEAST), MOST))});
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that is moved is a widget; <hr> is none
    <div
      class="edge"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the panel"
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      aria-valuenow={focusWidth}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.preventDefault();
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) widen(window.innerWidth - event.clientX);
      }}
      onKeyDown={(event) => {
        const by = {ArrowLeft: PRESS, ArrowRight: -PRESS}[event.key];
        if (!by) return;
        event.preventDefault();
        widen(focusWidth + by);
      }}
    />
  );
}

const NARROW = 0.6; // proportions of a picture in which a key has no room
const WIDE = 2.5; // of a small one on which words would cover it

/** Whether a small picture of some proportions can hold words. */
function hasRoom(ratio: number): boolean {
  return ratio > NARROW && ratio < WIDE;
}

function ratioOf({width, height}: Sample): number {
  return width && height ? width / height : 1;
}

interface SwitchProps {
  on: boolean;
  letter: string; // its key
  name: string;
  what: string;
  set: (on: boolean) => void;
}

/** Something over the picture, on or off. */
function Switch({on, letter, name, what, set}: SwitchProps) {
  return (
    <button
      type="button"
      class="button switch"
      aria-pressed={on}
      title={`${what} (${letter})`}
      onClick={() => set(!on)}
    >
      {name}
    </button>
  );
}

interface PhotographProps {
  run: string;
  sample: Sample;
  name: string;
  dimmed?: boolean; // in grey, for what is over it
  children?: ComponentChildren;
}

/** The picture as it was logged. */
function Photograph({run, sample, name, dimmed = false, children}: PhotographProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  arrivals.value;
  const image = images.get(run, sample.image);
  const drawn = useMemo(() => ({...look.peek(), mode: dimmed ? "overlay" : "image", photo: "gray"}) as const, [dimmed]);
  useEffect(() => {
    if (canvas.current && image) renderer.draw(canvas.current, image, null, drawn, {low: 0, high: 0}, WHOLE);
  }, [image, drawn]);
  if (!image) return null;
  return (
    <figure class={hasRoom(image.width / image.height) ? "photograph" : "photograph apart"}>
      <span class="picture" style={{"--ratio": `${image.width} / ${image.height}`}}>
        <canvas ref={canvas} width={image.width} height={image.height} />
        {children}
      </span>
      <figcaption class="mark">{name}</figcaption>
    </figure>
  );
}

/** What was predicted and what is true, in full, each with its probability. */
function Outcome({cast, sample, said}: {cast: Cast; sample: Sample; said: Said}) {
  const right = isRight(sample, said);
  const label = className(cast.cohort, sample.label);
  const prediction = className(cast.cohort, said.prediction);
  const others = said.top.filter(({name}) => name !== prediction && name !== label);
  return (
    <section class="outcome" aria-label="Verdict">
      <dl>
        {prediction && (
          <Line
            sign={right === null ? "" : right ? "✓" : "✗"}
            kind={right === null ? "" : right ? "right" : "wrong"}
            {...{name: prediction, what: right ? "predicted, correct" : "predicted", share: said.probability}}
          />
        )}
        {label && !right && <Line sign="←" name={label} what="true" share={said.labelProbability} />}
        {others.map(({name, probability}) => (
          <Line key={name} name={name} what="" share={probability} />
        ))}
      </dl>
    </section>
  );
}

interface LineProps {
  sign?: string;
  kind?: string;
  name: string;
  what: string;
  share: number | null;
}

function Line({sign = "", kind = "", name, what, share}: LineProps) {
  return (
    <div class={what ? "" : "other"} style={{"--share": `${100 * (share ?? 0)}%`}}>
      <dt>
        <span class={`sign ${kind}`}>{sign}</span>
        <span class="class">{name}</span>
        <span class="what">{what}</span>
      </dt>
      <dd class="share">{share === null ? "" : share.toFixed(2)}</dd>
    </div>
  );
}

function Looking({group, index, at}: {group: Group; index: number; at: number}) {
  useLookingAt(group, index, at);
  return null;
}

/** The place under the cursor, or else the pinned one. */
function Reading({map}: {map: RawMap | null}) {
  const place = probe.value ?? pin.value;
  const read = map && place ? readingAt(map, place) : null;
  return (
    <div class="probe" data-testid="probe">
      {read ? (
        <>
          <span>{probe.value ? "Under cursor" : "At the pin"}</span>
          <strong>{shown(read.value)}</strong>
          <span>{Number.isFinite(read.percentile) ? `percentile ${Math.round(read.percentile)}` : "not finite"}</span>
          {probe.value ? <span>cell {read.cell}</span> : <PinnedCell map={map!} place={place!} />}
        </>
      ) : (
        <span>Point at the picture to read values; click to pin</span>
      )}
      {map && <PinButton map={map} />}
    </div>
  );
}

/** The pin's cell, to be typed or stepped: moving it without a pointer. */
function PinnedCell({map, place}: {map: RawMap; place: Place}) {
  const {row, column} = cellAt(map, place.x, place.y);
  const box = (name: string, value: number, cells: number, move: (cell: number) => void) => (
    <NumberBox
      class="number cell-number"
      aria-label={`${name} of the pinned cell`}
      min={0}
      max={cells - 1}
      value={value}
      onNumber={move}
    />
  );
  const move = (to: Place) => change({pin: pinned(to)});
  return (
    <span class="pinned">
      cell
      {box("Row", row, map.rows, (to) => move(middleOf(map, to, column)))}
      {box("Column", column, map.columns, (to) => move(middleOf(map, row, to)))}
    </span>
  );
}

/** Pinning without a pointer: the map's highest cell. */
function PinButton({map}: {map: RawMap}) {
  if (pin.value) {
    return (
      <button type="button" class="link" onClick={() => change({pin: null})}>
        Unpin
      </button>
    );
  }
  const place = peak(map);
  return place ? (
    <button type="button" class="link" onClick={() => change({pin: pinned(place)})}>
      Pin the peak
    </button>
  ) : null;
}
