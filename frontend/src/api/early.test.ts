import {gzipSync} from "node:zlib";
import {afterEach, beforeEach, expect, test, vi} from "vitest";

import {Client} from "./client";
import {Early} from "./early";
import {startServer, type TestServer} from "./testServer";

let server: TestServer;
let client: Client;

beforeEach(async () => {
  server = await startServer({steps: [0, 10, 20], samples: 2, generation: "g"});
  client = new Client(server.base);
});
afterEach(() => server.close());

interface Made {
  route: string;
  parameters: Record<string, string>;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** Lay out an answer of `opening` as http_api.md describes it. */
function opening(answers: readonly Made[]): Response {
  const listed = answers.map(({body, ...others}) => ({...others, bytes: body.length}));
  const text = new TextEncoder().encode(JSON.stringify({answers: listed}));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return new Response(
    new Blob([new TextEncoder().encode("GCAM"), length, text, ...answers.map(({body}) => body)] as BlobPart[]),
  );
}

const COHORT: Made = {
  route: "cohort",
  parameters: {run: "a b/é", digest: "9f"},
  headers: {"Content-Type": "application/json", "Content-Encoding": "gzip"},
  body: gzipSync(JSON.stringify({class_names: ["early"], samples: []})),
};
const IMAGE: Made = {
  route: "image",
  parameters: {run: "r", digest: "77"},
  headers: {"Content-Type": "image/png"},
  body: Uint8Array.of(137, 80, 78, 71),
};

test("what came early is not asked again, and what did not is asked as ever", async () => {
  client.expect(new Early(Promise.resolve(opening([COHORT, IMAGE]))));
  expect((await client.cohort("a b/é", "9f")).classNames).toEqual(["early"]);
  const blob = await (await client.image("r", "77")).blob();
  expect([blob.type, new Uint8Array(await blob.arrayBuffer())]).toEqual(["image/png", IMAGE.body]);
  expect(server.asked).toEqual([]);
  expect((await client.cohort("r", "c0")).classNames).toEqual(["cat", "dog"]);
  expect(server.asked.map(({pathname}) => pathname)).toEqual(["/cohort"]);
});

test("what a digest names is the same for every run", async () => {
  client.expect(new Early(Promise.resolve(opening([COHORT]))));
  expect((await client.cohort("another run", "9f")).classNames).toEqual(["early"]);
  expect(server.asked).toEqual([]);
});

test("an early answer is given once, since the log may have grown since", async () => {
  client.expect(new Early(Promise.resolve(opening([COHORT]))));
  await client.cohort("a b/é", "9f");
  await client.cohort("a b/é", "9f");
  expect(server.asked.length).toBe(1);
});

test("a question waits for the answers that are on their way", async () => {
  let resolve = (_: Response) => {};
  const coming = new Promise<Response>((given) => {
    resolve = given;
  });
  client.expect(new Early(coming));
  const asked = client.cohort("a b/é", "9f");
  resolve(opening([COHORT]));
  expect((await asked).classNames).toEqual(["early"]);
  expect(server.asked).toEqual([]);
});

test("questions are asked by themselves where nothing comes, or something else", async () => {
  const others = [
    Promise.reject(new Error("offline")),
    Promise.resolve(new Response("busy", {status: 503})),
    Promise.resolve(new Response("<!doctype html><p>a proxy's page</p>")),
  ];
  for (const coming of others) {
    client.expect(new Early(coming));
    expect((await client.cohort("r", "c0")).classNames).toEqual(["cat", "dog"]);
  }
  expect(server.asked.length).toBe(3);
});

test("a question does not wait for ever", async () => {
  vi.useFakeTimers({toFake: ["setTimeout"]});
  client.expect(new Early(new Promise(() => {})));
  const asked = client.cohort("r", "c0");
  await vi.advanceTimersByTimeAsync(2000);
  vi.useRealTimers();
  expect((await asked).classNames).toEqual(["cat", "dog"]);
});
