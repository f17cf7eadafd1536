/** Some samples' maps of a series, and where in it each sample's are. */

import {rawMap} from "../maths/series";
import {nearestStep} from "../maths/steps";
import type {MapSeries, RawMap} from "../types";

const MOST_MAPS = 256;

interface Entries {
  entries: Int32Array;
  steps: Float64Array; // of each entry, ascending
}

/** A decoded answer to `maps`, indexed by sample. */
export class Chunk {
  used = 0;
  stale = false;
  private readonly index = new Map<string, Entries>();
  private readonly maps = new Map<string, RawMap>(); // the last ones shown, so that what follows from a map stays with it

  constructor(
    readonly samples: readonly number[],
    readonly series: MapSeries,
  ) {}

  /** Bytes of the arrays, and of the index once all of it is in use. */
  get bytes(): number {
    const {values, sample, steps} = this.series;
    return values.byteLength + sample.length * 48 + steps.length * 32;
  }

  /** The sample's entries at the step nearest to `step` at which it has any (for `target`, where given). */
  entriesNear(sample: number, step: number, target?: number): number[] {
    const {entries, steps} = this.entriesOf(sample, target);
    const nearest = steps[nearestStep(steps, step)];
    if (nearest === undefined) return [];
    const found: number[] = [];
    for (let i = firstAt(steps, nearest); steps[i] === nearest; i++) found.push(entries[i]!);
    return found;
  }

  private entriesOf(sample: number, target?: number): Entries {
    const key = `${sample}/${target ?? ""}`;
    let found = this.index.get(key);
    if (!found) {
      found = this.scan(sample, target);
      this.index.set(key, found);
    }
    return found;
  }

  private scan(sample: number, target?: number): Entries {
    const {sample: samples, target: targets, steps, first} = this.series;
    const entries: number[] = [];
    const found: number[] = [];
    for (let step = 0; step < steps.length; step++) {
      for (let entry = first[step]!; entry < first[step + 1]!; entry++) {
        if (samples[entry] !== sample || (target !== undefined && targets[entry] !== target)) continue;
        entries.push(entry);
        found.push(steps[step]!);
      }
    }
    return {entries: Int32Array.from(entries), steps: Float64Array.from(found)};
  }

  /** `position`: in the depth of a volume, from 0 to 1; null: where the most evidence is. */
  mapOf(entry: number, position: number | null): RawMap {
    const key = `${entry}/${position ?? ""}`;
    let map = this.maps.get(key);
    if (!map) {
      map = rawMap(this.series, entry, position);
      this.maps.set(key, map);
      if (this.maps.size > MOST_MAPS) this.maps.delete(this.maps.keys().next().value!);
    }
    return map;
  }
}

function firstAt(steps: Float64Array, step: number): number {
  let at = nearestStep(steps, step);
  while (at > 0 && steps[at - 1] === step) at--;
  return at;
}
