import {deflateSync} from "node:zlib";
import {expect, test} from "vitest";

import {FileClient} from "./fileClient";
import {decodeMaps} from "./packet";
import {mapsPacket, predictionsPacket} from "./testServer";

interface Part {
  route: string;
  query: Record<string, string | string[]>;
  body: Uint8Array | object;
  type?: string;
}

/** A page that holds these answers, and counts what is read of it. */
function pageOf(parts: Part[]): {page: Document; read: string[]} {
  const texts = new Map<string, string>();
  const hold = (part: number, body: Uint8Array, type: string) =>
    texts.set(`gradcam-${part}`, Buffer.from(type.startsWith("image/") ? body : deflateSync(body)).toString("base64"));
  const bytes = (body: Uint8Array | object) =>
    body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body));
  const index = parts.map(({route, query, body, type = "application/json"}, at) => {
    hold(at + 1, bytes(body), type);
    return {route, query, part: at + 1, type};
  });
  hold(0, bytes(index), "application/json");
  const read: string[] = [];
  const getElementById = (id: string) => {
    read.push(id);
    return texts.has(id) ? {textContent: texts.get(id)} : null;
  };
  return {page: {getElementById} as unknown as Document, read};
}

const SERIES = {tag: "t", method: "m", layer: ""};

test("maps come whole from the page, decoded once whichever part of them is asked for", async () => {
  const body = mapsPacket({steps: [0, 10], samples: 3, generation: "g"}, new URLSearchParams());
  const {page, read} = pageOf([{route: "maps", query: {layer: "", method: "m", run: "ü \u2028", tag: "t"}, body}]);
  const client = new FileClient(page);
  const key = {run: "ü \u2028", ...SERIES};
  const first = await client.maps({...key, samples: [1], step: 10});
  expect([...first.steps]).toEqual([0, 10]);
  expect(first.sample.length).toBe(6);
  expect(await client.maps({...key, after: 0})).toBe(first);
  expect(read).toEqual(["gradcam-0", "gradcam-1"]);
});

test("pictures come as they are, and what the page does not hold is an error in words", async () => {
  const body = Uint8Array.from([1, 2, 3]);
  const {page} = pageOf([{route: "image", query: {run: "r", digest: "9f"}, body, type: "image/webp"}]);
  const client = new FileClient(page);
  const response = await client.image("r", "9f");
  expect(response.headers.get("content-type")).toBe("image/webp");
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(body);
  await expect(client.cohort("r", "00")).rejects.toThrow("this file contains no cohort for this view");
  await expect(new FileClient(pageOf([]).page).predictions("r", "t")).rejects.toThrow("contains no predictions");
  const cutOff = {getElementById: () => null} as unknown as Document;
  await expect(new FileClient(cutOff).series()).rejects.toThrow("incomplete");
});

test("findings of runs that were not stored together are those of more, narrowed down", async () => {
  const finding = (run: string, other = "") => ({run, other});
  const all = {findings: [finding("a"), finding("b"), finding("a", "b"), finding("b", "c")], looked_for: []};
  const runs = ["a", "b", "c"].map((run) => ({run}));
  const {page} = pageOf([{route: "findings", query: {run: ["a", "b", "c"], ...SERIES}, body: {...all, runs}}]);
  const found = await new FileClient(page).findings(["a", "b"].map((run) => ({run, ...SERIES})));
  expect(found.findings).toEqual([finding("a"), finding("b"), finding("a", "b")]);
  expect(found.runs.map(({run}) => run)).toEqual(["a", "b"]);
});

test("an atlas is that of the last stored step, with its own pictures", async () => {
  const atlas = (step: number, picture: number | null) => ({step, grid: [1, 1], classes: [{class: 0, picture}]});
  const body = {pictures: ["x", "y"], atlases: [atlas(10, 0), atlas(20, 1), atlas(30, null)]};
  const client = new FileClient(pageOf([{route: "atlas", query: {run: "r", ...SERIES}, body}]).page);
  const at = async (step: number) => {
    const {step: found, classes} = await client.atlas({run: "r", ...SERIES}, step);
    return [found, (classes[0] as unknown as {picture: string | null}).picture];
  };
  expect(await at(29)).toEqual([20, "y"]);
  expect(await at(5)).toEqual([10, "x"]);
  expect(await at(99)).toEqual([30, null]);
});

test("the samples behind a place are counted from the maps that the file holds", async () => {
  const maps = mapsPacket({steps: [0, 10], samples: 3, generation: "g"}, new URLSearchParams({run: "r"}));
  const said = predictionsPacket({steps: [0, 10], samples: 3, generation: "g"}, new URLSearchParams({run: "r"}));
  const sample = (identity: string, label: number) => ({identity, label, boxes: [], mask: null});
  const cohort = {class_names: [], samples: [sample("a", 0), sample("b", 1), sample("c", 1)]};
  const digest = decodeMaps(maps.slice().buffer).cohorts[0]!;
  const client = new FileClient(
    pageOf([
      {route: "maps", query: {run: "r", ...SERIES}, body: maps},
      {route: "predictions", query: {run: "r", tag: "t"}, body: said},
      {route: "cohort", query: {run: "r", digest}, body: cohort},
    ]).page,
  );
  const at = (step: number, of: number | null, by: "label" | "prediction") =>
    client.behind({run: "r", ...SERIES}, step, {region: "0.5,0,1,1", of, by});
  // Two rows of [0, sample], [step, sample + step]: the right column has (2 sample + step) of (2 sample + 2 step).
  const shares = {a: 0.5, b: 0.5455, c: 0.5833};
  const listed = (names: (keyof typeof shares)[]) => names.map((identity) => ({identity, share: shares[identity]}));
  const all = await at(15, null, "label");
  expect(all).toMatchObject({step: 10, count: 3, area: 0.5, samples: listed(["c", "b", "a"])});
  expect(all.share).toBeCloseTo((0.5 + 12 / 22 + 14 / 24) / 3, 6);
  expect(await at(10, 1, "label")).toMatchObject({count: 2, samples: listed(["c", "b"])});
  const {prediction} = await client.predictions("r", "t");
  const predicted = prediction!.data[prediction!.columns + 2]!; // of "c" at step 10
  const alike = (["c", "b", "a"] as const).filter(
    (_, at) => prediction!.data[prediction!.columns + 2 - at] === predicted,
  );
  expect((await at(10, predicted, "prediction")).samples).toEqual(listed(alike));
  // Before the first step nothing was kept: what comes first stands in.
  expect((await at(-5, null, "label")).step).toBe(0);
});
