import {useEffect, useState} from "preact/hooks";

/** Windows that are too narrow for panels at both sides. */
const NARROW = matchMedia("(max-width: 1000px)");

export function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const tell = () => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", tell);
    return () => NARROW.removeEventListener("change", tell);
  }, []);
  return narrow;
}
