/** Answers that come before they are asked for: those of the first screen, all in one (http_api.md, "opening"). */

/** How long a question waits for it, before it is asked by itself. */
const WAIT_MS = 2000;
const MAGIC = "GCAM";
const PREFIX = 8;

interface Listed {
  route: string;
  parameters: Record<string, string>;
  headers: Record<string, string>;
  bytes: number;
}

/** One question and its answer. */
export interface EarlyAnswer {
  route: string;
  parameters: Record<string, string>;
  response: Response;
}

/** What the page may ask first, answered. Each answer is given once: what is asked again may have grown. */
export class Early {
  private answers: Map<string, EarlyAnswer> | null = null;
  private readonly ready: Promise<void>;

  /** `coming`: the answer of the route `opening`. Where it fails, nothing came early. */
  constructor(coming: Promise<Response>) {
    this.ready = this.fill(coming);
  }

  /** The answer to a question, if it is among those that come early; waits for them, but not long. */
  async take(route: string, query: string): Promise<Response | null> {
    if (!this.answers) await Promise.race([this.ready, pause(WAIT_MS)]);
    const key = keyOf(route, new URLSearchParams(query));
    const found = this.answers?.get(key);
    this.answers?.delete(key);
    return found?.response ?? null;
  }

  /** Which questions were answered, once that is known. */
  async all(): Promise<EarlyAnswer[]> {
    await this.ready;
    return [...(this.answers?.values() ?? [])];
  }

  private async fill(coming: Promise<Response>): Promise<void> {
    let answers: EarlyAnswer[] = [];
    try {
      const response = await coming;
      if (response.ok) answers = unpacked(await response.arrayBuffer());
    } catch {
      // Each question is asked by itself then, and whoever asks is told what is wrong.
    }
    this.answers = new Map(answers.map((one) => [keyOf(one.route, new URLSearchParams(one.parameters)), one]));
  }
}

/** A digest is the content's own, whichever run is asked for it. */
function keyOf(route: string, parameters: URLSearchParams): string {
  return `${route}?${parameters.get("digest") ?? parameters.toString()}`;
}

function unpacked(buffer: ArrayBuffer): EarlyAnswer[] {
  const text = new TextDecoder();
  if (text.decode(new Uint8Array(buffer, 0, MAGIC.length)) !== MAGIC) return []; // a proxy's own page
  const length = new DataView(buffer).getUint32(MAGIC.length, true);
  const {answers} = JSON.parse(text.decode(new Uint8Array(buffer, PREFIX, length))) as {answers: Listed[]};
  let at = PREFIX + length;
  return answers.map(({route, parameters, headers, bytes}) => {
    const body = new Uint8Array(buffer, at, bytes);
    at += bytes;
    return {route, parameters, response: responseOf(body, headers)};
  });
}

/** As the browser would have made it of an answer by itself. */
function responseOf(body: Uint8Array<ArrayBuffer>, headers: Record<string, string>): Response {
  const type = {headers: {"Content-Type": headers["Content-Type"] ?? ""}};
  const plain = new Response(body, type);
  if (headers["Content-Encoding"] !== "gzip") return plain;
  return new Response(plain.body!.pipeThrough(new DecompressionStream("gzip")), type);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
