/** Which steps a filmstrip shows. */

import {nearestStep} from "./steps";

/**
 * At most `most` of `steps`, evenly apart: always the first, the last and `shown`, which takes the place of its neighbour.
 *
 * `shown` is one of `steps`, or else the step nearest to it is.
 */
export function framesOf(steps: readonly number[], shown: number, most: number): number[] {
  if (steps.length <= most) return [...steps];
  const places = Math.max(most, 3);
  const frames = Array.from({length: places}, (_, i) => steps[Math.round((i * (steps.length - 1)) / (places - 1))]!);
  const current = steps[nearestStep(steps, shown)]!;
  if (!frames.includes(current)) {
    const inner = frames.slice(1, -1);
    frames[1 + nearestStep(inner, current)] = current;
  }
  return frames.sort((a, b) => a - b);
}
