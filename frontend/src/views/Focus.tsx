import {useEffect, useRef} from "preact/hooks";
import {mapOf, shownStep} from "../state/maps";
import {specFrom} from "../state/spec";
import {twinsOf} from "../state/twins";
import {arrivals, change, colorOf, focusKey, type Group, groups, openedByKey, pin, probe} from "../state/store";
import {cellAt, peak, type Place} from "../maths/metrics";
import type {RawMap, Sample} from "../types";
import {IconButton, NumberBox} from "./controls";
import {percent, shown} from "../maths/numbers";
import {Curves} from "./Curves";
import {FocusExports} from "./Exports";
import {Facts} from "./Facts";
import {Filmstrip} from "./Filmstrip";
import {CLOSE} from "./icons";
import {readingAt} from "./Marks";
import {sampleName} from "../state/names";
import {middleOf, pinned} from "./pinning";
import {Picture} from "./Picture";
import {type Cast, castAt, sampleOf, saidOf} from "../state/samples";
import {closeFocus} from "./shortcuts";
import {useLookingAt} from "./Tile";
import {Verdict} from "./Verdict";

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
  useEffect(() => {
    if (openedByKey.value) panel.current?.focus();
    openedByKey.value = false;
  }, [openedByKey.value]);
  return (
    <aside ref={panel} class="focus" tabIndex={-1} aria-label="The sample in focus">
      {twins.map((twin) => (
        <Looking key={twin.group.run} {...twin} at={at} />
      ))}
      <div class="title">
        <span class="dot" style={{background: colorOf(group.run)}} />
        <h2>{sampleName(sample, index)}</h2>
        <span class="meta">{group.run}</span>
        <IconButton label="Close" path={CLOSE} onClick={closeFocus} />
      </div>
      <Picture group={group} sample={sample} index={index} at={at} large />
      <Reading map={found?.map ?? null} />
      <Filmstrip group={group} sample={sample} index={index} />
      <Verdict cast={cast} sample={sample} said={said} />
      {said.top.length > 0 && <Top top={said.top} />}
      <Curves twins={twins} sample={sample} cast={cast} />
      <Facts group={group} cast={cast} sample={sample} index={index} found={found} />
      <FocusExports group={group} cast={cast} sample={sample} index={index} />
    </aside>
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
        <span>Point at the picture to read values, click to pin</span>
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

function Top({top}: {top: {name: string; probability: number}[]}) {
  return (
    <section class="top-k" aria-label="Most probable classes">
      {top.map(({name, probability}) => (
        <div key={name} style={{"--share": `${100 * probability}%`}}>
          <span class="class">{name}</span>
          <span class="value">{percent(probability)}</span>
        </div>
      ))}
    </section>
  );
}
