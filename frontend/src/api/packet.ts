/** "GCAM" packets (http_api.md, "Packets"): a JSON header, then arrays that are viewed in place, never copied. */

import type {Lists, MapKind, MapSeries, Matrix, NumberSeries, PredictionSeries, Steps, Task} from "../types";

/** Bytes that are not a whole packet: a proxy's error page, or an answer that was cut off. */
export class CorruptPacket extends Error {
  constructor(what: string) {
    super(
      `the server's answer is damaged: ${what}; reload the page, and if that does not help, read TensorBoard's terminal output`,
    );
    this.name = "CorruptPacket";
  }
}

const MAGIC = 0x4d414347; // "GCAM", little-endian
const PREFIX = 8;

const VIEWS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

type Type = keyof typeof VIEWS;
type View = InstanceType<(typeof VIEWS)[Type]>;

interface Declared {
  type: Type;
  shape: number[];
  offset: number;
}

interface Header {
  arrays: Record<string, Declared>;
  [field: string]: unknown;
}

/** A packet's header and its arrays by name. */
export class Packet {
  readonly header: Header;
  private readonly start: number;

  constructor(private readonly buffer: ArrayBuffer) {
    const length = headerLength(buffer);
    this.start = PREFIX + length;
    this.header = parse(new Uint8Array(buffer, PREFIX, length));
  }

  has(name: string): boolean {
    return name in this.header.arrays;
  }

  shape(name: string): number[] {
    return this.declared(name).shape;
  }

  /** The array `name` as a view of type `type`; an error where it is absent, of another type or cut off. */
  array<T extends Type>(name: string, type: T): InstanceType<(typeof VIEWS)[T]> {
    const {type: found} = this.declared(name);
    if (found !== type) throw new CorruptPacket(`array '${name}' is ${found}, not ${type}`);
    return this.any(name) as InstanceType<(typeof VIEWS)[T]>;
  }

  any(name: string): View {
    const {type, shape, offset} = this.declared(name);
    const View = VIEWS[type];
    if (!View) throw new CorruptPacket(`array '${name}' has the unknown type ${String(type)}`);
    const length = shape.reduce((product, axis) => product * axis, 1);
    const from = this.start + offset;
    const fits = Number.isInteger(length) && length >= 0 && offset >= 0 && from % View.BYTES_PER_ELEMENT === 0;
    if (!fits || from + length * View.BYTES_PER_ELEMENT > this.buffer.byteLength) {
      throw new CorruptPacket(`array '${name}' extends past the end of the ${this.buffer.byteLength} bytes`);
    }
    return new View(this.buffer, from, length);
  }

  private declared(name: string): Declared {
    const declared = this.header.arrays[name];
    if (!declared || !Array.isArray(declared.shape)) throw new CorruptPacket(`array '${name}' is missing`);
    return declared;
  }
}

function headerLength(buffer: ArrayBuffer): number {
  if (buffer.byteLength < PREFIX) throw new CorruptPacket(`only ${buffer.byteLength} bytes`);
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new CorruptPacket("it does not begin with GCAM");
  const length = view.getUint32(4, true);
  if (PREFIX + length > buffer.byteLength) throw new CorruptPacket(`a header of ${length} bytes is cut off`);
  return length;
}

function parse(bytes: Uint8Array): Header {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new CorruptPacket("its header is not JSON");
  }
  if (
    !header ||
    typeof header !== "object" ||
    typeof (header as Header).arrays !== "object" ||
    !(header as Header).arrays
  ) {
    throw new CorruptPacket("its header names no arrays");
  }
  return header as Header;
}

function stepsOf(packet: Packet): Steps {
  const {header} = packet;
  return {
    run: header.run as string,
    tag: header.tag as string,
    steps: packet.array("steps", "float64"),
    wallTimes: packet.array("wall_times", "float64"),
    epochs: packet.array("epochs", "float32"),
    ordinals: packet.array("ordinals", "float64"),
    cohort: packet.array("cohort", "int32"),
    cohorts: (header.cohorts as string[] | undefined) ?? [],
    places: placesOf(packet),
    total: (header.total as number | null | undefined) ?? null,
    generation: String(header.generation ?? ""),
    writers: (header.writers as Steps["writers"] | undefined) ?? [],
    replaced: (header.replaced as Steps["replaced"] | undefined) ?? [],
    notes: (header.notes as Steps["notes"] | undefined) ?? [],
    twoWriters: header.two_writers === true,
    sampledDown: (header.sampled_down as number | null | undefined) ?? null,
    corrupt: (header.corrupt as Steps["corrupt"] | undefined) ?? [],
  };
}

function placesOf(packet: Packet): Steps["places"] {
  const all = matrix(packet, "places", "int32");
  if (!all) return null;
  const cohorts = (packet.header.cohorts as string[] | undefined) ?? [];
  return new Map(
    cohorts.map((digest, row) => [
      digest,
      all.data.subarray(row * all.columns, (row + 1) * all.columns).filter((place) => place >= 0),
    ]),
  );
}

