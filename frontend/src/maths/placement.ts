/** Where a picture lies on a tile. */

import type {Viewport} from "../types";
import type {Place} from "./metrics";

/** The whole picture's rectangle in the tile's pixels; larger than the tile when zoomed in. */
export interface Placement {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

const MOST_ZOOM = 32;

/** The whole picture, centred. */
export const WHOLE: Viewport = {x: 0.5, y: 0.5, zoom: 1};

/** Fit a picture into a tile: as large as it goes in at zoom 1, with the view's centre in the middle. */
export function placementOf(picture: Size, tile: Size, view: Viewport = WHOLE): Placement {
  const scale = Math.min(tile.width / picture.width, tile.height / picture.height) * view.zoom;
  const width = picture.width * scale;
  const height = picture.height * scale;
  return {left: tile.width / 2 - view.x * width, top: tile.height / 2 - view.y * height, width, height};
}

/**
 * The size that a picture is drawn at where it takes `across` of the screen's pixels (0: nobody knows yet).
 *
 * Whole multiples of a small picture and whole parts of a large one, so that its pixels and its map's cells stay sharp;
 * `fine` is never less than the screen's, for lines.
 */
export function sharpSize({width, height}: Size, across: number, fine = false): Size {
  const times = across / width;
  if (times > 1) {
    const whole = Math.max(fine ? Math.ceil(times - 0.01) : Math.floor(times), 1);
    return {width: width * whole, height: height * whole};
  }
  const part = across > 0 ? Math.max(Math.floor(1 / times), 1) : 1;
  return {width: Math.round(width / part), height: Math.max(Math.round(height / part), 1)};
}

/** The place in the picture under a tile's pixel; outside [0, 1] beside the picture. */
export function placeAt({left, top, width, height}: Placement, x: number, y: number): Place {
  return {x: (x - left) / width, y: (y - top) / height};
}

/** The view after zooming by `factor` around a place of the picture, which stays where it is; zoom from 1 to `most`. */
export function zoomed(view: Viewport, factor: number, around: Place, most = MOST_ZOOM): Viewport {
  const zoom = Math.min(Math.max(view.zoom * factor, 1), most);
  const kept = view.zoom / zoom;
  return within({zoom, x: around.x + (view.x - around.x) * kept, y: around.y + (view.y - around.y) * kept});
}

/** A view that shows no more than the picture's edge (of a picture that fills its tile). */
export function within({x, y, zoom}: Viewport): Viewport {
  const margin = 0.5 / zoom;
  const clamp = (value: number) => Math.min(Math.max(value, margin), 1 - margin);
  return {x: clamp(x), y: clamp(y), zoom};
}

/** A view in a link, "x,y,zoom"; null is the whole picture. */
export function viewportText({x, y, zoom}: Viewport): string | null {
  return zoom > 1 ? [x, y, zoom].map((value) => Number(value.toFixed(4))).join() : null;
}

/** The view that a link has; the whole picture where it has none, or none that can be. */
export function viewportFrom(text: string | null): Viewport {
  const [x, y, zoom] = (text ?? "").split(",").map(Number);
  if (![x, y, zoom].every(Number.isFinite) || zoom! <= 1) return WHOLE;
  return within({x: x!, y: y!, zoom: Math.min(zoom!, MOST_ZOOM)});
}
