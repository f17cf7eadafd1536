import {useMemo, useState} from "preact/hooks";
import type {SeriesKey} from "../api/client";
import type {Atlas, Region} from "../api/findings";
import {shareOf} from "../maths/atlas";
import {percent, shown} from "../maths/numbers";
import {regionText} from "../maths/regions";
import {sampleName} from "../state/names";
import {type Cast, castAt, className, isRight, saidOf} from "../state/samples";
import {tileKey} from "../state/spec";
import {arrivals, change, client, type Group, groups, step} from "../state/store";
import {useAnswer} from "./answered";
import {IconButton} from "./controls";
import {CLOSE} from "./icons";
import {Picture} from "./Picture";
import {useLookingAt} from "./Tile";

/** A place in the mean map of a class. */
export interface Chosen {
  key: SeriesKey;
  of: number | null; // class
  name: string;
  region: Region;
  by: "label" | "prediction";
}

const AT_FIRST = 24; // samples; each has a picture and a map to fetch

interface Props {
  chosen: Chosen;
  known: readonly (readonly [run: string, atlas: Atlas])[];
  close: () => void;
}

/** The samples behind a place, those with most of their evidence there first. */
export function Behind({chosen, known, close}: Props) {
  arrivals.value;
  const {key, of, name, region, by} = chosen;
  const now = step.value;
  const [all, setAll] = useState(false);
  const text = regionText(region);
  const {value, error} = useAnswer(JSON.stringify(["behind", key, now, of, text, by]), (signal) =>
    client.behind(key, now, {region: text, of, by}, signal),
  );
  const group = groups.value.find(({run, tag}) => run === key.run && tag === key.tag);
  const cast = group ? castAt(group, now) : null;
  const places = useMemo(() => {
    const found = new Map<string, number>();
    cast?.cohort.samples.forEach(({identity}, index) => {
      if (identity) found.set(identity, index);
    });
    return found;
  }, [cast?.cohort]);
  const listed = (value?.samples ?? []).slice(0, all ? undefined : AT_FIRST);
  const most = value?.samples[0]?.share ?? 1;
  const filters = by === "label" ? {label: of, prediction: null} : {label: null, prediction: of};
  return (
    <aside class="behind" aria-label="Samples behind the place">
      <div class="title">
        <h2>{placeName(region, known.find(([run]) => run === key.run)?.[1].grid)}</h2>
        <IconButton label="Close" path={CLOSE} onClick={close} />
      </div>
      {error && <p class="problem">{error}</p>}
      <p>{value && inWords(chosen, value.share, value.area, known)}</p>
      <p class="buttons">
        <button
          type="button"
          class="button filled"
          onClick={() => change({view: "grid", ...filters, region: text, sort: "region", verdict: "all", text: ""})}
        >
          Show in the grid
        </button>
        <button type="button" class="button" onClick={() => change({region: text})}>
          Mark on all pictures
        </button>
      </p>
      <p class="note list-head">
        <span>
          {value
            ? `${shown(value.count)} ${by === "prediction" && of !== null ? `predicted as ${name}` : "samples"}, `
            : ""}
          most evidence there first
        </span>
        <span>share there</span>
      </p>
      <ol>
        {group &&
          cast &&
          listed.map(({identity, share}) => {
            const index = places.get(identity);
            return index === undefined ? null : (
              <Sample key={identity} {...{group, cast, index, share}} of={most} at={value?.step ?? now} />
            );
          })}
      </ol>
      {value && !all && value.samples.length > AT_FIRST && (
        <button type="button" class="link" onClick={() => setAll(true)}>
          Show {shown(value.samples.length - AT_FIRST)} more
        </button>
      )}
      {value && all && value.count > value.samples.length && (
        <p class="note">
          The other {shown(value.count - value.samples.length)} have less evidence there; the grid shows them all.
        </p>
      )}
    </aside>
  );
}

function inWords(
  {key, name, region, of, by}: Chosen,
  share: number | null,
  area: number,
  known: Props["known"],
): string {
  if (share === null) return "No sample has any evidence.";
  const who = by === "prediction" && of !== null ? `as ${name}` : name;
  const others = known.flatMap(([run, {classes, grid}]) => {
    const one = run === key.run ? undefined : classes.find((other) => other.class === of);
    return one ? [`in ${run} ${percent(shareOf(one.mean, grid, region))}`] : [];
  });
  const there = `${key.run}, ${who}: ${percent(share)} of the evidence lies on ${percent(area)} of the picture`;
  return `${[there, ...others].join("; ")}.`;
}

/** "Column 2, rows 1 to 2". */
function placeName({x0, y0, x1, y1}: Region, grid: readonly [number, number] | undefined): string {
  const [rows, columns] = grid ?? [1, 1];
  const range = (word: string, from: number, to: number, cells: number) => {
    const [first, last] = [Math.round(from * cells) + 1, Math.round(to * cells)];
    return first === last ? `${word} ${first}` : `${word}s ${first} to ${last}`;
  };
  const words = `${range("column", x0, x1, columns)}, ${range("row", y0, y1, rows)}`;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

interface SampleProps {
  group: Group;
  cast: Cast;
  index: number;
  share: number;
  of: number; // the largest share, whose bar is full
  at: number;
}

function Sample({group, cast, index, share, of, at}: SampleProps) {
  useLookingAt(group, index, at);
  const sample = cast.cohort.samples[index]!;
  const said = saidOf(cast, index);
  const right = isRight(sample, said);
  const name = sampleName(sample, index);
  return (
    <li>
      <button type="button" onClick={() => change({focus: tileKey({run: group.run, tag: group.tag, sample: index})})}>
        <Picture group={group} sample={sample} index={index} at={at} />
        <span class="name" title={name}>
          {name}
        </span>
        <span class="said">
          {right !== null && <span class={right ? "right" : "wrong"}>{right ? "✓" : "✗"}</span>}{" "}
          {className(cast.cohort, said.prediction)}{" "}
          {said.probability !== null && <span class="value">{said.probability.toFixed(2)}</span>}
        </span>
        <span class="share-bar" style={{"--share": of > 0 ? share / of : 0}} />
        <span class="number-of">{share.toFixed(2)}</span>
      </button>
    </li>
  );
}
