import {useMemo} from "preact/hooks";
import {mapOf} from "../state/maps";
import {arrivals, colorOf, type Group, groups, step} from "../state/store";
import {shown} from "./controls";
import {type Damage, damageOf, problemOf} from "./damage";
import {methodName} from "./names";
import {castAt, type Cast} from "./samples";
import {useOrder} from "./order";
import {Tile} from "./Tile";

/** The samples of every chosen run and series. */
export function Grid() {
  return (
    <div class="main">
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
  const problem = problemOf(group);
  return (
    <section class="group" aria-label={`${group.run}, ${group.tag}`}>
      <Heading group={group} cast={cast} />
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {!cast && !problem && <Waiting />}
      {cast && <Tiles group={group} cast={cast} />}
    </section>
  );
}

function Heading({group, cast}: {group: Group; cast: Cast | null}) {
  const about = group.maps
    ? [group.maps.layer, methodName(group.maps.method), sizeText(group)].filter(Boolean).join(" · ")
    : "no maps of this method and layer here";
  return (
    <div class="heading">
      <span class="dot" style={{background: colorOf(group.run)}} />
      <h3>
        {group.run} / {group.tag}
      </h3>
      <span class="meta">{about}</span>
      <Kept group={group} cast={cast} />
    </div>
  );
}

/** Cells of the maps, once one of them is here. */
function sizeText(group: Group): string {
  const found = mapOf(group, 0, step.value);
  if (!found) return "";
  const {rows, columns} = found.map;
  const native = found.series.nativeShape?.slice(-2);
  const shrunk = native && (native[0] !== rows || native[1] !== columns);
  return `${rows} × ${columns} cells${shrunk ? `, averaged from ${native.join(" × ")}` : ""}`;
}

/** How much of what was written TensorBoard keeps, and how to have all of it. */
function Kept({group, cast}: {group: Group; cast: Cast | null}) {
  const damaged = damageOf(group);
  if (!cast?.said) return damaged.length ? <Damaged damaged={damaged} /> : null;
  const kept = cast.said.steps.length;
  const written = Math.max(cast.said.total ?? kept, kept);
  return (
    <span class="meta kept" data-testid="kept">
      {shown(kept)} of {shown(written)} steps kept
      {kept < written && (
        <>
          {", all with "}
          <code>--samples_per_plugin gradcam=0</code>
        </>
      )}
      {cast.said.twoWriters && (
        <strong title="They replace each other's records. Give each process a run directory of its own.">
          {" "}
          · written by two processes at once
        </strong>
      )}
      {damaged.length > 0 && (
        <>
          {" · "}
          <Damaged damaged={damaged} />
        </>
      )}
    </span>
  );
}

function Damaged({damaged}: {damaged: Damage[]}) {
  const words = damaged.map(({step, message}) => `Step ${shown(step)}: ${message}`);
  return (
    <strong data-testid="damaged" title={words.slice(0, 20).join("\n")}>
      {shown(damaged.length)} damaged
    </strong>
  );
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
      <div class="grid">{tiles}</div>
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
