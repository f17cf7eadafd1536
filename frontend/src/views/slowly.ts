/** Work that is too long for one go, in slices, so that the page stays alive. */

import {useEffect, useState} from "preact/hooks";
import {begin} from "../busy";

const SLICE_MS = 8;

/** Run `work` on each item, a slice at a time; `progress` hears of each slice. Returns what stops it. */
export function slowly<T>(items: readonly T[], work: (item: T) => void, progress: (done: number) => void): () => void {
  const ended = begin();
  let at = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slice = () => {
    const end = performance.now() + SLICE_MS;
    while (at < items.length && performance.now() < end) work(items[at++]!);
    progress(at);
    if (at < items.length) timer = setTimeout(slice);
    else ended();
  };
  timer = setTimeout(slice);
  return () => {
    clearTimeout(timer);
    ended();
  };
}

/**
 * The results of `work` for all of `items`, once there; the last ones until then.
 *
 * `text` names what is worked out: another text starts anew.
 */
export function useSlowly<T, R>(text: string, items: () => readonly T[], work: (item: T) => R): R[] | null {
  const [results, setResults] = useState<R[] | null>(null);
  useEffect(() => {
    const all = items();
    const done: R[] = [];
    return slowly(
      all,
      (item) => done.push(work(item)),
      (count) => {
        if (count === all.length) setResults(done);
      },
    );
  }, [text]);
  return results;
}

const numbers = new WeakMap<object, number>();
let count = 0;

/** An object's number, for the text that names what is worked out: no two objects share one. */
export function numberOf(one: object): number {
  const number = numbers.get(one) ?? count++;
  numbers.set(one, number);
  return number;
}
