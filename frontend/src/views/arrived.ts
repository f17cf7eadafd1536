import {useEffect, useReducer, useRef} from "preact/hooks";
import {arrivals} from "../state/store";

/** Render again when something arrived that changes one of the values of `read`: most arrivals are for other tiles. */
export function useArrived(read: () => readonly unknown[]): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  const last = useRef({read, values: [] as readonly unknown[]});
  last.current = {read, values: read()};
  useEffect(
    () =>
      arrivals.subscribe(() => {
        const {values, read: now} = last.current;
        if (now().some((value, place) => value !== values[place])) again(undefined);
      }),
    [],
  );
}
