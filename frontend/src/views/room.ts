/** The room that tiles have: known before anything is laid out, then measured. */

import {signal} from "@preact/signals";
import {useLayoutEffect} from "preact/hooks";

const SIDE = 208; // pixels of the panel at the left
const PADDING = 32; // of the middle, both sides

/** Pixels within the padding of what scrolls. */
export const room = signal({width: Math.max(window.innerWidth - SIDE - PADDING, 200), height: window.innerHeight});

/** Measure the element that scrolls while it is there. */
export function useRoom(element: {current: HTMLElement | null}, name: string): void {
  useLayoutEffect(() => {
    const box = element.current?.querySelector<HTMLElement>(":scope > .main");
    if (!box) return;
    const measure = () => {
      const width = box.clientWidth - PADDING;
      const height = box.clientHeight;
      if (!height || (width === room.value.width && height === room.value.height)) return; // hidden, or the same
      room.value = {width, height};
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, [name]);
}
