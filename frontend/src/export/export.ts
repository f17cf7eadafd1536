/** What leaves the page: pictures, animations, tables. */

import type {Renderer} from "../gpu/renderer";
import type {Limits, Look, RawMap, Viewport} from "../types";

/** One tile as it is to be exported, at the image's native size. */
export interface Drawing {
  image: ImageBitmap | null;
  map: RawMap | null;
  look: Look;
  limits: Limits;
  view?: Viewport; // the whole image by default
  caption?: string; // gridPng: under the tile
}

/** A tile at its image's own size. */
export function tilePng(_renderer: Renderer, _drawing: Drawing): Promise<Blob> {
  throw new Error("signature only: follows within minutes");
}

/** Tiles in rows at native size, with captions; `rows[i][j]` null leaves a gap. */
export function gridPng(_renderer: Renderer, _rows: readonly (readonly (Drawing | null)[])[]): Promise<Blob> {
  throw new Error("signature only: follows within minutes");
}

/** The steps of one sample as an endless animation; `delay` in milliseconds a frame, `progress` in [0, 1]. */
export function stepsGif(
  _renderer: Renderer,
  _frames: readonly Drawing[],
  _delay: number,
  _progress?: (done: number) => void,
): Promise<Blob> {
  throw new Error("signature only: follows within minutes");
}

export type Cell = string | number | null;

/** Comma-separated values (RFC 4180): a header from `columns`, then one line a row; null and NaN are empty. */
export function csv(_columns: readonly string[], _rows: readonly (readonly Cell[])[]): string {
  throw new Error("signature only: follows within minutes");
}

/** Save `blob` as a file called `name` (characters that file systems refuse are replaced). */
export function download(_blob: Blob, _name: string): void {
  throw new Error("signature only: follows within minutes");
}
