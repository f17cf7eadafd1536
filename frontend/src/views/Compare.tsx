import {useEffect, useMemo, useRef} from "preact/hooks";
import {boxRatio, groupsAbreast, justified} from "../maths/layout";
import {placesIn} from "../maths/places";
import {type Axis, chosenWith, type Table, type Value} from "../maths/table";
import {inCell, leadOf, partsOfTables, peersOf, shownValues, tablesFor, targets} from "../state/compare";
import {AXIS_NAMES, coordinateName, methodName, sampleName, valueName} from "../state/names";
import {orderedInTables, rankWords} from "../state/ordering";
import {type Cast, castValues, className} from "../state/samples";
import {specFrom} from "../state/spec";
import {arrivals, change, colorOf, type Group, groups, settings, sought, step} from "../state/store";
import type {Coordinates, Sample} from "../types";
import {About} from "./Heading";
import {IconButton} from "./controls";
import {Cut} from "./Cut";
import {Left} from "./FilterBar";
import {CLOSE} from "./icons";
import {Nothing} from "./Nothing";
import {room} from "./room";
import {useArrived} from "./arrived";
import {AT_ONCE, useNear, useRest} from "./near";
import {useOrder} from "./useOrder";
import {isFocused, Seen, Unseen} from "./Tile";

/** Samples beside each other in whatever is to be compared. */
export function Compare() {
  return (
    <div class="main" data-testid="compare">
      {partsOfTables().map((part) => (
        <Part key={part.join("\n")} tags={part} />
      ))}
      {!groups.value.length && <Nothing />}
    </div>
  );
}

/** The tables of series whose samples are those of the first. */
function Part({tags}: {tags: readonly string[]}) {
  arrivals.value;
  const lead = leadOf(tags);
  if (!lead) return null;
  const {first, cast} = lead;
  return (
    <section class="group" aria-label={tags.join(", ")}>
      <About group={first} cast={cast} />
      {cast ? <Tables tags={tags} first={first} cast={cast} /> : <p class="hint">Loading…</p>}
    </section>
  );
}

interface TablesProps {
  tags: readonly string[];
  first: Group;
  cast: Cast;
}

function Tables({tags, first, cast}: TablesProps) {
  const {rows, columns} = settings.value;
  const order = useOrder(first, cast, (wanted) => orderedInTables(tags, first, cast, wanted));
  const text = JSON.stringify([shownValues.value, tags, order, rows, columns]);
  const tables = useMemo(() => tablesFor(tags, order), [text]);
  const height = useRef(0);
  return (
    <>
      <Left count={order.length} all={placesIn(cast.cohort).length} />
      {order.length > 0 && rows === "sample" ? (
        <Strips {...{tags, first, cast, tables}} />
      ) : (
        tables.map((table) => <TableView key={JSON.stringify(table.fixed)} table={table} cast={cast} height={height} />)
      )}
    </>
  );
}

export const GAPS = {inside: 4, between: 20}; // pixels between a sample's tiles, and between samples
export const HIGHEST = 420; // pixels of a tile where few samples have much room
export const MIXED = 0.8; // of the usual height of a tile, where proportions differ: more of them fit
const ALIKE = 1.05; // proportions that differ by less stand in columns

interface Strip {
  cells: readonly Coordinates[];
  fixed: Table["fixed"];
}

/** Each sample is a strip of tiles, one for each column; strips stand in as many columns as fit, and fill the width. */
function Strips({tags, first, cast, tables}: TablesProps & {tables: readonly Table[]}) {
  const strips: Strip[] = (tables[0]?.cells ?? []).flatMap((_, row) =>
    tables.map(({cells, fixed}) => ({cells: cells[row]!, fixed})),
  );
  const {tileSize} = settings.value;
  const {width} = room.value;
  const across = strips[0]?.cells.length ?? 0;
  const ratios = strips.map(({cells}) => ratioOf(cast.cohort.samples[cells[0]!.sample]!));
  const aligned = Math.max(...ratios) / Math.min(...ratios) < ALIKE;
  const rank = (sample: number) => rankWords(first, cast, sample, (index) => peersOf(tags, cast, index));
  const several = tables.length > 1;
  const made = useRest(strips.length);
  if (!across) return null;
  if (!aligned) {
    const items = ratios.map((ratio) => ({perHeight: across * ratio, fixed: (across - 1) * GAPS.inside}));
    const places = justified(items, width, MIXED * tileSize, GAPS.between);
    return (
      <div class="strips mixed">
        {strips.slice(0, made).map((strip, place) => (
          <StripView
            key={keyOf(strip)}
            {...{strip, cast, rank, several}}
            heads
            ratio={ratios[place]!}
            width={places[place]!.width}
            first={place * across < AT_ONCE}
          />
        ))}
      </div>
    );
  }
  const abreast = Math.min(groupsAbreast(width, across, tileSize, GAPS), strips.length);
  const most = abreast * (across * HIGHEST * ratios[0]! + (across - 1) * GAPS.inside) + (abreast - 1) * GAPS.between;
  return (
    <div
      class="strips aligned"
      style={{"--abreast": abreast, "--across": across, maxWidth: `${Math.floor(most)}px`}}
      data-abreast={abreast}
    >
      <div class="heads">
        {Array.from({length: abreast}, (_, place) => (
          <Heads key={place} cells={strips[0]!.cells} cast={cast} repeated={place > 0} />
        ))}
      </div>
      {strips.slice(0, made).map((strip, place) => (
        <StripView
          key={keyOf(strip)}
          {...{strip, cast, rank, several}}
          ratio={ratios[place]!}
          first={place * across < AT_ONCE}
        />
      ))}
    </div>
  );
}

