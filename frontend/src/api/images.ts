/** Source pictures as bitmaps: loaded in parallel, kept while there is room, failures remembered. */

export type ImageState = "loading" | "ready" | "failed";

export interface ImageCacheOptions {
  bytes?: number; // of decoded pixels; the least recently shown go first
  parallel?: number;
}

export interface ImageCache {
  /** The picture if it is here; else null, and it is asked for. An empty digest is a missing picture. */
  get(run: string, digest: string): ImageBitmap | null;
  /** Where it stands; never fetches. "loading" also where nobody has asked yet. */
  state(run: string, digest: string): ImageState;
  /** Why it failed, in the server's words. */
  problem(run: string, digest: string): Error | null;
  /** Forget failures, so that `get` asks again. */
  retry(): void;
  subscribe(listener: () => void): () => void;
  dispose(): void;
}

export function createImageCache(_url: (run: string, digest: string) => string, _options: ImageCacheOptions = {}): ImageCache {
  throw new Error("signature only: follows within minutes");
}
