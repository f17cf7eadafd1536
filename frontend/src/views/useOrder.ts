/** The order of the tiles, and what it needs. */

import {useEffect, useMemo, useRef} from "preact/hooks";
import {type Group, playing, settings, step} from "../state/store";
import type {Settings, Sort} from "../state/settings";
import {lookAt} from "../state/wanted";
import {placesIn} from "../maths/places";
import {ordered} from "../state/ordering";
import type {Cast} from "../state/samples";

/** Sorts that need every sample's map, not only those that can be seen. */
const OF_MAPS: readonly Sort[] = ["iou", "moved", "entropy", "apart", "region"];

/** Indices of the samples to show. The order rests while it plays: tiles that jump about can't be followed. */
export function useOrder(
  group: Group,
  cast: Cast,
  inOrder = (wanted: Settings) => ordered(group, cast, wanted),
): number[] {
  const order = inOrder(settings.value);
  const rested = useRef(order);
  if (!playing.value || !sameSet(rested.current, order)) rested.current = order;
  useAllMaps(group, cast);
  return rested.current;
}

function sameSet(a: number[], b: number[]): boolean {
  const members = new Set(a);
  return a.length === b.length && b.every((one) => members.has(one));
}

function useAllMaps(group: Group, cast: Cast): void {
  const who = useRef({}).current;
  const all = OF_MAPS.includes(settings.value.sort);
  const at = step.value;
  const samples = useMemo(() => placesIn(cast.cohort), [cast.cohort]);
  useEffect(() => lookAt(who, all ? {group, samples, step: at} : null), [group, samples, all, at]);
  useEffect(() => () => lookAt(who, null), []);
}
