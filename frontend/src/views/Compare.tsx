import {useEffect, useMemo, useRef} from "preact/hooks";
import {type Axis, chosenWith, type Table, type Value} from "../maths/table";
import type {Coordinates, Sample} from "../types";
import {inCell, leadOf, partsOfTables, shownValues, tablesFor, targets} from "../state/compare";
import {arrivals, change, colorOf, type Group, groups, settings, step} from "../state/store";
import {IconButton} from "./controls";
import {CLOSE} from "./icons";
import {AXIS_NAMES, coordinateName, methodName, sampleName, valueName} from "../state/names";
import {useArrived} from "./arrived";
import {useNear} from "./near";
import {useOrder} from "./useOrder";
import {type Cast, castValues, className} from "../state/samples";
import {isFocused, Seen} from "./Tile";

/** Samples in rows and columns of whatever is to be compared. */
export function Compare() {
  return (
    <div class="main" data-testid="compare">
      {partsOfTables().map((part) => (
        <Part key={part.join("\n")} tags={part} />
      ))}
      {!groups.value.length && <p class="hint">Choose a run and a series on the left.</p>}
    </div>
  );
}

/** The tables of series whose samples are those of the first. */
function Part({tags}: {tags: readonly string[]}) {
  arrivals.value;
  const lead = leadOf(tags);
  if (!lead) return null;
  const {first, cast} = lead;
  return cast ? <Tables tags={tags} first={first} cast={cast} /> : <p class="hint">Loading…</p>;
}

function Tables({tags, first, cast}: {tags: readonly string[]; first: Group; cast: Cast}) {
  const {rows, columns} = settings.value;
  const order = useOrder(first, cast);
  const text = JSON.stringify([shownValues.value, tags, order, rows, columns]);
  const tables = useMemo(() => tablesFor(tags, order), [text]);
  const height = useRef(0);
  if (!order.length) return <p class="hint">None of the samples is what the filters ask for.</p>;
  return (
    <>
      {tables.map((table) => (
        <TableView key={JSON.stringify(table.fixed)} table={table} cast={cast} height={height} />
      ))}
    </>
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
      <h3>{names.filter((name) => name !== undefined).join(" / ")}</h3>
      <span class="meta">{about.filter(Boolean).join(" · ")}</span>
    </div>
  );
}

interface HeadProps {
  axis: Axis;
  cell: Coordinates;
  cast: Cast;
  scope: "row" | "col";
}

function Head({axis, cell, cast, scope}: HeadProps) {
  const value = cell[axis];
  const current = axis === "step" && value === step.value;
  return (
    <th
      scope={scope}
      abbr={coordinateName(axis, cell, cast, targets.value)}
      class={current ? "current" : undefined}
      data-value={String(value)}
    >
      <span class="head">
        {axis === "run" && <span class="dot" style={{background: colorOf(cell.run)}} />}
        <span class="name">{coordinateName(axis, cell, cast, targets.value)}</span>
        {axis !== "sample" && <Remove axis={axis} value={value} />}
      </span>
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
      label={`Leave ${valueName(axis, value, targets.value)} out`}
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
      {row.map((cell) => (
        <td key={String(cell[columns])}>
          {near ? <Cell cell={cell} sample={cast.cohort.samples[cell.sample]!} /> : <span class="unseen" />}
        </td>
      ))}
    </tr>
  );
}

/** One tile of a table. */
function Cell({cell, sample}: {cell: Coordinates; sample: Sample}) {
  const found = useArrived(
    () => inCell(cell, sample),
    (reading) => castValues(reading?.cast ?? null),
  );
  if (!found) return <Missing words="not logged" />;
  const {group, index} = found;
  if (index < 0) return <Missing words="not in this series" />;
  return (
    <div class={isFocused(group, index, cell.step) ? "tile focused" : "tile"}>
      <Seen group={group} sample={sample} index={index} fixed={cell.step} />
    </div>
  );
}

function Missing({words}: {words: string}) {
  return <div class="tile missing">{words}</div>;
}
