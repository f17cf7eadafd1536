/** Tiles in rows and columns: which axis goes where, and what is in each cell. */

import type {Coordinates} from "../types";

export const AXES = [
  "run",
  "tag",
  "layer",
  "method",
  "target",
  "step",
  "sample",
] as const satisfies readonly (keyof Coordinates)[];
export type Axis = (typeof AXES)[number];
export type Value = Coordinates[Axis];

/** What there is on each axis. */
export type Values = {readonly [axis in Axis]: readonly Coordinates[axis][]};

/** One table: what is the same in all its cells, and the cells, row by row. */
export interface Table {
  fixed: Partial<Coordinates>;
  cells: Coordinates[][];
}

/** A table for each combination of what is on neither axis, so that nothing that was chosen is left out. */
export function tablesOf(values: Values, rows: Axis, columns: Axis): Table[] {
  const rest = AXES.filter((axis) => axis !== rows && axis !== columns);
  return combinations(values, rest).map((fixed) => ({
    fixed,
    cells: values[rows].map((row) =>
      values[columns].map((column) => ({...fixed, [rows]: row, [columns]: column}) as Coordinates),
    ),
  }));
}

function combinations(values: Values, axes: readonly Axis[]): Partial<Coordinates>[] {
  let all: Partial<Coordinates>[] = [{}];
  for (const axis of axes) all = all.flatMap((one) => values[axis].map((value) => ({...one, [axis]: value})));
  return all;
}

/** The settings that put `axis` on the rows or the columns; where it is on the other, the two change places. */
export function turned(now: {rows: Axis; columns: Axis}, side: "rows" | "columns", axis: Axis): typeof now {
  const other = side === "rows" ? "columns" : "rows";
  return {...now, [side]: axis, [other]: now[other] === axis ? now[side] : now[other]};
}

/** What stands in a link for a value of an axis. */
export function valueText(axis: Axis, value: Value): string {
  return `${axis}=${value ?? ""}`;
}

/** The values of an axis that `chosen` names; all where it names none that there is. */
export function limited<A extends Axis>(
  axis: A,
  all: readonly Coordinates[A][],
  chosen: readonly string[],
): readonly Coordinates[A][] {
  const found = all.filter((value) => chosen.includes(valueText(axis, value)));
  return found.length ? found : all;
}

/** Numbers that `chosen` names on an axis. */
export function numbersIn(axis: Axis, chosen: readonly string[]): number[] {
  return chosen
    .filter((text) => text.startsWith(`${axis}=`))
    .map((text) => Number(text.slice(axis.length + 1)))
    .filter(Number.isFinite);
}

/** `chosen` with just these values on an axis. */
export function chosenWith(chosen: readonly string[], axis: Axis, values: readonly Value[]): string[] {
  const others = chosen.filter((text) => !text.startsWith(`${axis}=`));
  return [...others, ...values.map((value) => valueText(axis, value))];
}

/** The axes to begin with: samples down, and across the first of these that has something to compare. */
export function firstAxes(values: {readonly [axis in Axis]?: readonly unknown[]}): {rows: Axis; columns: Axis} {
  const across = (["run", "layer", "method", "target", "tag"] as const).find((axis) => (values[axis]?.length ?? 0) > 1);
  return {rows: "sample", columns: across ?? "step"};
}
