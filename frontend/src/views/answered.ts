import {useEffect, useState} from "preact/hooks";
import {catalog} from "../state/store";

export interface Answered<T> {
  value: T | null; // the last answer, also while the next one is on its way
  error: string | null;
}

/** Ask the server, again whenever `what` changes or the log has grown. */
export function useAnswer<T>(what: string, ask: (signal: AbortSignal) => Promise<T>): Answered<T> {
  const [answered, setAnswered] = useState<Answered<T>>({value: null, error: null});
  const log = catalog.value;
  useEffect(() => {
    const control = new AbortController();
    ask(control.signal)
      .then((value) => setAnswered({value, error: null}))
      .catch((error: unknown) => {
        if (!control.signal.aborted)
          setAnswered({value: null, error: error instanceof Error ? error.message : String(error)});
      });
    return () => control.abort();
  }, [what, log]);
  return answered;
}
