/** Step axes: ascending, unique step numbers. */

/** Index of the step nearest to `step`, the lower of two equally near; -1 where there are none. */
export function nearestStep(steps: ArrayLike<number>, step: number): number {
  if (!steps.length) return -1;
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]! < step) low = middle + 1;
    else high = middle;
  }
  return low > 0 && step - steps[low - 1]! <= steps[low]! - step ? low - 1 : low;
}

/** All steps that any of `axes` has. Sampling keeps other steps of each series, so their union is what can be shown. */
export function stepUnion(axes: readonly ArrayLike<number>[]): Float64Array {
  if (axes.length === 1) return Float64Array.from(axes[0]!);
  const all = new Set<number>();
  for (const axis of axes) for (let index = 0; index < axis.length; index++) all.add(axis[index]!);
  return Float64Array.from(all).sort();
}

/** What is known of the steps of a series of maps; null: not here yet, or not logged. */
export interface KnownSteps {
  mapped: ArrayLike<number> | null; // the series's own
  said: ArrayLike<number> | null; // of its predictions, which come first
  last: number | null; // of the series, as the list of all series names it
}

/**
 * The axis of a series of maps, as far as it is known. Its end is right from the start: a step that only looks like the
 * last one, because the steps behind it are on their way, would be followed instead of gone to.
 */
export function axisOf({mapped, said, last}: KnownSteps): Float64Array {
  if (mapped?.length) return Float64Array.from(mapped);
  const before = Array.from(said ?? []).filter((step) => last === null || step < last);
  return Float64Array.from(last === null ? before : [...before, last]);
}
