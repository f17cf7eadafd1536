import {expect, test} from "vitest";

import {CorruptPacket, decodeMaps, decodePredictions, Packet} from "./packet";
import {encodePacket, mapsPacket, predictionsPacket} from "./testServer";

const MADE = {steps: [0, 10, 20], samples: 2, generation: "g"};
const maps = () => mapsPacket(MADE, new URLSearchParams({method: "m", layer: "l"})).slice().buffer as ArrayBuffer;

test("arrays are views of the answer, not copies", () => {
  const buffer = maps();
  const series = decodeMaps(buffer);
  expect(series.values.buffer).toBe(buffer);
  expect(series.steps.buffer).toBe(buffer);
});

test("a series of maps is read as it was written", () => {
  const series = decodeMaps(maps());
  expect(series).toMatchObject({
    method: "m",
    layer: "l",
    kind: "positive",
    generation: "g",
    total: 3,
    nonFinite: null,
    name: null,
  });
  expect([...series.steps]).toEqual([0, 10, 20]);
  expect([...series.first]).toEqual([0, 2, 4, 6]);
  expect([...series.sample]).toEqual([0, 1, 0, 1, 0, 1]);
  expect([...series.maximum]).toEqual([0, 1, 10, 11, 20, 21]);
  expect(series.shape).toMatchObject({rows: 6, columns: 2});
  expect([...series.values.subarray(12, 16)]).toEqual([0, 1, 10, 11]);
});

test("predictions that were not logged are null", () => {
  const series = decodePredictions(predictionsPacket(MADE, new URLSearchParams()).slice().buffer as ArrayBuffer);
  expect(series.prediction).toMatchObject({rows: 3, columns: 2});
  expect([...series.prediction!.data]).toEqual([0, 1, 10, 11, 20, 21]);
  expect(series.loss).toBeNull();
  expect(series.labelProbability).toBeNull();
  expect(series.topCount).toBe(2);
  expect(series.topProbabilities).toBeNull();
});

test("every truncation is a damaged answer, never a wrong one", () => {
  const buffer = maps();
  for (let length = 0; length < buffer.byteLength; length++) {
    expect(() => decodeMaps(buffer.slice(0, length)), `first ${length} bytes`).toThrow(CorruptPacket);
  }
});

test.each([
  ["an error page", new TextEncoder().encode("<html>Bad gateway</html>"), /GCAM/],
  ["a header that is not JSON", Uint8Array.from([71, 67, 65, 77, 2, 0, 0, 0, 123, 123]), /JSON/],
  ["a header without arrays", encodePacket({}, {}).slice(0, 8), /cut off/],
])("%s is named", (_, bytes, words) => {
  expect(() => new Packet(bytes.slice().buffer as ArrayBuffer)).toThrow(words);
});

test("an entry that points outside the values is damage", () => {
  const packet = maps();
  const view = decodeMaps(packet);
  view.offset[5] = 1000; // in place: the views share the buffer
  expect(() => decodeMaps(packet)).toThrow(/map 5 lies outside/);
  view.offset[5] = 20;
  view.shape.data[0] = -1;
  expect(() => decodeMaps(packet)).toThrow(/map 0/);
});

test("an index that does not fit its steps is damage", () => {
  const packet = maps();
  decodeMaps(packet).first[3] = 5;
  expect(() => decodeMaps(packet)).toThrow(/do not fit/);
});
