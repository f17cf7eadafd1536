/** Two maps over one photograph, each in a colour of its own; where both are, the colours add up to white. */

import type {Limits, RawMap} from "../types";
import type {Pixels} from "./compose";
import {resized, strengthOf} from "./mask";

type Color = readonly [red: number, green: number, blue: number];

export interface Part {
  map: RawMap;
  limits: Limits;
  color: Color;
}

/** Lay maps over the dimmed grey photograph in `pixels`, in place: the whole picture fills them. */
export function paintParts({data, width, height}: Pixels, parts: readonly Part[]): void {
  const weights = parts.map(({map, limits}) => weightsOf(map, limits, width, height));
  for (let pixel = 0, at = 0; pixel < width * height; pixel++, at += 4) {
    let [most, red, green, blue] = [0, 0, 0, 0];
    for (let part = 0; part < parts.length; part++) {
      const weight = weights[part]![pixel]!;
      const {color} = parts[part]!;
      most = Math.max(most, weight);
      red += color[0] * weight;
      green += color[1] * weight;
      blue += color[2] * weight;
    }
    data[at] = data[at]! * (1 - most) + red; // clamped to 255 by the array
    data[at + 1] = data[at + 1]! * (1 - most) + green;
    data[at + 2] = data[at + 2]! * (1 - most) + blue;
  }
}

const FULLEST = 0.85; // opacity: the photograph is seen through the strongest evidence too

/** How opaque a map's colour is at each pixel. */
function weightsOf(map: RawMap, limits: Limits, width: number, height: number): Float32Array {
  return resized(map, height, width, limits).map((mask) => FULLEST * eased(strengthOf(mask, map.kind)));
}

function eased(strength: number): number {
  return strength * strength * (3 - 2 * strength);
}