/** Read a `predictions` packet; throws `CorruptPacket`. */
export function decodePredictions(buffer: ArrayBuffer): PredictionSeries {
  const packet = new Packet(buffer);
  const top = packet.has("top_classes");
  return {
    ...stepsOf(packet),
    task: (packet.header.task as Task | undefined) ?? "classification",
    threshold: (packet.header.threshold as number | undefined) ?? 0.5,
    setClasses: lists(packet, "set_classes", "int32"),
    setProbabilities: lists(packet, "set_probabilities", "float32"),
    values: lists(packet, "values", "float32"),
    boxes: lists(packet, "boxes", "float32"),
    boxClasses: lists(packet, "box_classes", "int32"),
    boxScores: lists(packet, "box_scores", "float32"),
    masks: lists(packet, "masks", "int16"),
    prediction: matrix(packet, "prediction", "int32"),
    probability: matrix(packet, "probability", "float32"),
    labelProbability: matrix(packet, "label_probability", "float32"),
    loss: matrix(packet, "loss", "float32"),
    topClasses: top ? packet.array("top_classes", "int32") : null,
    topProbabilities: packet.has("top_probabilities") ? packet.array("top_probabilities", "float32") : null,
    topCount: top ? (packet.shape("top_classes")[2] ?? 0) : 0,
  };
}

function lists<T extends Type>(packet: Packet, name: string, type: T): Lists<InstanceType<(typeof VIEWS)[T]>> | null {
  return packet.has(name) ? {data: packet.array(name, type), shape: packet.shape(name)} : null;
}

function matrix<T extends "int32" | "float32">(
  packet: Packet,
  name: string,
  type: T,
): Matrix<InstanceType<(typeof VIEWS)[T]>> | null {
  if (!packet.has(name)) return null;
  const [rows = 0, columns = 0] = packet.shape(name);
  return {data: packet.array(name, type), rows, columns};
}

/** Read a `maps` packet; throws `CorruptPacket`. */
export function decodeMaps(buffer: ArrayBuffer): MapSeries {
  const packet = new Packet(buffer);
  const {header} = packet;
  const series: MapSeries = {
    ...stepsOf(packet),
    method: header.method as string,
    layer: header.layer as string,
    kind: header.kind as MapKind,
    first: packet.array("first", "int32"),
    sample: packet.array("sample", "int32"),
    target: packet.array("target", "int32"),
    score: packet.array("score", "float32"),
    minimum: packet.array("minimum", "float32"),
    maximum: packet.array("maximum", "float32"),
    nonFinite: packet.has("non_finite") ? packet.array("non_finite", "int32") : null,
    box: packet.has("box") ? packet.array("box", "int32") : null,
    shape: matrix(packet, "shape", "int32") ?? {data: new Int32Array(), rows: 0, columns: 0},
    offset: packet.array("offset", "int32"),
    values: valuesOf(packet),
    names: (header.names as string[] | undefined) ?? [],
    name: packet.has("name")
      ? packet.array("name", "int32")
      : (header.name as number[] | null | undefined)
        ? Int32Array.from(header.name as number[])
        : null,
    nativeShape: (header.native_shape as number[] | null | undefined) ?? null,
  };
  checkEntries(series);
  return series;
}

/** Read a `numbers` packet; throws `CorruptPacket`. */
export function decodeNumbers(buffer: ArrayBuffer): NumberSeries {
  const packet = new Packet(buffer);
  const series = {
    ...stepsOf(packet),
    first: packet.array("first", "int32"),
    sample: packet.array("sample", "int32"),
    target: packet.array("target", "int32"),
    value: packet.array("value", "float32"),
  };
  const {first, steps, sample, value} = series;
  if (first.length !== steps.length + 1 || first.at(-1) !== sample.length || sample.length !== value.length) {
    throw new CorruptPacket(`${steps.length} steps and ${sample.length} numbers do not fit their index`);
  }
  return series;
}

function valuesOf(packet: Packet): Uint8Array | Float32Array {
  const values = packet.any("values");
  if (values instanceof Uint8Array || values instanceof Float32Array) return values;
  throw new CorruptPacket("its maps are neither uint8 nor float32");
}

/** Check the entries once here, so that whoever reads them later need not. */
function checkEntries({steps, first, sample, offset, shape, values}: MapSeries): void {
  const entries = first.at(-1) ?? 0;
  if (
    first.length !== steps.length + 1 ||
    entries !== sample.length ||
    offset.length !== entries ||
    shape.rows !== entries
  ) {
    throw new CorruptPacket(
      `${steps.length} steps and ${sample.length} maps do not fit their index of ${first.length}`,
    );
  }
  for (let entry = 0; entry < entries; entry++) {
    let cells = 1;
    for (let axis = 0; axis < shape.columns; axis++) cells *= shape.data[entry * shape.columns + axis]!;
    const from = offset[entry]!;
    if (!(cells >= 0 && from >= 0 && from + cells <= values.length))
      throw new CorruptPacket(`map ${entry} lies outside the values`);
  }
}
