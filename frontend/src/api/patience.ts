/** How often a busy server is asked again before its answer is taken for a failure. */
const TRIES = 8;

/**
 * Fetch, and ask again as long as the server says that it is busy: it answers 503 with `Retry-After` rather than take
 * more memory than it was given.
 */
export async function fetchPatiently(url: string, init: RequestInit = {}): Promise<Response> {
  for (let left = TRIES; ; left--) {
    const response = await fetch(url, init);
    const seconds = response.status === 503 && left > 0 ? Number(response.headers.get("Retry-After")) : 0;
    if (!seconds) return response;
    await pause(seconds * 1000, init.signal);
  }
}

function pause(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason instanceof Error ? signal.reason : new Error("no longer wanted"));
    });
  });
}
