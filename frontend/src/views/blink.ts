/** Blinking between two pictures: slow enough to hurt nobody, and only where it is welcome. */

import {useEffect, useState} from "preact/hooks";
import {BLINK_MS, blinking} from "../maths/compare";
import {isHidden} from "../state/host";

interface Blink {
  on: boolean;
  shown: "a" | "b";
  toggle: () => void;
  flip: () => void; // by hand; blinking rests then
}

/** Where less motion is asked for, nothing blinks before a button was pressed. */
export function useBlink(wanted: boolean): Blink {
  const [on, setOn] = useState(() => !matchMedia("(prefers-reduced-motion: reduce)").matches);
  const [shown, setShown] = useState<"a" | "b">("a");
  useEffect(() => {
    if (!wanted || !on) return;
    const began = performance.now();
    const timer = setInterval(() => {
      if (!isHidden()) setShown(blinking(performance.now() - began));
    }, BLINK_MS);
    return () => clearInterval(timer);
  }, [wanted, on]);
  const flip = () => {
    setOn(false);
    setShown(shown === "a" ? "b" : "a");
  };
  return {on, shown, toggle: () => setOn(!on), flip};
}
