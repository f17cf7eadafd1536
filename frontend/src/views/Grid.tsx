import {useEffect, useMemo, useRef} from "preact/hooks";
import {boxRatio, justified, type Place} from "../maths/layout";
import {faultsOf, lacksPredictions} from "../state/faults";
import {arrivals, type Group, groups, settings, sought, step} from "../state/store";
import type {Sample} from "../types";
import {Left} from "./FilterBar";
import {Nothing} from "./Nothing";
import {room} from "./room";
import {verdictHeight} from "./Verdict";
import {DEFAULTS} from "../state/settings";
import {specFrom} from "../state/spec";
import {placesIn} from "../maths/places";
import {Heading} from "./Heading";
import {AT_ONCE, useNear} from "./near";
import {later} from "./later";
import {castAt, type Cast} from "../state/samples";
import {useOrder} from "./useOrder";
import {Tile} from "./Tile";

const OVERVIEW_MS = 500; // it stands below the tiles, which come first
const Overview = later(async () => (await import("./Overview")).Overview, OVERVIEW_MS);

/** The samples of every chosen run and series. */
export function Grid() {
  return (
    <div class="main">
      {groups.value.map((group) => (
        <GroupView key={`${group.run}\n${group.tag}`} group={group} />
      ))}
      {groups.value.length ? <Overview /> : <Nothing />}
    </div>
  );
}

function GroupView({group}: {group: Group}) {
  arrivals.value;
  const element = useRef<HTMLElement>(null);
  const first = groups.value[0] === group;
  const near = useNear(element, first);
  const cast = castAt(group, step.value);
  const spec = specFrom(sought.value);
  const wanted = spec?.run === group.run && spec.tag === group.tag;
  useEffect(() => {
    if (wanted && !near) element.current?.scrollIntoView({block: "nearest"}); // so that its tiles are made
  }, [wanted]);
  return (
    <section ref={element} class="group" aria-label={`${group.run}, ${group.tag}`}>
      <Heading group={group} cast={cast} />
      {cast ? <Tiles group={group} cast={cast} near={near} first={first} /> : canCome(group) && <Waiting />}
    </section>
  );
}

/** Whether samples may still be on their way. */
function canCome(group: Group): boolean {
  return !faultsOf(group).length && (group.maps !== null || !lacksPredictions(group));
}

const ROUND = 100; // pixels of the page round a picture that stands alone

/** A few samples alone have room to be large, unless someone chose a size. */
export function tilePixels(count: number): number {
  const {tileSize} = settings.value;
  if (tileSize !== DEFAULTS.tileSize || count > 6 || groups.value.length > 1) return tileSize;
  return count > 2 ? 220 : count > 1 ? 360 : Math.min(Math.max(room.value.height - ROUND, 360), 640);
}

/** Tiles of a group that can't be seen are not made: the place that they need is kept. */
function Tiles({group, cast, near, first}: {group: Group; cast: Cast; near: boolean; first: boolean}) {
  const {samples} = cast.cohort;
  const order = useOrder(group, cast);
  const {width} = room.value;
  const size = tilePixels(order.length);
  const text = order.join();
  const places = useMemo(
    () =>
      justified(
        order.map((index) => stretching(samples[index]!)),
        width,
        size,
        GAP,
      ),
    [text, samples, width, size],
  );
  const verdict = verdictHeight(cast);
  // The same tiles again are the same objects, which spares all of them.
  const tiles = useMemo(
    () =>
      order.map((index, place) => (
        <Tile
          key={index}
          group={group}
          sample={samples[index]!}
          index={index}
          place={places[place]!}
          first={first && place < AT_ONCE}
        />
      )),
    [text, group, samples, places],
  );
  return (
    <>
      <Left count={order.length} all={placesIn(cast.cohort).length} />
      {near ? (
        <div class="grid" style={{"--verdict": `${verdict}px`}}>
          {tiles}
        </div>
      ) : (
        <div style={{height: `${heightOf(places, width, verdict)}px`}} />
      )}
    </>
  );
}

export const GAP = 12; // pixels between tiles

function stretching({width, height}: Sample) {
  return {perHeight: boxRatio(width, height), fixed: 0};
}

/** Pixels that rows of tiles take, with what stands under each. */
function heightOf(places: readonly Place[], width: number, verdict: number): number {
  let [total, used] = [0, Infinity];
  for (const place of places) {
    if (used + GAP + place.width > width) {
      total += place.height + verdict + GAP;
      used = -GAP;
    }
    used += GAP + place.width;
  }
  return total;
}

const PLACES = 12;

function Waiting() {
  const size = tilePixels(PLACES);
  return (
    <div class="grid" role="status" aria-label="Loading">
      {Array.from({length: PLACES}, (_, place) => (
        <span key={place} class="tile" style={{width: `${size}px`, "--box": "1"}}>
          <span class="frame waits" />
        </span>
      ))}
    </div>
  );
}
