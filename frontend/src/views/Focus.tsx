import {mapOf, shownStep} from "../state/maps";
import {specFrom} from "../state/spec";
import {twinsOf} from "../state/twins";
import {arrivals, change, colorOf, focusKey, type Group, groups, pin, probe} from "../state/store";
import {peak} from "../maths/metrics";
import type {RawMap, Sample} from "../types";
import {IconButton, percent, shown} from "./controls";
import {Curves} from "./Curves";
import {FocusExports} from "./Exports";
import {Facts} from "./Facts";
import {Filmstrip} from "./Filmstrip";
import {readingAt} from "./Marks";
import {sampleName} from "./names";
import {Picture} from "./Picture";
import {type Cast, castAt, saidOf} from "./samples";
import {useLookingAt} from "./Tile";
import {Verdict} from "./Verdict";

const CLOSE = "M18.3 5.7 12 12l6.3 6.3-1.4 1.4-6.3-6.3-6.3 6.3-1.4-1.4L9.2 12 2.9 5.7l1.4-1.4 6.3 6.3 6.3-6.3z";

/** One sample, large, with what was logged of it. */
export function Focus() {
  arrivals.value;
  const spec = specFrom(focusKey.value);
  const group = groups.value.find(({run, tag}) => run === spec?.run && tag === spec.tag);
  if (!spec || !group) return null;
  const cast = castAt(group, shownStep(group, spec.sample));
  const sample = cast?.cohort.samples[spec.sample];
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
  return (
    <aside class="focus" aria-label="The sample in focus">
      {twins.map((twin) => (
        <Looking key={twin.group.run} {...twin} at={at} />
      ))}
      <div class="title">
        <span class="dot" style={{background: colorOf(group.run)}} />
        <h2>{sampleName(sample, index)}</h2>
        <span class="meta">{group.run}</span>
        <IconButton label="Close" path={CLOSE} onClick={() => change({focus: null})} />
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
          <span>cell {read.cell}</span>
        </>
      ) : (
        <span>Point at the picture to read values, click to pin</span>
      )}
      {map && <PinButton map={map} />}
    </div>
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
    <button type="button" class="link" onClick={() => change({pin: `${place.x.toFixed(4)},${place.y.toFixed(4)}`})}>
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
