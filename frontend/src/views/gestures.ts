/** Zoom and pan with wheel, drag and two fingers, on whichever picture it is. */

import {useEffect} from "preact/hooks";
import type {Place} from "../maths/metrics";
import {panBy, viewport, zoomBy} from "../state/zoom";
import {showSlice} from "./Slices";
import {fillOnSecondClick} from "./Tile";

const PER_PIXEL = 0.005; // of the wheel, in powers of e
const LINE = 16; // pixels, where a wheel counts in lines
const STILL = 4; // pixels that a click may wander

interface Finger {
  x: number;
  y: number;
}

/** Listen while the page is there. */
export function useGestures(): void {
  useEffect(() => {
    const ended = new AbortController();
    const {signal} = ended;
    document.addEventListener("wheel", turnWheel, {signal, passive: false});
    document.addEventListener("pointerdown", press, {signal});
    document.addEventListener("pointermove", move, {signal});
    document.addEventListener("pointerup", lift, {signal});
    document.addEventListener("pointercancel", lift, {signal});
    document.addEventListener("click", swallow, {signal, capture: true});
    document.addEventListener("click", fillOnSecondClick, {signal, capture: true});
    return () => ended.abort();
  }, []);
}

function pictureOf(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>(".picture") : null;
}

/** With Ctrl or ⌘, which is also what a trackpad's pinch says; without, slices turn, or the page scrolls. */
function turnWheel(event: WheelEvent): void {
  const picture = pictureOf(event);
  const by = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
  if (!picture || !(event.ctrlKey || event.metaKey)) {
    turnSlices(event, picture, by);
    return;
  }
  event.preventDefault();
  zoomBy(Math.exp(-by * PER_PIXEL), placeAt(picture, event.clientX, event.clientY));
}

const PAUSE_MS = 250; // after which a turn of the wheel is another one
const TURN = 40; // pixels of the wheel, a slice
let scrolledAt = 0;
let turned = 0;

/** Over a volume the wheel goes through its slices, unless it is scrolling the page at that moment, and up to the last one. */
function turnSlices(event: WheelEvent, picture: HTMLElement | null, by: number): void {
  const [index, count] = [Number(picture?.dataset.slice), Number(picture?.dataset.slices)];
  const ends = !count || (by > 0 ? index >= count - 1 : index <= 0);
  if (ends || performance.now() - scrolledAt < PAUSE_MS) {
    scrolledAt = performance.now();
    turned = 0;
    return;
  }
  event.preventDefault();
  turned += by;
  const slices = Math.trunc(turned / TURN);
  turned -= slices * TURN;
  if (slices) showSlice(index + slices, count);
}

function placeAt(picture: HTMLElement, x: number, y: number): Place {
  const {left, top, width, height} = picture.getBoundingClientRect();
  const view = viewport.value;
  return {
    x: view.x + ((x - left) / width - 0.5) / view.zoom,
    y: view.y + ((y - top) / height - 0.5) / view.zoom,
  };
}

const fingers = new Map<number, Finger>();
let held: HTMLElement | null = null;
let wandered = 0;

function press(event: PointerEvent): void {
  const picture = pictureOf(event);
  if (event.button !== 0 || !picture) return;
  if (!fingers.size) wandered = 0;
  held = picture;
  fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
}

function move(event: PointerEvent): void {
  const before = fingers.get(event.pointerId);
  if (!before || !held) return;
  const now = {x: event.clientX, y: event.clientY};
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) pinch(held, other, before, now);
  else if (viewport.value.zoom > 1) drag(held, before, now);
  fingers.set(event.pointerId, now);
}

function drag(picture: HTMLElement, from: Finger, to: Finger): void {
  const {width, height} = picture.getBoundingClientRect();
  wandered += Math.hypot(to.x - from.x, to.y - from.y);
  panBy((from.x - to.x) / width, (from.y - to.y) / height);
}

function pinch(picture: HTMLElement, still: Finger, from: Finger, to: Finger): void {
  const apart = (finger: Finger) => Math.max(Math.hypot(finger.x - still.x, finger.y - still.y), 1);
  wandered = Infinity;
  zoomBy(apart(to) / apart(from), placeAt(picture, (still.x + to.x) / 2, (still.y + to.y) / 2));
}

function lift(event: PointerEvent): void {
  fingers.delete(event.pointerId);
  if (!fingers.size) held = null;
}

/** The end of a drag is no click. */
function swallow(event: Event): void {
  if (wandered > STILL && pictureOf(event)) {
    event.preventDefault();
    event.stopPropagation();
  }
  wandered = 0;
}
