/** What the routes `findings` and `atlas` answer. */

export interface Region {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  hole: [number, number, number, number] | null;
}

export interface Finding {
  kind: string;
  run: string;
  other: string;
  step: number;
  group: number | null; // class index; null for all classes
  region: Region | null;
  since: number | null;
  until: number | null; // of a place that is left again
  samples: string[];
  count: number;
  of: number;
  effect: number;
  p: number | null;
  q: number | null;
  numbers: Record<string, number | null>;
  crop?: {png: string; box: [number, number, number, number]} | null; // the mean picture of the place
  sentence: string;
}

export interface Timeline {
  step: number[];
  moved: (number | null)[];
  inside: (number | null)[];
  expected_inside: (number | null)[];
  accuracy: (number | null)[];
  flag: number[];
}

export interface Findings {
  findings: Finding[];
  looked_for: string[];
  not_compared?: string[]; // runs, of several, that are too large for it
  runs: {run: string; steps: number; samples: number; timeline: Partial<Timeline>}[];
}

export interface AtlasClass {
  class: number | null; // null for all classes
  name: string;
  count: number;
  seen: number;
  mean: number[]; // row by row
  accuracy: number | null;
  inside: number | null;
  expected_inside: number | null;
  alike: number | null;
  picture?: string | null; // the mean picture, a grey PNG in base64
}

export interface Atlas {
  step: number;
  grid: [number, number]; // rows, columns
  classes: AtlasClass[];
}

export interface Behind {
  step: number;
  count: number;
  share: number | null; // mean, of those that have evidence
  area: number;
  samples: {identity: string; share: number}[];
}
