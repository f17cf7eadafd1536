import {signal} from "@preact/signals";
import {useEffect, useRef, useState} from "preact/hooks";
import type {SeriesKey} from "../api/client";
import type {Atlas as Answer, AtlasClass, Region} from "../api/findings";
import {shareOf} from "../maths/atlas";
import {percent, shown} from "../maths/numbers";
import {soughtSeries} from "../state/findings";
import {change, client, colorOf, settings, step} from "../state/store";
import {useAnswer} from "./answered";
import {Behind, type Chosen} from "./Behind";
import {MeanMap, Place} from "./MeanMap";

/** What came for each run, so that rows are those of all of them. */
const came = signal<ReadonlyMap<string, Answer>>(new Map());

/** The mean map of each class in each run, at the scrubber's step; a place leads to the samples behind it. */
export function Atlas() {
  const keys = soughtSeries.value;
  const [chosen, choose] = useState<Chosen | null>(null);
  const {atlasBy} = settings.value;
  useEffect(() => choose(null), [atlasBy]);
  const known = keys.flatMap(({run}) => {
    const one = came.value.get(run);
    return one ? [[run, one] as const] : []; // in the runs' order, not in that of their arrival
  });
  const rows = rowsOf(known.map(([, one]) => one));
  return (
    <div class="atlas-view">
      <section class="atlas" aria-label="Atlas" style={{"--runs": keys.length}}>
        <label class="inline by">
          <span>Rows</span>
          <select
            aria-label="Rows"
            value={atlasBy}
            onChange={(event) => change({atlasBy: event.currentTarget.value as typeof atlasBy})}
          >
            <option value="label">true class</option>
            <option value="prediction">predicted class</option>
          </select>
        </label>
        <p id="atlas-how" class="hidden">
          Press Enter to list the samples behind the chosen place, which is the peak at first. The arrow keys move to
          another cell; with Shift they select several.
        </p>
        {rows.map((row, index) => (
          <RowHead key={row.class} row={row} at={index + 2} />
        ))}
        {keys.map((key, index) => (
          <Column key={key.run} of={key} rows={rows} at={index + 2} chosen={chosen} choose={choose} />
        ))}
      </section>
      {chosen && <Behind chosen={chosen} known={known} close={() => choose(null)} />}
    </div>
  );
}

/** Every class that some run has; all samples together only where there are no classes. */
function rowsOf(all: readonly Answer[]): AtlasClass[] {
  const found = new Map<number | null, AtlasClass>();
  for (const {classes} of all) for (const one of classes) if (!found.has(one.class)) found.set(one.class, one);
  const classes = [...found.values()].filter((one) => one.class !== null).sort((a, b) => a.class! - b.class!);
  return classes.length ? classes : [...found.values()];
}

export function classTitle(one: AtlasClass): string {
  return one.name || (one.class === null ? "all samples" : `class ${one.class}`);
}

function RowHead({row, at}: {row: AtlasClass; at: number}) {
  return (
    <div class="row-head" style={{"--at": at}}>
      <h2>
        {settings.value.atlasBy === "prediction" && row.class !== null ? `as ${classTitle(row)}` : classTitle(row)}
      </h2>
    </div>
  );
}

interface ColumnProps {
  of: SeriesKey;
  rows: readonly AtlasClass[];
  at: number;
  chosen: Chosen | null;
  choose: (chosen: Chosen) => void;
}

function Column({of, rows, at, chosen, choose}: ColumnProps) {
  const now = step.value;
  const by = settings.value.atlasBy;
  const {value, error} = useAnswer(JSON.stringify(["atlas", of, now, by]), (signal) =>
    client.atlas(of, now, signal, by),
  );
  useEffect(() => {
    if (value) came.value = new Map(came.peek()).set(of.run, value);
  }, [value]);
  // One scale for a run: over several runs the strongest would hide the others.
  const most = Math.max(...(value?.classes.flatMap(({mean}) => mean) ?? [0]));
  return (
    <>
      <p class="heading" style={{"--column": at}}>
        <span class="dot" style={{"--run": colorOf(of.run)}} /> <strong title={of.run}>{of.run}</strong>{" "}
        {value && (
          <span class="note">
            {value.step !== now && `step ${shown(value.step)} · `}highest cell mean {shown(most)}
          </span>
        )}
        {error && <span class="problem">{error}</span>}
      </p>
      {value &&
        rows.map((row, index) => {
          const one = value.classes.find((other) => other.class === row.class);
          const where = {"--column": at, "--at": index + 2};
          if (!one) {
            return (
              <p key={row.class} class="note cell" style={where}>
                no samples
              </p>
            );
          }
          const isChosen = chosen?.key.run === of.run && chosen.of === one.class;
          return (
            <div key={row.class} class="cell" style={where}>
              <Pickable
                one={one}
                grid={value.grid}
                most={most}
                run={of.run}
                region={isChosen ? chosen.region : null}
                choose={(region) => choose({key: of, of: one.class, name: classTitle(one), region, by})}
              />
              <Facts one={one} />
            </div>
          );
        })}
    </>
  );
}

