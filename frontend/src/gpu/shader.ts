/**
 * The layer of maths/compose.ts as a shader: the same steps in the same order. Change both or neither.
 *
 * What a look decides for all pixels is compiled in, not branched on: a software GPU runs both sides of every branch, and
 * one shader for all looks took five times as long there.
 */

import {FLAT, HALO, HALO_WEIGHT, LEVELS, LINE, RAMP_END, RAMP_START} from "../maths/compose";
import type {Look, MapKind} from "../types";

export const VERTEX = `#version 300 es
void main() { // one triangle over everything
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

/** Stands in a texture for a value that is not finite: shaders need not keep NaN. */
export const NOT_FINITE = -3e38;

const float = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;

uniform sampler2D map;     // raw cells; rows of the map are rows of the texture
uniform sampler2D table;   // 256 colours
uniform vec4 placement;    // left, top, width, height of the whole picture in the tile's pixels
uniform ivec2 cells;       // of the map
uniform ivec2 picture;     // the picture's own pixels
uniform vec2 tile;         // left and upper edge of the tile in this buffer
uniform vec2 limits;
uniform float threshold, opacity, gamma, pen;
out vec4 layer;            // premultiplied
`;

const CELLS = {
  scalar: `
#define Value float
Value cell(ivec2 at) {
  float value = texelFetch(map, at, 0).r;
  return value < -1e38 ? limits.x : value;
}`,
  rgb: `
#define Value vec3
Value cell(ivec2 at) {
  vec3 value = texelFetch(map, at, 0).rgb;
  return mix(value, vec3(limits.x), lessThan(value, vec3(-1e38)));
}`,
};

const SAMPLING = {
  smooth: `
Value rawAt(vec2 place) {
  vec2 at = clamp(place * vec2(cells) - 0.5, vec2(0), vec2(cells - 1));
  ivec2 first = ivec2(at);
  ivec2 second = min(first + 1, cells - 1);
  vec2 weight = at - vec2(first);
  Value above = mix(cell(first), cell(ivec2(second.x, first.y)), weight.x);
  Value below = mix(cell(ivec2(first.x, second.y)), cell(second), weight.x);
  return mix(above, below, weight.y);
}`,
  nearest: `
Value rawAt(vec2 place) {
  ivec2 pixel = clamp(ivec2(floor(place * vec2(picture))), ivec2(0), picture - 1);
  return cell(pixel * cells / picture);
}`,
};

const MASK = `
Value maskAt(vec2 pixel) {
  Value raw = rawAt((pixel - placement.xy) / placement.zw);
  return limits.y > limits.x ? clamp((raw - limits.x) / (limits.y - limits.x), 0.0, 1.0) : Value(FLAT_MASK);
}`;

const STRENGTH = {
  positive: "float strengthOf(float mask) { return mask; }",
  signed: "float strengthOf(float mask) { return abs(mask * 2.0 - 1.0); }",
  rgb: `float strengthOf(vec3 mask) {
  vec3 strength = abs(mask * 2.0 - 1.0);
  return max(strength.r, max(strength.g, strength.b));
}`,
};

const HEAT = `
float heatWeight(float strength) {
  float start = 1.0 - ${float(1 - RAMP_START)} * opacity;
  float end = 1.0 - ${float(1 - RAMP_END)} * opacity;
  float way = clamp((strength - start) / (end - start), 0.0, 1.0);
  return opacity > 0.0 ? way * way * (3.0 - 2.0 * way) : 0.0;
}

vec3 heat(float mask) {
  return texture(table, vec2((mask * 255.0 + 0.5) / 256.0, 0.5)).rgb; // the hardware's filter is fine enough for colours
}`;

const DISTANCE = {
  smooth: `
float distanceTo(float level, float here, vec4 around) {
  float slope = length(vec2(around.y - around.x, around.w - around.z) / 2.0);
  return slope < ${float(FLAT)} ? 99.0 : abs(here - level) / slope;
}`,
  nearest: `
float distanceTo(float level, float here, vec4 around) {
  return any(notEqual(greaterThanEqual(around, vec4(level)), bvec4(here >= level))) ? 0.0 : 99.0;
}`,
};

const LINES = `
void over(inout vec4 color, vec3 paint, float weight) {
  color = color * (1.0 - weight) + vec4(paint, 1.0) * weight;
}

void drawLine(float away, vec3 paint, inout vec4 color) {
  over(color, vec3(0), ${float(HALO_WEIGHT)} * clamp(0.5 + ${float(LINE + HALO)} * pen - away, 0.0, 1.0));
  over(color, paint, clamp(0.5 + ${float(LINE)} * pen - away, 0.0, 1.0));
}

float strengthAt(vec2 pixel) {
  return strengthOf(maskAt(pixel));
}

vec4 layerAt(vec2 pixel) {
  float here = strengthAt(pixel);
  vec4 around = vec4(
    strengthAt(pixel - vec2(1, 0)), strengthAt(pixel + vec2(1, 0)),
    strengthAt(pixel - vec2(0, 1)), strengthAt(pixel + vec2(0, 1)));
  vec4 color = vec4(0);
  ${LEVELS.map(float)
    .map((level) => `if (${level} > threshold) drawLine(distanceTo(${level}, here, around), heat(${level}), color);`)
    .join("\n  ")}
  if (threshold > 0.0) drawLine(distanceTo(threshold, here, around), vec3(1), color);
  return color * opacity;
}`;

const AREA = `
vec4 layerAt(vec2 pixel) {
  Value mask = maskAt(pixel);
  float here = strengthOf(mask);
  float shown = here < threshold ? 0.0 : SHOWN;
  float weight = WEIGHT;
  return vec4(PAINT * weight, weight);
}`;

const MAIN = `
void main() {
  vec2 pixel = vec2(gl_FragCoord.x - tile.x, tile.y - gl_FragCoord.y);
  vec2 place = pixel - placement.xy;
  layer = all(greaterThanEqual(place, vec2(0))) && all(lessThan(place, placement.zw)) ? layerAt(pixel) : vec4(0);
}`;

/** A variant's name: looks of equal names share a program. */
export function variantOf({mode, smooth, alpha, gamma}: Look, kind: MapKind): string {
  return [mode, smooth, alpha, gamma !== 1, kind].join();
}

/** The fragment shader for all maps of a kind under a look. */
export function fragmentFor(look: Look, kind: MapKind): string {
  const sampling = look.smooth ? "smooth" : "nearest";
  const contour = look.mode === "contour";
  return [
    HEAD,
    `#define FLAT_MASK ${kind === "positive" ? "0.0" : "0.5"}`,
    CELLS[kind === "rgb" ? "rgb" : "scalar"],
    SAMPLING[sampling],
    MASK,
    STRENGTH[kind],
    HEAT,
    contour ? DISTANCE[sampling] + LINES : macros(look, kind) + AREA,
    MAIN,
  ].join("\n");
}

function macros({mode, alpha, gamma}: Look, kind: MapKind): string {
  const bent = (value: string) => (kind === "positive" && gamma !== 1 ? `pow(${value}, gamma)` : value);
  const shown = mode === "map" || alpha === "constant" ? "1.0" : bent("here");
  const blended = alpha === "constant" ? "opacity * shown" : "heatWeight(shown)";
  const weight = mode === "map" ? "shown" : mode === "spotlight" ? "opacity * (1.0 - shown)" : blended;
  const paint = mode === "spotlight" ? "vec3(0)" : kind === "rgb" ? "mask" : `heat(${bent("mask")})`;
  return `#define SHOWN ${shown}\n#define WEIGHT ${weight}\n#define PAINT ${paint}`;
}
