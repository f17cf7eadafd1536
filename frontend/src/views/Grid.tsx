import {useEffect, useMemo, useRef} from "preact/hooks";
import {faultsOf, lacksPredictions} from "../state/faults";
import {arrivals, change, type Group, groups, settings, sought, step} from "../state/store";
import {DEFAULTS} from "../state/settings";
import {specFrom} from "../state/spec";
import {shown} from "../maths/numbers";
import {placesIn} from "../maths/places";
import {Heading} from "./Heading";
import {useNear} from "./near";
import {later} from "./later";
import {castAt, type Cast} from "../state/samples";
import {useOrder} from "./useOrder";
import {Tile} from "./Tile";

const Overview = later(async () => (await import("./Overview")).Overview);

/** The samples of every chosen run and series. */
export function Grid() {
  return (
    <div class="main">
      <Overview />
      {groups.value.map((group) => (
        <GroupView key={`${group.run}\n${group.tag}`} group={group} />
      ))}
      {!groups.value.length && <p class="hint">Choose a run and a series on the left.</p>}
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

/** A few samples alone have room to be large, unless someone chose a size. */
function tilePixels(count: number): number {
  const {tileSize} = settings.value;
  if (tileSize !== DEFAULTS.tileSize || count > 6 || groups.value.length > 1) return tileSize;
  return count > 2 ? 220 : 360;
}

/** Tiles of a group that can't be seen are not made: the place that they will need is kept. */
function Tiles({group, cast, near, first}: {group: Group; cast: Cast; near: boolean; first: boolean}) {
  const {samples} = cast.cohort;
  const order = useOrder(group, cast);
  const count = placesIn(cast.cohort).length;
  const text = order.join();
  // The same tiles again are the same objects, which spares all of them.
  const tiles = useMemo(() => {
    const seen = first ? placesSeen(order.length) : 0; // asks for the page's layout: not at every step
    return order.map((index, place) => (
      <Tile key={index} group={group} sample={samples[index]!} index={index} first={place < seen} />
    ));
  }, [text, group, samples]);
  const grid = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  useEffect(() => {
    if (near && grid.current) height.current = grid.current.offsetHeight;
  });
  if (!order.length)
    return (
      <p class="hint">
        None of the {shown(count)} samples is what the filters ask for.{" "}
        <button type="button" class="link" onClick={() => change(ALL)}>
          Show all
        </button>
      </p>
    );
  return (
    <>
      {order.length < count && (
        <p class="hint" role="status">
          {shown(order.length)} of {shown(count)} samples
        </p>
      )}
      {near ? (
        <div ref={grid} class="grid" style={{"--tile": `${tilePixels(order.length)}px`}}>
          {tiles}
        </div>
      ) : (
        <div style={{height: `${height.current || likelyHeight(order.length)}px`}} />
      )}
    </>
  );
}

const ALL = {text: "", verdict: "all", label: null, prediction: null, minProbability: 0} as const;
const VERDICT = 40; // pixels of a tile, with its gap, beside the picture
const MAIN = 0.7; // of the window's width, about

/** About how many tiles stand in a row, and how high each is, before any was laid out. */
function likelyRows(count: number): {columns: number; height: number} {
  const size = tilePixels(count);
  return {columns: Math.max(1, Math.floor((window.innerWidth * MAIN) / size)), height: size + VERDICT};
}

function likelyHeight(count: number): number {
  const {columns, height} = likelyRows(count);
  return Math.ceil(count / columns) * height;
}

/** About how many tiles fit on the screen. */
function placesSeen(count: number): number {
  const {columns, height} = likelyRows(count);
  return columns * Math.ceil(window.innerHeight / height);
}

const PLACES = 12;

function Waiting() {
  return (
    <div class="grid" role="status" aria-label="Loading">
      {Array.from({length: PLACES}, (_, place) => (
        <span key={place} class="tile">
          <span class="picture waits" />
          <span class="verdict" />
        </span>
      ))}
    </div>
  );
}