function Facts({one: {count, accuracy, inside, expected_inside: expected}}: {one: AtlasClass}) {
  return (
    <p class="facts-line">
      <span>
        {shown(count)} {count === 1 ? "sample" : "samples"}
        {accuracy !== null && (
          <>
            , accuracy <strong>{shown(Number(accuracy.toFixed(2)))}</strong>
          </>
        )}
      </span>
      {inside !== null && expected !== null && (
        <span class="inside" title={`A uniform map would have ${percent(expected)} there`}>
          inside <strong class={inside > 2 * expected ? "much" : ""}>{shown(Number(inside.toFixed(2)))}</strong>
        </span>
      )}
    </p>
  );
}

interface Cells {
  column: number; // where the choice began
  row: number;
  toColumn: number;
  toRow: number;
}

interface PickableProps {
  one: AtlasClass;
  grid: readonly [number, number];
  most: number;
  run: string;
  region: Region | null;
  choose: (region: Region) => void;
}

/** A mean map of which cells can be pointed at, dragged over, or gone to by the arrow keys. */
function Pickable({one, grid, most, run, region, choose}: PickableProps) {
  const [pointed, point] = useState<Cells | null>(null);
  const dragging = useRef(false);
  const regionHere = pointed && regionOf(pointed, grid);
  const under = (event: PointerEvent & {currentTarget: HTMLElement}) => {
    const {left, top, width, height} = event.currentTarget.getBoundingClientRect();
    const cell = (share: number, cells: number) => Math.min(Math.max(Math.floor(share * cells), 0), cells - 1);
    return {row: cell((event.clientY - top) / height, grid[0]), column: cell((event.clientX - left) / width, grid[1])};
  };
  const single = ({row, column}: {row: number; column: number}) => ({row, column, toRow: row, toColumn: column});
  return (
    <button
      type="button"
      class="pickable"
      aria-describedby="atlas-how"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        dragging.current = true;
        point(single(under(event)));
      }}
      onPointerMove={(event) => {
        const at = under(event);
        point(dragging.current && pointed ? {...pointed, toRow: at.row, toColumn: at.column} : single(at));
      }}
      onPointerUp={() => {
        dragging.current = false;
      }}
      onPointerLeave={() => {
        if (!dragging.current) point(null);
      }}
      onBlur={() => point(null)}
      onKeyDown={(event) => {
        const by = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
        if (!by) return;
        event.preventDefault();
        const from = pointed ?? single(peakOf(one, grid));
        const clamp = (value: number, cells: number) => Math.min(Math.max(value, 0), cells - 1);
        const to = {row: clamp(from.toRow + by[0]!, grid[0]), column: clamp(from.toColumn + by[1]!, grid[1])};
        point(event.shiftKey ? {...from, toRow: to.row, toColumn: to.column} : single(to));
      }}
      onClick={() => choose(regionOf(pointed ?? single(peakOf(one, grid)), grid))}
    >
      <MeanMap
        mean={one.mean}
        grid={grid}
        most={most}
        picture={one.picture ?? null}
        region={region}
        label={`Mean map of ${classTitle(one)} in ${run}`}
      />
      {regionHere && (
        <>
          <span class="places">
            <Place region={regionHere} />
          </span>
          <span class="mark reading">{percent(shareOf(one.mean, grid, regionHere))} of the evidence</span>
        </>
      )}
    </button>
  );
}

function peakOf({mean}: AtlasClass, [, columns]: readonly [number, number]): {row: number; column: number} {
  const at = mean.indexOf(Math.max(...mean));
  return {row: Math.floor(at / columns), column: at % columns};
}

function regionOf({row, column, toRow, toColumn}: Cells, [rows, columns]: readonly [number, number]): Region {
  return {
    x0: Math.min(column, toColumn) / columns,
    y0: Math.min(row, toRow) / rows,
    x1: (Math.max(column, toColumn) + 1) / columns,
    y1: (Math.max(row, toRow) + 1) / rows,
    hole: null,
  };
}
