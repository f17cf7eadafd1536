import {useEffect, useRef, useState} from "preact/hooks";
import {specFrom, tileKey} from "../state/spec";
import {
  arrivals,
  change,
  colorOf,
  focusKey,
  type Group,
  groups,
  loader,
  seriesKey,
  settings,
  step,
} from "../state/store";
import type {Sample} from "../types";
import {shown} from "./controls";
import {Picture} from "./Picture";
import {methodName} from "./SidePanel";
import {type Cast, castAt, className, isRight, type Said, saidOf} from "./samples";

/** Which tiles can be seen, for all groups: only these are fetched and drawn. */
const visible = new Map<string, {group: Group; index: number}>();
let planned = false;

function wantVisible(): void {
  if (planned) return;
  planned = true;
  queueMicrotask(() => {
    planned = false;
    const wants = new Map<string, {group: Group; samples: number[]}>();
    for (const group of groups.peek()) {
      if (!group.entry.predictions) wants.set(JSON.stringify(seriesKey(group)), {group, samples: [0]});
    }
    for (const {group, index} of [...visible.values(), ...inFocus()]) {
      const key = JSON.stringify(seriesKey(group));
      const want = wants.get(key) ?? {group, samples: []};
      if (!want.samples.includes(index)) want.samples.push(index);
      wants.set(key, want);
    }
    loader.want(
      [...wants.values()].flatMap(({group, samples}) => {
        const key = seriesKey(group);
        return key ? [{...key, samples, step: step.peek()}] : [];
      }),
    );
  });
}

/** The sample in focus, which is looked at wherever its tile is scrolled to. */
function inFocus(): {group: Group; index: number}[] {
  const key = focusKey.peek();
  const spec = specFrom(key);
  const group = groups.peek().find(({run, tag}) => run === spec?.run && tag === spec.tag);
  return spec && group && key && !visible.has(key) ? [{group, index: spec.sample}] : [];
}

/** The samples of every chosen run and series. */
export function Grid() {
  step.value; // another step is another want
  useEffect(wantVisible);
  return (
    <main class="main" style={{"--tile": `${settings.value.tileSize}px`}}>
      {groups.value.map((group) => (
        <GroupView key={`${group.run}\n${group.tag}`} group={group} />
      ))}
      {!groups.value.length && <p>Choose a run and a series on the left.</p>}
    </main>
  );
}

function GroupView({group}: {group: Group}) {
  arrivals.value;
  const cast = castAt(group, step.value);
  const problem =
    group.entry.problem ??
    (group.entry.predictions ? loader.predictionsProblem(group.run, group.tag)?.message : undefined);
  return (
    <section class="group">
      <div class="heading">
        <span class="dot" style={{background: colorOf(group.run)}} />
        <strong>
          {group.run} / {group.tag}
        </strong>
        <span class="meta">
          {group.maps
            ? [group.maps.layer, methodName(group.maps.method), sizeText(group)].filter(Boolean).join(" · ")
            : "no maps here"}
        </span>
        <span class="meta kept">{keptText(cast)}</span>
      </div>
      {problem && <p role="alert">{problem}</p>}
      {!cast && !problem && <p>Loading…</p>}
      <div class="grid">
        {cast?.cohort.samples.map((sample, index) => {
          const said = saidOf(cast, index);
          return (
            isShown(cast, sample, said) && (
              <Tile key={index} group={group} cast={cast} sample={sample} said={said} index={index} />
            )
          );
        })}
      </div>
    </section>
  );
}

/** Cells of the maps, once one of them is here. */
function sizeText(group: Group): string {
  const key = seriesKey(group);
  const index = [...visible.values()].find((tile) => tile.group === group)?.index;
  const map = key && index !== undefined && loader.mapAt(key, index, step.value)?.map;
  return map ? `${map.rows} × ${map.columns}` : "";
}

function keptText(cast: Cast | null): string {
  if (!cast?.said) return "";
  const kept = cast.said.steps.length;
  return `${shown(kept)} of ${shown(Math.max(cast.said.total ?? kept, kept))} steps kept`;
}

function isShown(cast: Cast, sample: Sample, said: Said): boolean {
  const {verdict, text} = settings.value;
  const right = isRight(sample, said);
  if (verdict !== "all" && right !== (verdict === "right")) return false;
  const words = [
    sample.id,
    sample.caption,
    className(cast.cohort, sample.label),
    className(cast.cohort, said.prediction),
  ];
  return words.join(" ").toLowerCase().includes(text.toLowerCase());
}

interface TileProps {
  group: Group;
  cast: Cast;
  sample: Sample;
  said: Said;
  index: number;
}

function Tile({group, cast, sample, said, index}: TileProps) {
  const element = useRef<HTMLButtonElement>(null);
  const [near, setNear] = useState(false);
  const key = tileKey({run: group.run, tag: group.tag, sample: index});
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setNear(entries.at(-1)?.isIntersecting ?? false), {
      rootMargin: "200px",
    });
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (near) visible.set(key, {group, index});
    else visible.delete(key);
    wantVisible();
    return () => {
      visible.delete(key);
      wantVisible();
    };
  }, [near, key, group]);
  const focused = focusKey.value === key;
  return (
    <button
      ref={element}
      type="button"
      class="tile"
      data-testid="tile"
      aria-pressed={focused}
      onClick={() => change({focus: focused ? null : key})}
    >
      {near ? (
        <Picture group={group} sample={sample} index={index} />
      ) : (
        <span class="picture" style={{"--ratio": `${sample.width || 1} / ${sample.height || 1}`}} />
      )}
      <Verdict cast={cast} sample={sample} said={said} />
    </button>
  );
}

/** What the model thought of a sample, and whether that is so: a sign and words, not colour alone. */
export function Verdict({cast, sample, said}: {cast: Cast; sample: Sample; said: Said}) {
  const right = isRight(sample, said);
  const label = className(cast.cohort, sample.label);
  const prediction = className(cast.cohort, said.prediction) || label || sample.caption || sample.id;
  return (
    <span class="verdict">
      {right !== null && (
        <span class={right ? "right" : "wrong"} title={right ? "right" : `wrong: it is ${label}`}>
          <span aria-hidden="true">{right ? "✓" : "✗"}</span>
          <span class="hidden">{right ? "right:" : `wrong, it is ${label}; predicted:`}</span>
        </span>
      )}
      <span class="class">{prediction}</span>
      <span class="value">{said.probability?.toFixed(2)}</span>
    </span>
  );
}
