import {positionOf, sliceAt} from "../maths/series";
import {mapOf} from "../state/maps";
import {change, type Group} from "../state/store";
import type {RawMap, Sample} from "../types";
import {useArrived} from "./arrived";

/** The slice of a volume that a picture shows, of how many; null where it is none. */
export function sliceOf(sample: Sample, map: RawMap | null | undefined): {index: number; count: number} | null {
  if (!map?.slice) return null;
  const count = sample.slices.length > 1 ? sample.slices.length : map.slice.depth;
  return {index: sliceAt(map.slice.position, count), count};
}

/** Show the slices at the same place of the depth of all volumes. */
export function showSlice(index: number, count: number): void {
  change({slice: Number(positionOf(Math.min(Math.max(index, 0), count - 1), count).toFixed(4))});
}

interface Props {
  group: Group;
  sample: Sample;
  index: number;
  at: number;
  stop?: number; // in the order of Tab
}

/** Goes through the slices of a volume; nothing for other samples. */
export function Slices({group, sample, index, at, stop}: Props) {
  const found = useArrived(
    () => mapOf(group, index, at),
    (reading) => [reading?.map],
  );
  const slice = sliceOf(sample, found?.map);
  if (!slice) return null;
  return (
    <input
      class="slices"
      type="range"
      aria-label="Slice"
      aria-valuetext={`${slice.index + 1} of ${slice.count}`}
      tabIndex={stop}
      min={0}
      max={slice.count - 1}
      value={slice.index}
      onInput={(event) => showSlice(event.currentTarget.valueAsNumber, slice.count)}
    />
  );
}
