/** What the parts of the tab say to each other. Shapes of the server's answers: viewer/http_api.md. */

export type MapKind = "positive" | "signed" | "rgb";

export interface MapsEntry {
  method: string;
  layer: string;
  kind: MapKind;
  maxStep: number;
  maxWallTime: number;
}

/** A number by name: of samples, or, with a method and a layer, of maps. */
export interface NumberEntry {
  name: string;
  method: string;
  layer: string;
  maxStep: number;
}

/** S steps; entries of step s: first[s] .. first[s + 1] - 1. */
export interface NumberSeries extends Steps {
  first: Int32Array;
  sample: Int32Array; // its place
  target: Int32Array; // class index of the map that the number is of, -1: none
  value: Float32Array;
}

export interface TagEntry {
  tag: string;
  predictions: {maxStep: number; maxWallTime: number} | null;
  maps: MapsEntry[];
  numbers: NumberEntry[];
  problem: string | null;
}

export interface RunEntry {
  run: string;
  startTime: number | null;
  tags: TagEntry[];
}

/** What can be chosen (`series`). */
export interface Catalog {
  keptSteps: number | null;
  /** Says that not all of the log is listed. */
  leftOut?: string | null;
  runs: RunEntry[];
}

export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export interface Sample {
  image: string; // digest, or "" where the picture is missing
  slices: string[];
  label: number | null;
  id: string;
  identity?: string; // the same for the same sample in all lists
  caption: string;
  width: number;
  height: number;
  boxes: Box[]; // fractions of width and height
  labels?: number[] | null; // of a sample that has several
  values?: (number | null)[]; // what a regression should have predicted
  boxClasses?: number[]; // one a box, -1: unknown, or none at all
  classMask?: {height: number; width: number; depth: number | null; cells: Int16Array} | null;
  mask: {height: number; width: number; cells: Uint8Array} | null;
}

export interface Cohort {
  classNames: string[];
  samples: Sample[]; // by place, once it is placed (maths/places.ts): it has holes where this step lacks samples of others
}

/** What every series of steps has; S = steps.length. */
export interface Steps {
  run: string;
  tag: string;
  steps: Float64Array;
  wallTimes: Float64Array;
  epochs: Float32Array;
  ordinals: Float64Array;
  cohort: Int32Array;
  cohorts: string[];
  places: ReadonlyMap<string, Int32Array> | null; // by cohort: each sample's place; null: its index in the cohort
  total: number | null;
  generation: string;
  sampledDown: number | null;
  writers: {host: string; process: number}[]; // of which it is known
  replaced: {first: number; last: number; steps: number}[]; // by trainings that went on from an earlier step
  notes: {step: number; texts: string[]}[];
  twoWriters: boolean; // two processes wrote the series at once, which is unsupported
  corrupt: {step: number; message: string}[];
}

export interface Matrix<T> {
  data: T;
  rows: number;
  columns: number;
}

export const TASKS = ["classification", "multilabel", "regression", "detection", "segmentation"] as const;
export type Task = (typeof TASKS)[number];

/** Numbers of every step and sample that are lists or grids themselves: shape S x N x ... */
export interface Lists<T> {
  data: T;
  shape: number[];
}

export interface PredictionSeries extends Steps {
  task: Task;
  threshold: number; // multilabel: the probability from which a class is predicted
  setClasses: Lists<Int32Array> | null; // -1: none
  setProbabilities: Lists<Float32Array> | null;
  values: Lists<Float32Array> | null;
  boxes: Lists<Float32Array> | null; // x0, y0, x1, y1
  boxClasses: Lists<Int32Array> | null;
  boxScores: Lists<Float32Array> | null;
  masks: Lists<Int16Array> | null; // class indices, -1: none
  prediction: Matrix<Int32Array> | null; // S x N, -1: none
  probability: Matrix<Float32Array> | null; // NaN: none
  labelProbability: Matrix<Float32Array> | null;
  loss: Matrix<Float32Array> | null;
  topClasses: Int32Array | null; // S x N x K
  topProbabilities: Float32Array | null;
  topCount: number; // K
}

export interface MapSeries extends Steps {
  method: string;
  layer: string;
  kind: MapKind;
  first: Int32Array; // entries of step s: first[s] .. first[s + 1] - 1
  sample: Int32Array; // its place
  target: Int32Array;
  score: Float32Array;
  minimum: Float32Array;
  maximum: Float32Array;
  nonFinite: Int32Array | null;
  box: Int32Array | null; // which of the sample's predicted boxes is explained, -1: none
  shape: Matrix<Int32Array>; // E x rank
  offset: Int32Array;
  values: Uint8Array | Float32Array;
  names: string[];
  name: Int32Array | null; // E, index into names or -1
  nativeShape: number[] | null;
}

/** Which slice of a volume a map is. */
export interface Slice {
  depth: number; // slices of the map; the picture may have another number
  index: number;
  position: number; // the place in the depth that was asked for, from 0 to 1
}

/** One map, ready to be looked at: raw values in the layer's resolution, row by row. */
export interface RawMap {
  slice?: Slice; // of a volume
  rows: number;
  columns: number;
  kind: MapKind;
  values: Float32Array; // rows * columns (times 3 for rgb)
  minimum: number; // of the finite values as they were logged
  maximum: number;
  nonFinite: number;
  target: number;
  score: number;
  step: number;
}

export const COLOR_MAPS = ["inferno", "viridis", "magma", "cividis", "turbo", "gray", "jet", "diverging"] as const;
export type ColorMap = (typeof COLOR_MAPS)[number];

export type Mode = "overlay" | "contour" | "spotlight" | "image" | "map";

/** How maps are drawn: one object, shared by every tile. The meaning of each field is that of `heatmap.overlay`. */
export interface Look {
  mode: Mode;
  colorMap: ColorMap; // signed maps use "diverging" whatever stands here, unless one was chosen for them
  opacity: number; // 0..1
  alpha: "value" | "constant";
  signed: boolean; // positive maps too show what speaks against the class: it is stored
  photo: "gray" | "color"; // under a map that is laid over it; signed maps always lie on grey
  threshold: number; // 0..1: mask value, or share of the area that stays with thresholdBy "area"
  thresholdBy: "value" | "area";
  gamma: number;
  smooth: boolean;
  scale: "map" | "sample" | "run" | "series"; // what 0..1 spans: this map, this sample over all steps, this run, everything shown
  groundTruth: boolean;
}

/** Raw values of mask 0 and mask 1. */
export interface Limits {
  low: number;
  high: number;
}

/** The part of the picture that a tile shows: centre as fractions of the image, zoom 1 = the whole image. */
export interface Viewport {
  x: number;
  y: number;
  zoom: number;
}

/** All that a tile hangs on. */
export interface Coordinates {
  run: string;
  tag: string;
  layer: string;
  method: string;
  target: number | null; // class index; null: the map that was logged first
  step: number | null; // null: the scrubber's
  sample: number; // of the first run that has the series
}
