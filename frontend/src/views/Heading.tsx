import {faultsOf, notesOf} from "../state/faults";
import {mapOf} from "../state/maps";
import {arrivals, catalog, colorOf, type Group, groups, step} from "../state/store";
import {foldTitle, inRuns} from "../maths/notes";
import {shown} from "../maths/numbers";
import {placesIn} from "../maths/places";
import {methodName} from "../state/names";
import type {PredictionSeries} from "../types";
import {type Cast, samplesEverOf} from "../state/samples";

/** What a group of tiles is: its run and series, the maps' resolution, how much is kept, and what is wrong with it. */
export function Heading({group, cast}: {group: Group; cast: Cast | null}) {
  arrivals.value;
  return (
    <>
      <div class="heading">
        <span class="dot" style={{background: colorOf(group.run)}} />
        <h2 class="group-name">
          {group.run} / {group.tag}
        </h2>
        <span class="meta">{aboutOf(group)}</span>
        {cast && <Logged group={group} cast={cast} />}
        <Kept cast={cast} />
      </div>
      <Faults all={[group]} />
    </>
  );
}

export function aboutOf(group: Group): string {
  if (!group.maps) return "no maps for this method and layer";
  return [group.maps.layer, methodName(group.maps.method), sizeText(group)].filter(Boolean).join(" · ");
}

/** What is wrong, with the run's name where several are shown. */
function Faults({all}: {all: readonly Group[]}) {
  return (
    <>
      {all.flatMap((group) =>
        faultsOf(group).map((words) => (
          <p key={`${group.run} ${words}`} class="problem" role="alert">
            {all.length > 1 ? `${group.run}: ${words}` : words}
          </p>
        )),
      )}
      <Notes all={all} />
    </>
  );
}

/** What was noted at the step: in one line, which opens where there are several, so that tiles stay in sight. */
function Notes({all}: {all: readonly Group[]}) {
  const words = inRuns(all.map((group) => ({run: group.run, notes: notesOf(group, step.value)})));
  const title = foldTitle(words);
  const list = words.map((text) => (
    <p key={text} class="step-note" data-testid="note">
      {text}
    </p>
  ));
  if (title === null) return <>{list}</>;
  return (
    <details class="step-notes">
      <summary class="step-note">{title}</summary>
      {list}
    </details>
  );
}

/** What all runs of a comparison have in common, and what is wrong with any of them. */
export function About({group, cast}: {group: Group; cast: Cast | null}) {
  arrivals.value;
  return (
    <>
      <div class="heading">
        <h2 class="group-name">{group.tag}</h2>
        <span class="meta">{aboutOf(group)}</span>
        {cast && <Logged group={group} cast={cast} />}
        <Kept cast={cast} />
      </div>
      <Faults all={groups.value.filter(({tag}) => tag === group.tag)} />
    </>
  );
}

/** How many of the samples this step has, where steps differ. */
function Logged({group, cast}: {group: Group; cast: Cast}) {
  const ever = samplesEverOf(group);
  const here = placesIn(cast.cohort).length;
  if (ever === null || here >= ever) return null;
  return (
    <span class="meta" data-testid="logged">
      {shown(here)} of {shown(ever)} samples logged at this step
    </span>
  );
}

/** Cells of the maps, once one of them is here. */
function sizeText(group: Group): string {
  const found = mapOf(group, 0, step.value);
  if (!found) return "";
  const {rows, columns} = found.map;
  const native = found.series.nativeShape?.slice(-2);
  const shrunk = native && (native[0] !== rows || native[1] !== columns);
  const depth = found.map.slice ? `${found.map.slice.depth} × ` : "";
  return `${depth}${rows} × ${columns} cells${shrunk ? `, averaged from ${native.join(" × ")}` : ""}`;
}

function writersText(writers: PredictionSeries["writers"]): string {
  return writers.length ? ` (${writers.map(({host, process}) => `process ${process} on ${host}`).join(", ")})` : "";
}

export function keptWords({said}: Cast): string {
  return said ? `${shown(said.steps.length)} of ${shown(Math.max(said.total ?? 0, said.steps.length))} steps kept` : "";
}

/** How much of what was written TensorBoard keeps, and how to have all of it. */
function Kept({cast}: {cast: Cast | null}) {
  if (!cast?.said) return null;
  const kept = cast.said.steps.length;
  const written = Math.max(cast.said.total ?? kept, kept);
  return (
    <span class="meta kept" data-testid="kept">
      {keptWords(cast)}
      {kept < written && !cast.said.sampledDown && catalog.value?.keptSteps !== 0 && (
        <>
          {", all with "}
          <code>--samples_per_plugin gradcam=0</code>
        </>
      )}
      {cast.said.sampledDown && "; thinned out because each step is large"}
      {cast.said.twoWriters && (
        <strong title="They overwrite each other's records. Give each process its own run directory.">
          {" "}
          · written by two processes at once{writersText(cast.said.writers)}
        </strong>
      )}
    </span>
  );
}
