/** The way that the centre of a sample's evidence takes over the steps. */

import type {Place} from "./metrics";

/** Where the centre was at a step, as fractions of the picture. */
export interface Stop extends Place {
  step: number;
}

/** How far, in heights of the picture, the other end of the way seems to be: where it crosses itself, a drag stays on it. */
const STAY = 0.1;

/** The stop that a place is closest to; of some that are about as close, the one that comes soonest from stop `now`. */
export function nearestStop(stops: readonly Stop[], {x, y}: Place, now: number, ratio: number): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  stops.forEach((stop, index) => {
    const apart = Math.hypot((stop.x - x) * ratio, stop.y - y);
    const away = apart + (STAY * Math.abs(index - now)) / stops.length;
    if (away < least) [best, least] = [index, away];
  });
  return best;
}
