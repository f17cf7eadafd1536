/** The part of every picture that is shown: all zoom and move together, and the link has it. */

import {computed} from "@preact/signals";
import type {Place} from "../maths/metrics";
import {viewportFrom, viewportText, within, zoomed} from "../maths/placement";
import type {Viewport} from "../types";
import {announce, change, pin, settings} from "./store";

const text = computed(() => settings.value.zoom);
export const viewport = computed<Viewport>(() => viewportFrom(text.value));

/** Zoom around a place, which stays where it is: the pin, or the middle, where none is given. */
export function zoomBy(factor: number, around: Place = pin.value ?? viewport.value): void {
  show(zoomed(viewport.value, factor, around));
  announce(`Zoom ${Math.round(100 * viewport.value.zoom)} %`);
}

/** Move by fractions of what is shown. */
export function panBy(right: number, down: number): void {
  const {x, y, zoom} = viewport.value;
  show(within({x: x + right / zoom, y: y + down / zoom, zoom}));
}

export function showAll(): void {
  change({zoom: null});
  announce("Zoom 100 %");
}

function show(view: Viewport): void {
  change({zoom: viewportText(view)});
}
