/** What a reload or a shared link brings back: one flat record, kept in TensorBoard's hash as `p.gradcam.KEY=value`. */

import {AXES, type Axis} from "../maths/table";
import {COLOR_MAPS, type Look} from "../types";

export const VIEWS = ["grid", "compare", "ab", "atlas", "findings", "methods"] as const;
export type View = (typeof VIEWS)[number];

export const SORTS = [
  "logged",
  "apart",
  "surest",
  "probability",
  "label-probability",
  "loss",
  "iou",
  "moved",
  "entropy",
  "number",
  "region",
] as const;
export type Sort = (typeof SORTS)[number];

/** Classes that a map can explain by the part they play in a sample, beside those of a name. */
export const PARTS = ["top", "label", "second"] as const;
export type Part = (typeof PARTS)[number];

/** Absent values (null) mean "as TensorBoard would": all runs, the last step. */
export interface Settings {
  view: View | null; // null: a comparison where runs have the same samples, else the grid
  step: number | null; // null: the last one, and follow it
  runs: string[] | null;
  tags: string[] | null;
  layer: string | null;
  method: string | null;
  target: number | Part | null; // class index, or the class that plays a part; null: the map that was logged first
  runFilter: string;
  tagFilter: string;
  // look
  mode: Look["mode"];
  colorMap: Look["colorMap"];
  opacity: number;
  alpha: Look["alpha"];
  photo: Look["photo"];
  signed: boolean;
  threshold: number;
  thresholdBy: Look["thresholdBy"];
  gamma: number;
  smooth: boolean;
  scale: Look["scale"];
  groundTruth: boolean;
  // show
  text: string;
  verdict: "all" | "right" | "wrong";
  label: number | null;
  prediction: number | null;
  minProbability: number;
  sort: Sort;
  number: string | null; // the user's own that is sorted and filtered by; null: the first
  minNumber: number | null;
  measure: string | null; // of maps, that methods are compared by; null: the first
  movedFrom: number | null; // "attention moved most" since this step; null: the first
  tileSize: number; // pixels
  overview: boolean; // of the ground truth
  // focus
  focus: string | null; // tile key
  pin: string | null; // "x,y" as fractions
  zoom: string | null; // "x,y,zoom": the part of every picture that is shown
  region: string | null; // "x0,y0,x1,y1" as fractions, and four more for a hole: marked on all pictures
  dismissed: string[]; // names of findings
  findingKind: string | null; // that are listed; null: all
  findingRun: string | null;
  atlasBy: "label" | "prediction"; // by which samples are put into the atlas's classes
  strongest: boolean; // the line above the samples
  locks: string[]; // "tile key@step"
  chart: string | null; // over the steps; null: the first there is
  trail: boolean; // the way of the evidence's centre over the picture in focus
  why: boolean; // the picture in focus shows why its prediction is wrong, where it is
  full: boolean; // the picture in focus fills the window
  focusWidth: number; // pixels
  slice: number | null; // of volumes, as a fraction of the depth; null: of each the one with most evidence
  side: "auto" | "open" | "closed"; // the panel of what is shown
  more: boolean; // the rest of that panel
  // compare, A/B
  rows: Axis;
  columns: Axis;
  chosen: string[]; // "axis=value": what an axis shows; all of one that has none here
  a: string | null;
  b: string | null;
  abMode: "swipe" | "blink" | "difference";
  divider: number;
  // playback
  speed: number; // steps a second
  loop: boolean;
  shortcuts: boolean;
}

export const DEFAULTS: Settings = {
  view: null,
  step: null,
  runs: null,
  tags: null,
  layer: null,
  method: null,
  target: null,
  runFilter: "",
  tagFilter: "",
  mode: "overlay",
  colorMap: "inferno",
  opacity: 1,
  alpha: "value",
  photo: "gray",
  signed: false,
  threshold: 0,
  thresholdBy: "value",
  gamma: 1,
  smooth: true,
  scale: "map",
  groundTruth: true,
  text: "",
  verdict: "all",
  label: null,
  prediction: null,
  minProbability: 0,
  sort: "logged",
  number: null,
  minNumber: null,
  measure: null,
  movedFrom: null,
  tileSize: 180,
  overview: false,
  focus: null,
  pin: null,
  zoom: null,
  region: null,
  dismissed: [],
  findingKind: null,
  findingRun: null,
  atlasBy: "label",
  strongest: true,
  locks: [],
  chart: null,
  trail: false,
  why: false,
  full: false,
  focusWidth: 532,
  slice: null,
  side: "auto",
  more: false,
  rows: "sample",
  columns: "run",
  chosen: [],
  a: null,
  b: null,
  abMode: "swipe",
  divider: 0.5,
  speed: 5,
  loop: true,
  shortcuts: true,
};

