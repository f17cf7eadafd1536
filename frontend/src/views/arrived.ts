import {useEffect, useReducer, useRef} from "preact/hooks";
import {arrivals} from "../state/store";

/**
 * What `read` gives; renders again when something arrived that changes one of its values.
 *
 * `valuesOf` says what tells one reading from another: most arrivals are for other tiles.
 */
export function useArrived<T>(read: () => T, valuesOf: (reading: T) => readonly unknown[]): T {
  const [, again] = useReducer((count: number) => count + 1, 0);
  const reading = read();
  const last = useRef({read, reading});
  last.current = {read, reading};
  useEffect(
    () =>
      arrivals.subscribe(() => {
        const before = valuesOf(last.current.reading);
        if (valuesOf(last.current.read()).some((value, place) => value !== before[place])) again(undefined);
      }),
    [],
  );
  return reading;
}
