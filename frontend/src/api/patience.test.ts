import {afterEach, expect, test, vi} from "vitest";
import {fetchPatiently} from "./patience";

const busy = () => new Response("busy", {status: 503, headers: {"Retry-After": "0.01"}});

afterEach(() => vi.unstubAllGlobals());

test("a busy server is asked again until it answers", async () => {
  const answers = [busy(), busy(), new Response("here")];
  const fetched = vi.fn(async () => answers.shift()!);
  vi.stubGlobal("fetch", fetched);
  expect(await (await fetchPatiently("maps")).text()).toBe("here");
  expect(fetched).toHaveBeenCalledTimes(3);
});

test("a server that stays busy, or is down, is not asked for ever", async () => {
  const stays = vi.fn(async () => busy());
  vi.stubGlobal("fetch", stays);
  expect((await fetchPatiently("maps")).status).toBe(503);
  expect(stays.mock.calls.length).toBeLessThan(20);
  const down = vi.fn(async () => new Response("dead", {status: 503}));
  vi.stubGlobal("fetch", down);
  expect((await fetchPatiently("maps")).status).toBe(503);
  expect(down).toHaveBeenCalledTimes(1);
});

test("who no longer wants an answer does not wait for it", async () => {
  vi.stubGlobal("fetch", async () => new Response("busy", {status: 503, headers: {"Retry-After": "3600"}}));
  const ended = new AbortController();
  const waiting = fetchPatiently("maps", {signal: ended.signal});
  setTimeout(() => ended.abort());
  await expect(waiting).rejects.toThrow();
});