function ratioOf({width, height}: Sample): number {
  return boxRatio(width, height);
}

function keyOf({cells, fixed}: Strip): string {
  return JSON.stringify([cells[0]?.sample, fixed]);
}

/** What the tiles of a strip are, once over each column of strips: eyes need it again, ears do not. */
function Heads({cells, cast, repeated}: {cells: readonly Coordinates[]; cast: Cast; repeated: boolean}) {
  const {columns} = settings.value;
  return (
    <div class="across" role="presentation" aria-hidden={repeated ? "true" : undefined}>
      {cells.map((cell) => (
        <Name key={String(cell[columns])} axis={columns} cell={cell} cast={cast} fixed={repeated} />
      ))}
    </div>
  );
}

interface StripProps {
  strip: Strip;
  cast: Cast;
  rank: (sample: number) => string | null;
  several: boolean; // strips of a sample, told apart by what they do not compare
  ratio: number;
  first: boolean; // it will be in sight
  heads?: boolean; // over the strip itself
  width?: number; // pixels; else that of its column
}

/** One sample in each column, with what is true of all of them over it; out of sight, one tile keeps its height. */
function StripView({strip: {cells, fixed}, cast, rank, several, ratio, first, heads = false, width}: StripProps) {
  const element = useRef<HTMLElement>(null);
  const near = useNear(element, first);
  const index = cells[0]!.sample;
  const sample = cast.cohort.samples[index]!;
  const spec = specFrom(sought.value);
  const wanted =
    spec !== null && cells.some(({run, tag}) => run === spec.run && tag === spec.tag) && spec.sample === index;
  useEffect(() => {
    if (!wanted) return;
    element.current?.scrollIntoView({block: "nearest"});
    sought.value = null;
  }, [wanted]);
  const truth = className(cast.cohort, sample.label);
  const about = several ? aboutOf(fixed) : "";
  return (
    <section
      ref={element}
      class="strip-of"
      aria-label={[sampleName(sample, index), about].filter(Boolean).join(", ")}
      data-strip={index}
      style={{"--box": ratio, "--across": cells.length, ...(width === undefined ? {} : {width: `${width}px`})}}
    >
      <div class="strip-title">
        <span class="name">{sampleName(sample, index)}</span>
        {truth && <span class="truth-name">{truth}</span>}
        {about && <span class="meta">{about}</span>}
        {near && <Rank index={index} rank={rank} />}
      </div>
      {heads && <Heads cells={cells} cast={cast} repeated={false} />}
      <div class="across">
        {(near ? cells : cells.slice(0, 1)).map((cell) => (
          <Cell key={String(cell[settings.value.columns])} cell={cell} sample={sample} near={near} truth={!truth} />
        ))}
      </div>
    </section>
  );
}

export function aboutOf({run, tag, layer, method}: Table["fixed"]): string {
  const {rows, columns} = settings.value;
  const several = (axis: Axis) =>
    axis !== rows && axis !== columns && axis !== "sample" && shownValues.value[axis].length > 1;
  return [
    several("run") && run,
    several("tag") && tag,
    several("layer") && layer,
    several("method") && method && methodName(method),
  ]
    .filter(Boolean)
    .join(" · ");
}

function Rank({index, rank}: {index: number; rank: (sample: number) => string | null}) {
  const words = useArrived(
    () => rank(index),
    (reading) => [reading],
  );
  return words === null ? null : <span class="rank-words">{words}</span>;
}

interface NameProps {
  axis: Axis;
  cell: Coordinates;
  cast: Cast;
  fixed?: boolean; // can't be taken off here
}

/** What a row or column is. */
function Name({axis, cell, cast, fixed = false}: NameProps) {
  const value = cell[axis];
  const name = coordinateName(axis, cell, cast, targets.value);
  return (
    <span class={axis === "step" && value === step.value ? "head current" : "head"} data-value={String(value)}>
      {axis === "run" && <span class="dot" style={{background: colorOf(cell.run)}} />}
      <span class="name" title={name}>
        <Cut name={name} />
      </span>
      {axis !== "sample" && !fixed && <Remove axis={axis} value={value} />}
    </span>
  );
}

