import {useEffect, useRef, useState} from "preact/hooks";
import {catalog} from "../state/store";

export interface Answered<T> {
  value: T | null; // the last answer, also while the next one is on its way
  error: string | null;
}

interface Question<T> {
  what: string;
  ask: (signal: AbortSignal) => Promise<T>;
}

const MOST = 400; // answers that are kept until the log grows

let kept = new Map<string, unknown>();
let keptFor: unknown = null;

/** Answers about the log as it is now. */
function answersOf(log: unknown): Map<string, unknown> {
  if (log !== keptFor || kept.size >= MOST) kept = new Map();
  keptFor = log;
  return kept;
}

/**
 * Ask the server, again whenever `what` changes or the log has grown.
 *
 * While an answer is on its way, only the newest question waits: who scrubs sees what came, and nothing is asked in vain.
 */
export function useAnswer<T>(what: string, ask: (signal: AbortSignal) => Promise<T>): Answered<T> {
  const [answered, setAnswered] = useState<Answered<T>>({value: null, error: null});
  const next = useRef<Question<T> | null>(null);
  const ended = useRef<AbortController | null>(null);
  const busy = useRef(false);
  const log = catalog.value;
  useEffect(() => {
    ended.current = new AbortController();
    return () => ended.current?.abort();
  }, []);
  useEffect(() => {
    const known = answersOf(log).get(what) as T | undefined;
    if (known !== undefined) {
      next.current = null;
      setAnswered({value: known, error: null});
      return;
    }
    next.current = {what, ask};
    if (!busy.current) void answerAll();
  }, [what, log]);

  async function answerAll(): Promise<void> {
    const signal = ended.current?.signal ?? new AbortController().signal;
    busy.current = true;
    while (next.current && !signal.aborted) {
      const {what, ask} = next.current;
      next.current = null;
      const answers = answersOf(catalog.peek());
      try {
        const value = await ask(signal);
        answers.set(what, value);
        if (!signal.aborted) setAnswered({value, error: null});
      } catch (error) {
        if (!signal.aborted) setAnswered({value: null, error: error instanceof Error ? error.message : String(error)});
      }
    }
    busy.current = false;
  }

  return answered;
}
