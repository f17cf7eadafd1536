/** How things are called on the page. */

import {shown} from "../maths/numbers";
import type {Axis, Value} from "../maths/table";
import type {Cohort, Coordinates, Sample} from "../types";

const METHODS: Record<string, string> = {
  grad_cam: "Grad-CAM",
  grad_cam_plus_plus: "Grad-CAM++",
  xgrad_cam: "XGrad-CAM",
  ablation_cam: "Ablation-CAM",
  score_cam: "Score-CAM",
  eigen_cam: "Eigen-CAM",
  eigen_grad_cam: "Eigen-Grad-CAM",
  hires_cam: "HiResCAM",
  layer_cam: "LayerCAM",
  full_grad: "FullGrad",
  legrad: "LeGrad",
  fem: "FEM",
  ss_cam: "SS-CAM",
  is_cam: "IS-CAM",
  cam: "CAM",
  kpca_cam: "KPCA-CAM",
  finer_cam: "Finer-CAM",
  shapley_cam: "Shapley-CAM",
  random_cam: "Random (baseline)",
  smooth_grad_cam_plus_plus: "Smooth Grad-CAM++",
  grad_cam_element_wise: "Element-wise Grad-CAM",
  deep_feature_factorization: "Deep Feature Factorization",
  guided_backprop: "Guided Backprop",
  guided_grad_cam: "Guided Grad-CAM",
  recipro_cam: "Recipro-CAM",
  odam: "ODAM",
  grad_eclip: "Grad-ECLIP",
  attention_rollout: "Attention Rollout",
};

export function methodName(method: string): string {
  return METHODS[method] ?? method;
}

/** A sample's own name, or its place among the logged ones. */
export function sampleName({id, caption}: Pick<Sample, "id" | "caption">, index: number): string {
  return id || caption || `Sample ${index}`;
}

export const AXIS_NAMES: Record<Axis, string> = {
  run: "run",
  tag: "series",
  layer: "layer",
  method: "method",
  target: "class explained",
  step: "step",
  sample: "sample",
};

/** A value of an axis that is no sample. */
export function valueName(axis: Axis, value: Value, targets: ReadonlyMap<number, string>): string {
  if (axis === "method") return methodName(String(value));
  if (axis === "step") return shown(Number(value));
  if (axis === "target") return value === null ? "the first logged" : targets.get(Number(value)) || `class ${value}`;
  return String(value) || "(no name)";
}

/** Where a cell of a table stands on an axis. */
export function coordinateName(
  axis: Axis,
  cell: Coordinates,
  {cohort}: {cohort: Cohort},
  targets: ReadonlyMap<number, string>,
): string {
  if (axis === "sample") return sampleName(cohort.samples[cell.sample]!, cell.sample);
  return valueName(axis, cell[axis], targets);
}

export const VIEW_NAMES = {
  grid: "Grid",
  compare: "Comparison",
  ab: "A and B",
  atlas: "Atlas",
  findings: "Findings",
  methods: "Methods",
};
