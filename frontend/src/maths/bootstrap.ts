/** How sure a mean over samples is: percentile bootstrap intervals (Efron, 1979), as in Python's measures/intervals.py. */

/** The mean of `count` numbers, and where it lies with 95 % confidence; NaN where there are none. */
export interface Interval {
  mean: number;
  low: number;
  high: number;
  count: number;
}

export const RESAMPLES = 1000;
const TAIL = 0.025;

/** Numbers in [0, 1) that are the same at each call (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The mean of the numbers that are known, with its interval. The draws are the same at each call. */
export function interval(values: readonly number[], resamples = RESAMPLES): Interval {
  const known = values.filter(Number.isFinite);
  const {length} = known;
  if (!length) return {mean: Number.NaN, low: Number.NaN, high: Number.NaN, count: 0};
  const mean = known.reduce((sum, value) => sum + value, 0) / length;
  const random = randomFrom(length);
  const means = new Float64Array(resamples);
  for (let draw = 0; draw < resamples; draw++) {
    let sum = 0;
    for (let one = 0; one < length; one++) sum += known[Math.floor(random() * length)]!;
    means[draw] = sum / length;
  }
  means.sort();
  return {mean, low: quantile(means, TAIL), high: quantile(means, 1 - TAIL), count: length};
}

function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/** Numbers of samples, by place. */
export type BySample = ReadonlyMap<number, number>;

/** The mean difference of two numbers over the samples that have both, with its interval. */
export function difference(first: BySample, second: BySample): Interval {
  const both = [...first].filter(([sample]) => second.has(sample));
  return interval(both.map(([sample, value]) => value - second.get(sample)!));
}

/** Whether the data leave open which of two is larger. */
export function isOpen({low, high, count}: Interval): boolean {
  return count < 2 || (low <= 0 && high >= 0);
}
