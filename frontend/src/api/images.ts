/** Source pictures as bitmaps: loaded in parallel, kept while there is room, failures remembered. */

import {type ReadonlySignal, signal} from "@preact/signals";
import {during} from "../busy";

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
  /** Whether pictures that were never here are still to come, but no longer than a few seconds on end. */
  readonly busy: boolean;
  /** Forget failures, so that `get` asks again. */
  retry(): void;
  /** Counts what came or failed: whoever draws pictures reads it. */
  readonly arrivals: ReadonlySignal<number>;
  dispose(): void;
}

type AskImage = (run: string, digest: string, signal: AbortSignal) => Promise<Response>;

const MIB = 2 ** 20;
export const PATIENCE_MS = 3000; // with pictures that do not come

export function createImageCache(ask: AskImage, {bytes = 256 * MIB, parallel = 8}: ImageCacheOptions = {}): ImageCache {
  return new Images(ask, bytes, parallel);
}

class Images implements ImageCache {
  // A digest is the picture's own, so runs share bitmaps; a failure is the run's, since each keeps its own copy.
  private readonly bitmaps = new Map<string, ImageBitmap>(); // in the order of last use
  private readonly problems = new Map<string, Error>();
  private readonly queue = new Map<string, [run: string, digest: string]>();
  private readonly known = new Set<string>(); // that have been here
  private read = new Set<string>(); // since the last arrival
  private readBefore = new Set<string>(); // between the last two arrivals
  private busySince = 0;
  private readonly loading = new Set<string>();
  readonly arrivals = signal(0);
  private readonly ended = new AbortController();
  private size = 0;

  constructor(
    private readonly ask: AskImage,
    private readonly bytes: number,
    private readonly parallel: number,
  ) {}

  get(run: string, digest: string): ImageBitmap | null {
    const bitmap = this.bitmaps.get(digest);
    this.read.add(digest);
    if (bitmap) {
      this.bitmaps.delete(digest);
      this.bitmaps.set(digest, bitmap);
      return bitmap;
    }
    if (digest && !this.problems.has(idOf(run, digest)) && !this.loading.has(digest)) {
      if (!this.pending) this.busySince = performance.now();
      this.queue.set(digest, [run, digest]);
      this.pump();
    }
    return null;
  }

  state(run: string, digest: string): ImageState {
    if (this.bitmaps.has(digest)) return "ready";
    return !digest || this.problems.has(idOf(run, digest)) ? "failed" : "loading";
  }

  problem(run: string, digest: string): Error | null {
    if (this.bitmaps.has(digest)) return null;
    return digest ? (this.problems.get(idOf(run, digest)) ?? null) : new Error("no picture was logged for this sample");
  }

  get busy(): boolean {
    return this.pending && performance.now() - this.busySince < PATIENCE_MS;
  }

  private get pending(): boolean {
    for (const digest of this.loading) if (!this.known.has(digest)) return true;
    for (const digest of this.queue.keys()) if (!this.known.has(digest)) return true;
    return false;
  }

  /** Whether anyone looks at it: at each arrival, everyone reads what is shown. */
  private isShown(digest: string): boolean {
    return this.read.has(digest) || this.readBefore.has(digest);
  }

  private notify(): void {
    if (this.read.size) {
      this.readBefore = this.read;
      this.read = new Set();
    }
    this.arrivals.value++;
  }

  retry(): void {
    this.problems.clear();
    this.notify();
  }

  dispose(): void {
    this.ended.abort();
    this.queue.clear();
    this.bitmaps.clear();
  }

  private pump(): void {
    while (this.loading.size < this.parallel && this.queue.size) {
      const [run, digest] = [...this.queue.values()].at(-1)!; // the last asked for is what is on screen now
      this.queue.delete(digest);
      if (!this.isShown(digest)) continue; // scrolled past
      this.loading.add(digest);
      void during(this.load(run, digest));
    }
  }

  private async load(run: string, digest: string): Promise<void> {
    try {
      this.keep(digest, await this.fetched(run, digest));
    } catch (error) {
      if (this.ended.signal.aborted) return;
      this.problems.set(idOf(run, digest), error instanceof Error ? error : new Error(String(error)));
    }
    this.loading.delete(digest);
    this.notify();
    this.pump();
  }

  private async fetched(run: string, digest: string): Promise<ImageBitmap> {
    const response = await this.ask(run, digest, this.ended.signal);
    const blob = await response.blob();
    try {
      // "none": the pixels as they were logged, whatever colour profile the file claims.
      return await createImageBitmap(blob, {colorSpaceConversion: "none"});
    } catch {
      throw new Error(`the picture ${digest} can't be decoded (${blob.type || "unknown type"}, ${blob.size} bytes)`);
    }
  }

  private keep(digest: string, bitmap: ImageBitmap): void {
    this.bitmaps.set(digest, bitmap);
    this.known.add(digest);
    this.size += bytesOf(bitmap);
    for (const [oldest, old] of this.bitmaps) {
      if (this.size <= this.bytes || oldest === digest) break;
      if (this.isShown(oldest)) continue; // what is shown stays, however large
      this.bitmaps.delete(oldest); // not closed: a tile may be drawing it this moment
      this.size -= bytesOf(old);
    }
  }
}

function idOf(run: string, digest: string): string {
  return `${digest} ${run}`;
}

function bytesOf({width, height}: ImageBitmap): number {
  return width * height * 4;
}
