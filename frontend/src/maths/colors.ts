/** Colour maps: the same 256 colours as `heatmap.color_table` has. */

import type {ColorMap, Look, MapKind} from "../types";
import {COLOR_TABLES} from "./colorTables";

const decoded = new Map<ColorMap, Uint8Array>();

/** A colour map's 256 colours, RGB after RGB (768 bytes, kept: not to be written to). */
export function colorTable(name: ColorMap): Uint8Array {
  let table = decoded.get(name);
  if (!table) {
    table = name === "gray" ? grayTable() : Uint8Array.from(atob(COLOR_TABLES[name]), (c) => c.charCodeAt(0));
    decoded.set(name, table);
  }
  return table;
}

function grayTable(): Uint8Array {
  return Uint8Array.from({length: 768}, (_, i) => Math.floor(i / 3));
}

/** The colour map that a map of this kind is drawn with: signs need one with a middle. */
export function colorMapFor({colorMap}: Pick<Look, "colorMap">, kind: MapKind): ColorMap {
  return kind === "positive" ? colorMap : "diverging";
}

/** A CSS gradient of a colour map from 0 to 1, for a colour bar; `gamma` as in `Look`. */
export function cssGradient(name: ColorMap, direction = "to right", stops = 32, gamma = 1): string {
  const table = colorTable(name);
  const colors = Array.from({length: stops}, (_, i) => {
    const at = Math.round((i / (stops - 1)) ** gamma * 255) * 3;
    return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`;
  });
  return `linear-gradient(${direction}, ${colors.join(", ")})`;
}