type Key = keyof Settings;

const CHOICES: Partial<Record<Key, readonly string[]>> = {
  view: VIEWS,
  mode: ["overlay", "contour", "spotlight", "image", "map"],
  colorMap: COLOR_MAPS,
  alpha: ["value", "constant"],
  photo: ["gray", "color"],
  thresholdBy: ["value", "area"],
  scale: ["map", "sample", "run", "series"],
  verdict: ["all", "right", "wrong"],
  sort: SORTS,
  rows: AXES,
  columns: AXES,
  abMode: ["swipe", "blink", "difference"],
  atlasBy: ["label", "prediction"],
  side: ["auto", "open", "closed"],
};

const BOUNDS: Partial<Record<Key, [number, number]>> = {
  opacity: [0, 1],
  threshold: [0, 1],
  gamma: [0.2, 5],
  minProbability: [0, 1],
  tileSize: [80, 480],
  divider: [0, 1],
  speed: [1, 30],
  focusWidth: [320, 1000],
  slice: [0, 1],
};

const NUMBERS: readonly Key[] = ["minNumber", "step", "target", "label", "prediction", "movedFrom"];
const LISTS: readonly Key[] = ["runs", "tags", "chosen", "dismissed", "locks"];
const PREFIX = "p.gradcam.";

/** The settings that a hash ("#gradcam&p.gradcam.step=40") holds; whatever it does not hold, or holds wrongly, is the default. */
export function fromHash(hash: string): Settings {
  const settings: Record<string, unknown> = {...DEFAULTS};
  for (const [key, text] of ownPairs(hash)) {
    const value = parsed(key, text);
    if (value !== undefined) settings[key] = value;
  }
  return settings as unknown as Settings;
}

/** `hash` with these settings in it; other parts stay as they are, and defaults are left out. */
export function intoHash(hash: string, settings: Settings): string {
  const others = hash
    .replace(/^#/, "")
    .split("&")
    .filter((part) => part && !part.startsWith(PREFIX));
  if (!others.length) others.push("gradcam");
  const own = (Object.keys(DEFAULTS) as Key[])
    .filter((key) => textOf(settings[key]) !== textOf(DEFAULTS[key]))
    .map((key) => `${PREFIX}${key}=${encodeURIComponent(textOf(settings[key]))}`);
  return `#${[...others, ...own].join("&")}`;
}

function ownPairs(hash: string): [Key, string][] {
  const pairs: [Key, string][] = [];
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [name = "", ...rest] = part.split("=");
    const key = name.slice(PREFIX.length);
    if (name.startsWith(PREFIX) && Object.hasOwn(DEFAULTS, key)) pairs.push([key as Key, decoded(rest.join("="))]);
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray "%", typed by hand
  }
}

/** Lists hold each item encoded once more, so that commas in run names survive; "-" is the empty list. */
function textOf(value: Settings[Key]): string {
  if (value === null) return "";
  if (Array.isArray(value)) return value.length ? value.map(encodeURIComponent).join(",") : "-";
  if (typeof value === "boolean") return value ? "1" : "0";
  return String(value);
}

function parsed(key: Key, text: string): unknown {
  if (LISTS.includes(key)) return text === "-" ? [] : text ? text.split(",").map(decoded) : DEFAULTS[key];
  if (typeof DEFAULTS[key] === "boolean") return text === "1";
  if (key === "target" && PARTS.some((part) => part === text)) return text;
  if (CHOICES[key]) return CHOICES[key].includes(text) ? text : undefined;
  if (NUMBERS.includes(key) || BOUNDS[key]) return numberOf(key, text);
  return text || DEFAULTS[key];
}

function numberOf(key: Key, text: string): number | undefined {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return undefined;
  const [low, high] = BOUNDS[key] ?? [-Infinity, Infinity];
  return Math.min(Math.max(value, low), high);
}
