/** What can be seen, or soon: the rest is neither drawn nor fetched. */

import {useEffect, useState} from "preact/hooks";
import {begin} from "../busy";

const ROOM = "200px"; // beyond the edge that is drawn already

/** Tiles that are made at once, about a row: the others a moment later, as they are seen to be in sight. */
export const AT_ONCE = 8;

const told = new WeakMap<Element, (near: boolean) => void>();
let observer: IntersectionObserver | null = null;

/** One for all elements: of a thousand observers each costs at the start of the page. */
function observe(element: Element, tell: (near: boolean) => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const {target, isIntersecting} of entries) told.get(target)?.(isIntersecting);
    },
    // The page's scroller clips before a margin of the window counts. TypeScript does not know this option yet.
    {rootMargin: ROOM, scrollMargin: ROOM} as IntersectionObserverInit,
  );
  told.set(element, tell);
  observer.observe(element);
  return () => observer?.unobserve(element);
}

/** Whether an element is on the screen or close to it; `initially` is the guess until that is known. */
export function useNear(element: {current: HTMLElement | null}, initially = false): boolean {
  const [near, setNear] = useState(initially);
  useEffect(() => (element.current ? observe(element.current, setNear) : undefined), []);
  return near;
}

const IN_SIGHT = 24; // strips that a large screen holds
const FIRST_MS = 50; // until those are drawn

/** How many of many strips are made: those that can be in sight, and all a moment after these are there. */
export function useRest(count: number): number {
  const [all, setAll] = useState(count <= IN_SIGHT);
  useEffect(() => {
    if (all) return;
    const end = begin();
    const timer = setTimeout(() => {
      setAll(true);
      end();
    }, FIRST_MS);
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
  return all ? count : Math.min(count, IN_SIGHT);
}
