/** A small server of packets for the tests of this folder: HTTP, aborts and bytes are real, the maps are made up. */

import {createServer, type IncomingMessage, type Server, type ServerResponse} from "node:http";
import type {AddressInfo} from "node:net";

type Numbers = Uint8Array | Uint16Array | Int32Array | Float32Array | Float64Array;

/** Lay out a packet as http_api.md describes it. */
export function encodePacket(fields: Record<string, unknown>, arrays: Record<string, [Numbers, number[]]>): Uint8Array {
  const declared: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, [data, shape]] of Object.entries(arrays)) {
    declared[name] = {type: data.constructor.name.replace("Array", "").toLowerCase(), shape, offset};
    offset += Math.ceil(data.byteLength / 8) * 8;
  }
  let json = JSON.stringify({...fields, arrays: declared});
  json += " ".repeat((8 - (new TextEncoder().encode(json).length % 8)) % 8);
  const header = new TextEncoder().encode(json);
  const packet = new Uint8Array(8 + header.length + offset);
  packet.set(new TextEncoder().encode("GCAM"));
  new DataView(packet.buffer).setUint32(4, header.length, true);
  packet.set(header, 8);
  for (const [name, [data]] of Object.entries(arrays)) {
    const at = 8 + header.length + (declared[name] as {offset: number}).offset;
    packet.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
  }
  return packet;
}

/** A series of 2 x 2 maps of which sample i at step s has the raw values 0, i, s and i + s (minimum 0, maximum i + s). */
export interface MadeUp {
  steps: number[];
  samples: number;
  generation: string;
}

function stepArrays(steps: number[], all: number[]): Record<string, [Numbers, number[]]> {
  const S = steps.length;
  return {
    steps: [Float64Array.from(steps), [S]],
    wall_times: [Float64Array.from(steps, (step) => 1e9 + step), [S]],
    epochs: [Float32Array.from(steps, (step) => step / 100), [S]],
    ordinals: [Float64Array.from(steps, (step) => all.indexOf(step)), [S]],
    cohort: [new Int32Array(S), [S]],
  };
}

const HEAD = {cohorts: ["c0"], sampled_down: null, corrupt: []};

export function mapsPacket(made: MadeUp, query: URLSearchParams): Uint8Array {
  const steps = chosenSteps(made, query);
  const samples = query.get("samples")?.split(",").map(Number) ?? Array.from({length: made.samples}, (_, i) => i);
  const entries = steps.flatMap((step) => samples.map((sample) => ({step, sample})));
  const E = entries.length;
  const values = entries.flatMap(({step, sample}) => [0, sample, step, sample + step]);
  const name = (key: string) => query.get(key) ?? "";
  return encodePacket(
    {
      ...HEAD,
      run: name("run"),
      tag: name("tag"),
      method: name("method"),
      layer: name("layer"),
      kind: "positive",
      generation: made.generation,
      total: made.steps.length,
      native_shape: null,
    },
    {
      ...stepArrays(steps, made.steps),
      first: [Int32Array.from({length: steps.length + 1}, (_, i) => i * samples.length), [steps.length + 1]],
      sample: [Int32Array.from(entries, ({sample}) => sample), [E]],
      target: [new Int32Array(E).fill(1), [E]],
      score: [new Float32Array(E).fill(NaN), [E]],
      minimum: [new Float32Array(E), [E]],
      maximum: [Float32Array.from(entries, ({step, sample}) => step + sample), [E]],
      shape: [new Int32Array(2 * E).fill(2), [E, 2]],
      offset: [Int32Array.from(entries, (_, i) => 4 * i), [E]],
      values: [Float32Array.from(values), [4 * E]],
    },
  );
}

function chosenSteps({steps}: MadeUp, query: URLSearchParams): number[] {
  const after = query.get("after");
  const step = query.get("step");
  if (after !== null) return steps.filter((one) => one > Number(after));
  if (step === null) return steps;
  const distance = (one: number) => Math.abs(one - Number(step));
  return [steps.reduce((best, one) => (distance(one) < distance(best) ? one : best))];
}

export function predictionsPacket(made: MadeUp, query: URLSearchParams): Uint8Array {
  const steps = chosenSteps(made, query);
  const cells = steps.flatMap((step) => Array.from({length: made.samples}, (_, sample) => step + sample));
  return encodePacket(
    {...HEAD, run: query.get("run"), tag: query.get("tag"), generation: made.generation, total: made.steps.length},
    {
      ...stepArrays(steps, made.steps),
      prediction: [Int32Array.from(cells), [steps.length, made.samples]],
      probability: [Float32Array.from(cells, (cell) => cell / 1000), [steps.length, made.samples]],
      top_classes: [Int32Array.from(cells.flatMap((cell) => [cell, cell + 1])), [steps.length, made.samples, 2]],
    },
  );
}

/** The server: what it was asked, and how it is told to behave. */
export interface TestServer {
  base: string;
  made: MadeUp;
  asked: URL[];
  failing: {status: number; words: string} | null;
  delay: number; // milliseconds before each answer
  close(): Promise<void>;
}

export async function startServer(made: MadeUp): Promise<TestServer> {
  const state: TestServer = {base: "", made, asked: [], failing: null, delay: 0, close: async () => {}};
  const server = createServer((request, response) => void answer(state, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  state.close = () => closed(server);
  return state;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function answer(state: TestServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "", state.base);
  state.asked.push(url);
  const routes: Record<string, () => Uint8Array | string> = {
    "/maps": () => mapsPacket(state.made, url.searchParams),
    "/predictions": () => predictionsPacket(state.made, url.searchParams),
    "/cohort": () => JSON.stringify(COHORT),
    "/series": () => JSON.stringify(SERIES),
  };
  const body = routes[url.pathname]?.() ?? "no such route"; // of the log as it was when asked
  await new Promise((resolve) => setTimeout(resolve, state.delay));
  if (state.failing) {
    response.writeHead(state.failing.status, {"Content-Type": "text/plain"}).end(state.failing.words);
    return;
  }
  response.end(body);
}

const COHORT = {
  class_names: ["cat", "dog"],
  samples: [
    {
      image: "9f",
      slices: [],
      label: 1,
      id: "a",
      caption: "",
      width: 4,
      height: 2,
      boxes: [[0.1, 0.2, 0.5, 0.6]],
      mask: {height: 1, width: 2, cells: "AAE="},
    },
    {image: "", slices: [], label: null, id: "b", caption: "", width: 4, height: 2, boxes: [], mask: null},
  ],
};

const SERIES = {
  format: {major: 1, minor: 0},
  kept_steps: 1000,
  left_out: "This log has 20,001 series.",
  runs: [
    {
      run: ".",
      start_time: null,
      tags: [
        {
          tag: "val",
          predictions: {max_step: 20, max_wall_time: 5},
          maps: [{method: "grad_cam", layer: "l4", kind: "positive", max_step: 20, max_wall_time: 6}],
          problem: null,
        },
      ],
    },
  ],
};
