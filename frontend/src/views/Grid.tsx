import {useMemo} from "preact/hooks";
import {faultsOf, lacksPredictions} from "../state/faults";
import {arrivals, type Group, groups, settings, step} from "../state/store";
import {DEFAULTS} from "../state/settings";
import {shown} from "./controls";
import {Heading} from "./Heading";
import {Overview} from "./Overview";
import {castAt, type Cast} from "./samples";
import {useOrder} from "./order";
import {Tile} from "./Tile";

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
  const cast = castAt(group, step.value);
  return (
    <section class="group" aria-label={`${group.run}, ${group.tag}`}>
      <Heading group={group} cast={cast} />
      {cast ? <Tiles group={group} cast={cast} /> : canCome(group) && <Waiting />}
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

function Tiles({group, cast}: {group: Group; cast: Cast}) {
  const {samples} = cast.cohort;
  const order = useOrder(group, cast);
  const text = order.join();
  // The same tiles again are the same objects, which spares all of them.
  const tiles = useMemo(
    () => order.map((index) => <Tile key={index} group={group} sample={samples[index]!} index={index} />),
    [text, group, samples],
  );
  if (!order.length)
    return <p class="hint">None of the {shown(samples.length)} samples is what the filters ask for.</p>;
  return (
    <>
      {order.length < samples.length && (
        <p class="hint" role="status">
          {shown(order.length)} of {shown(samples.length)} samples
        </p>
      )}
      <div class="grid" style={{"--tile": `${tilePixels(order.length)}px`}}>
        {tiles}
      </div>
    </>
  );
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
