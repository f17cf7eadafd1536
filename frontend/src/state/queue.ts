/** Moves that need something which is still on its way: they wait for it, in order, rather than go wrong or be lost. */

import {effect, type ReadonlySignal} from "@preact/signals";

export interface Queue {
  /** Make a move, now or as soon as nothing is to be waited for. */
  add(move: () => void): void;
}

export function createQueue(mustWait: ReadonlySignal<boolean>): Queue {
  let waiting: (() => void)[] = [];
  let stop: (() => void) | null = null;
  const run = () => {
    if (mustWait.value) return;
    const due = waiting;
    waiting = [];
    stop?.();
    stop = null;
    for (const move of due) move();
  };
  return {
    add(move) {
      if (!mustWait.peek()) {
        move();
        return;
      }
      waiting.push(move);
      stop ??= effect(run);
    },
  };
}
