/** One tab stop for all tiles: the arrow keys go from one to the next, as in a table. */

import {useEffect} from "preact/hooks";

const TILE = ".tile [data-testid=tile]";

/** Keep the tiles' buttons out of the order of Tab, but for those of the tile that was gone to last. */
export function useRoving(area: {current: HTMLElement | null}): void {
  useEffect(() => {
    const element = area.current;
    if (!element) return;
    const ended = new AbortController();
    const tiles = new Stops(element);
    element.addEventListener("focusin", ({target}) => tiles.enter(target as Element), {signal: ended.signal});
    element.addEventListener("keydown", (event) => tiles.press(event), {signal: ended.signal});
    const observer = new MutationObserver(() => tiles.keepOne());
    observer.observe(element, {childList: true, subtree: true});
    tiles.keepOne();
    return () => {
      ended.abort();
      observer.disconnect();
    };
  }, []);
}

class Stops {
  private current: Element | null = null;

  constructor(private readonly area: HTMLElement) {}

  /** Some tile can always be reached, also when the one that could is gone. */
  keepOne(): void {
    if (this.current && this.area.contains(this.current)) return;
    this.current = null;
    const first = this.area.querySelector(TILE)?.closest(".tile");
    if (first) this.stopAt(first);
  }

  enter(target: Element): void {
    const tile = target.closest(".tile");
    if (tile && tile !== this.current) this.stopAt(tile);
  }

  private stopAt(tile: Element): void {
    setStops(this.current, -1);
    setStops(tile, 0);
    this.current = tile;
  }

  press(event: KeyboardEvent): void {
    const from = (event.target as Element).closest<HTMLElement>(TILE);
    if (!from || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const to = this.next(from, event.key);
    if (to === undefined) return;
    event.preventDefault(); // neither scrolls the page nor goes to another step
    to?.focus();
    to?.scrollIntoView({block: "nearest"});
  }

  /** The tile that a key leads to: null at the edge, undefined where the key is none of ours. */
  private next(from: HTMLElement, key: string): HTMLElement | null | undefined {
    const all = [...this.area.querySelectorAll<HTMLElement>(TILE)];
    const at = all.indexOf(from);
    if (key === "ArrowRight") return all[at + 1] ?? null;
    if (key === "ArrowLeft") return all[at - 1] ?? null;
    if (key === "ArrowDown") return nearestBelow(from, all.slice(at + 1), 1);
    if (key === "ArrowUp") return nearestBelow(from, all.slice(0, at).reverse(), -1);
    return undefined;
  }
}

function setStops(tile: Element | null, stop: number): void {
  for (const button of tile?.querySelectorAll<HTMLElement>("button, input") ?? []) button.tabIndex = stop;
}

/** The one in the next row, up or down, whose middle is nearest. */
function nearestBelow(from: HTMLElement, others: readonly HTMLElement[], sign: 1 | -1): HTMLElement | null {
  const own = from.getBoundingClientRect();
  let best: {element: HTMLElement; top: number; apart: number} | null = null;
  for (const element of others) {
    const box = element.getBoundingClientRect();
    if (sign * (box.top - own.top) < own.height / 2) continue;
    const apart = Math.abs(box.left + box.width / 2 - own.left - own.width / 2);
    if (best && sign * (box.top - best.top) > box.height / 2) break;
    if (!best || apart < best.apart) best = {element, top: box.top, apart};
  }
  return best?.element ?? null;
}
