import {afterEach, beforeEach, expect, test, vi} from "vitest";

import {Client, ServerError} from "./client";
import {startServer, type TestServer} from "./testServer";

let server: TestServer;
let client: Client;

beforeEach(async () => {
  server = await startServer({steps: [0, 10, 20], samples: 2, generation: "g"});
  client = new Client(server.base);
});
afterEach(() => server.close());

test("the catalog's names are TypeScript's", async () => {
  const catalog = await client.series();
  expect(catalog.keptSteps).toBe(1000);
  expect(catalog.leftOut).toBe("This log has 20,001 series.");
  expect(catalog.runs[0]).toMatchObject({run: ".", startTime: null});
  expect(catalog.runs[0]!.tags[0]).toEqual({
    tag: "val",
    predictions: {maxStep: 20, maxWallTime: 5},
    maps: [{method: "grad_cam", layer: "l4", kind: "positive", maxStep: 20, maxWallTime: 6}],
    numbers: [],
    problem: null,
  });
});

test("a cohort's boxes and mask are decoded", async () => {
  const {classNames, samples} = await client.cohort("r", "c0");
  expect(classNames).toEqual(["cat", "dog"]);
  expect(samples[0]!.boxes).toEqual([{x0: 0.1, y0: 0.2, x1: 0.5, y1: 0.6}]);
  expect(samples[0]!.mask).toEqual({height: 1, width: 2, cells: Uint8Array.of(0, 1)});
  expect(samples[1]).toMatchObject({image: "", label: null, mask: null});
});

test("names of any kind survive the address", async () => {
  const run = "a/b & c=d?é#%";
  await client.maps({run, tag: "val", method: "m", layer: "", samples: [1, 0], step: 12});
  const query = server.asked[0]!.searchParams;
  expect(query.get("run")).toBe(run);
  expect(query.get("layer")).toBe("");
  expect(query.get("samples")).toBe("1,0");
  expect(query.get("step")).toBe("12");
  expect(query.has("after")).toBe(false);
});

test("addresses are relative to the page, so that a path prefix holds", async () => {
  const asked = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response());
  await new Client("./").image("a b", "9f");
  expect(asked).toHaveBeenCalledWith("./image?run=a+b&digest=9f", {});
  asked.mockRestore();
});

test("an error is the server's own sentence, with its status", async () => {
  server.failing = {status: 404, words: "no Grad-CAM data for run='r'\n"};
  const error = await client.predictions("r", "t").catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ServerError);
  expect(error).toMatchObject({status: 404, message: "no Grad-CAM data for run='r'"});
});

test("a request can be ended", async () => {
  server.delay = 5000;
  const ended = new AbortController();
  const answer = client.maps({run: "r", tag: "t", method: "m", layer: "l"}, ended.signal);
  ended.abort();
  await expect(answer).rejects.toMatchObject({name: "AbortError"});
});
