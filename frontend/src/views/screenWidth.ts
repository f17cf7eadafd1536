/** How wide things are on the screen, as the browser tells it by itself: asking would lay the page out at once. */

import type {RefObject} from "preact";
import {useLayoutEffect, useState} from "preact/hooks";

const told = new WeakMap<Element, (pixels: number) => void>();
let observer: ResizeObserver | null = null;

function watch(element: Element, tell: (pixels: number) => void): () => void {
  observer ??= new ResizeObserver((entries) => {
    for (const {target, contentRect} of entries) told.get(target)?.(contentRect.width * devicePixelRatio);
  });
  told.set(element, tell);
  observer.observe(element);
  return () => observer?.unobserve(element);
}

/** The screen's pixels that an element takes across; `guess` until that is known. */
export function useScreenWidth(element: RefObject<HTMLElement | null>, guess: number): number {
  const [width, setWidth] = useState(guess * devicePixelRatio);
  useLayoutEffect(() => (element.current ? watch(element.current, setWidth) : undefined), []);
  return width;
}
