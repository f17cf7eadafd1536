/** Where tiles of one batch lie on one canvas: rows ("shelves") from left to right. */

import type {Size} from "../maths/placement";

export interface Slot {
  x: number;
  y: number;
}

export interface Atlas extends Size {
  slots: Slot[]; // of the first tiles; the others go on the next canvas
}

const SHELF = 1024;
const MOST = 4096; // every WebGL2 offers at least 2,048; a drawing buffer may be shrunk above that only by memory

/** Place as many of `tiles` as go on a canvas of at most `MOST` a side; the first always does. */
export function packed(tiles: readonly Size[], shelf = SHELF, most = MOST): Atlas {
  const atlas: Atlas = {width: 1, height: 1, slots: []};
  let [x, y, tallest] = [0, 0, 0];
  for (const {width, height} of tiles) {
    if (x > 0 && x + width > shelf) [x, y, tallest] = [0, y + tallest, 0];
    if (atlas.slots.length && y + height > most) break;
    atlas.slots.push({x, y});
    x += width;
    tallest = Math.max(tallest, height);
    atlas.width = Math.max(atlas.width, x);
    atlas.height = Math.max(atlas.height, y + height);
  }
  return atlas;
}