interface TableProps {
  table: Table;
  cast: Cast;
  height: {current: number}; // of the last one that was made, in pixels: the others will have the same
}

/** One table, made only while it can be seen. */
function TableView({table: {fixed, cells}, cast, height}: TableProps) {
  const element = useRef<HTMLElement>(null);
  const near = useNear(element);
  useEffect(() => {
    const table = element.current?.querySelector("table");
    if (table) height.current = table.offsetHeight;
  });
  const {rows, columns} = settings.value;
  const [first] = cells;
  if (!first?.length) return null;
  return (
    <section ref={element} class="group">
      <TableHeading fixed={fixed} cast={cast} />
      {near ? (
        <table class="compare" style={{"--columns": first.length}}>
          <thead>
            <tr>
              <td class="corner">
                {AXIS_NAMES[rows]} <span aria-hidden="true">╲</span> {AXIS_NAMES[columns]}
              </td>
              {first.map((cell) => (
                <Head key={String(cell[columns])} axis={columns} cell={cell} cast={cast} scope="col" />
              ))}
            </tr>
          </thead>
          <tbody>
            {cells.map((row) => (
              <Row key={String(row[0]![rows])} row={row} cast={cast} />
            ))}
          </tbody>
        </table>
      ) : (
        <div style={{height: `${height.current || ROW * cells.length}px`}} />
      )}
    </section>
  );
}

const ROW = 200; // pixels, before any is known

/** What all cells of a table have in common. */
function TableHeading({fixed, cast}: {fixed: Table["fixed"]; cast: Cast}) {
  const {run, tag, sample, layer, method, target} = fixed;
  const names = [run, tag, sample === undefined ? undefined : sampleName(cast.cohort.samples[sample]!, sample)];
  const about = [layer, method && methodName(method), target != null && valueName("target", target, targets.value)];
  return (
    <div class="heading">
      {run !== undefined && <span class="dot" style={{background: colorOf(run)}} />}
      <h2>{names.filter((name) => name !== undefined).join(" / ")}</h2>
      <span class="meta">{about.filter(Boolean).join(" · ")}</span>
    </div>
  );
}

function Head({axis, cell, cast, scope}: NameProps & {scope: "row" | "col"}) {
  const value = cell[axis];
  return (
    <th scope={scope} abbr={coordinateName(axis, cell, cast, targets.value)} data-value={String(value)}>
      <Name axis={axis} cell={cell} cast={cast} />
      {axis === "sample" && <span class="meta">{className(cast.cohort, cast.cohort.samples[cell.sample]!.label)}</span>}
    </th>
  );
}

/** Takes a row or column off; the last one stays. */
function Remove({axis, value}: {axis: Exclude<Axis, "sample">; value: Value}) {
  const values = shownValues.value[axis] as readonly Value[];
  if (values.length < 2) return null;
  const others = values.filter((other) => other !== value);
  return (
    <IconButton
      class="remove"
      label={`Hide ${valueName(axis, value, targets.value)}`}
      path={CLOSE}
      onClick={() => change({chosen: chosenWith(settings.value.chosen, axis, others)})}
    />
  );
}

function Row({row, cast}: {row: Coordinates[]; cast: Cast}) {
  const element = useRef<HTMLTableRowElement>(null);
  const near = useNear(element);
  const {rows, columns} = settings.value;
  return (
    <tr ref={element}>
      <Head axis={rows} cell={row[0]!} cast={cast} scope="row" />
      {row.map((cell) => {
        const sample = cast.cohort.samples[cell.sample]!;
        return (
          <td key={String(cell[columns])} style={{"--box": ratioOf(sample)}}>
            <Cell cell={cell} sample={sample} near={near} truth />
          </td>
        );
      })}
    </tr>
  );
}

interface CellProps {
  cell: Coordinates;
  sample: Sample;
  near: boolean; // else only its place is kept
  truth: boolean; // said on the tile
}

/** One tile of a comparison. */
function Cell({cell, sample, near, truth}: CellProps) {
  return near ? (
    <Made cell={cell} sample={sample} truth={truth} />
  ) : (
    <div class="tile">
      <Unseen />
    </div>
  );
}

function Made({cell, sample, truth}: Omit<CellProps, "near">) {
  const found = useArrived(
    () => inCell(cell, sample),
    (reading) => castValues(reading?.cast ?? null),
  );
  if (!found) return <Missing words="not logged" />;
  const {group, index} = found;
  if (index < 0) return <Missing words="not in this series" />;
  return (
    <div class={isFocused(group, index, cell.step) ? "tile focused" : "tile"}>
      <Seen group={group} sample={sample} index={index} fixed={cell.step} truth={truth} />
    </div>
  );
}

function Missing({words}: {words: string}) {
  return <div class="tile missing">{words}</div>;
}
