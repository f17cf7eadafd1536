/** The layer of maths/compose.ts as a shader: the same steps in the same order. Change both or neither. */

import {FLAT, HALO, HALO_WEIGHT, LEVELS, LINE} from "../maths/compose";

export const VERTEX = `#version 300 es
void main() { // one triangle over everything
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

/** Stands in a texture for a value that is not finite: shaders need not keep NaN. */
export const NOT_FINITE = -3e38;

const float = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

const ISOLINES = LEVELS.map(
  (level) => `if (${float(level)} > threshold) drawLine(${float(level)}, heat(${float(level)}), around, color);`,
).join("\n  ");

export const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;

uniform sampler2D map;     // raw cells; rows of the map are rows of the texture
uniform sampler2D table;   // 256 colours
uniform vec4 placement;    // left, top, width, height of the whole picture in the tile's pixels
uniform ivec2 picture;     // its own pixels
uniform vec2 tile;         // left and upper edge of the tile in this buffer
uniform vec2 limits;
uniform float threshold, opacity, gamma;
uniform bool smoothly, constant, positive, rgb;
uniform int mode;          // 0 overlay, 1 contour, 2 spotlight, 3 map
out vec4 layer;            // premultiplied

vec3 cell(ivec2 at) {
  vec3 value = texelFetch(map, at, 0).rgb;
  return mix(value, vec3(limits.x), lessThan(value, vec3(-1e38)));
}

vec3 bilinear(vec2 place) {
  ivec2 cells = textureSize(map, 0);
  vec2 at = clamp(place * vec2(cells) - 0.5, vec2(0), vec2(cells - 1));
  ivec2 first = ivec2(floor(at));
  ivec2 second = min(first + 1, cells - 1);
  vec2 weight = at - vec2(first);
  vec3 above = mix(cell(first), cell(ivec2(second.x, first.y)), weight.x);
  vec3 below = mix(cell(ivec2(first.x, second.y)), cell(second), weight.x);
  return mix(above, below, weight.y);
}

vec3 nearest(vec2 place) {
  ivec2 pixel = clamp(ivec2(floor(place * vec2(picture))), ivec2(0), picture - 1);
  return cell(pixel * textureSize(map, 0) / picture);
}

vec3 maskAt(vec2 pixel) {
  vec2 place = (pixel - placement.xy) / placement.zw;
  vec3 raw = smoothly ? bilinear(place) : nearest(place);
  if (!(limits.y > limits.x)) return vec3(positive ? 0.0 : 0.5);
  return clamp((raw - limits.x) / (limits.y - limits.x), 0.0, 1.0);
}

float strengthOf(vec3 mask) {
  if (positive) return mask.r;
  vec3 strength = abs(mask * 2.0 - 1.0);
  return rgb ? max(strength.r, max(strength.g, strength.b)) : strength.r;
}

float strengthAt(vec2 pixel) {
  return strengthOf(maskAt(pixel));
}

vec3 heat(float mask) {
  return texelFetch(table, ivec2(int(roundEven(mask * 255.0)), 0), 0).rgb;
}

float bend(float mask) {
  return positive && gamma != 1.0 ? pow(mask, gamma) : mask;
}

void over(inout vec4 color, vec3 paint, float weight) {
  color = color * (1.0 - weight) + vec4(paint, 1.0) * weight;
}

float distanceTo(float level, float here, vec4 around) {
  if (!smoothly) return any(notEqual(greaterThanEqual(around, vec4(level)), bvec4(here >= level))) ? 0.0 : 99.0;
  float slope = length(vec2(around.y - around.x, around.w - around.z) / 2.0);
  return slope < ${float(FLAT)} ? 99.0 : abs(here - level) / slope;
}

float here; // strength of this pixel

void drawLine(float level, vec3 paint, vec4 around, inout vec4 color) {
  float away = distanceTo(level, here, around);
  over(color, vec3(0), ${float(HALO_WEIGHT)} * clamp(${float(0.5 + LINE + HALO)} - away, 0.0, 1.0));
  over(color, paint, clamp(${float(0.5 + LINE)} - away, 0.0, 1.0));
}

vec4 contourLayer(vec2 pixel) {
  vec4 around = vec4(
    strengthAt(pixel - vec2(1, 0)), strengthAt(pixel + vec2(1, 0)),
    strengthAt(pixel - vec2(0, 1)), strengthAt(pixel + vec2(0, 1)));
  vec4 color = vec4(0);
  ${ISOLINES}
  if (threshold > 0.0) drawLine(threshold, vec3(1), around, color);
  return color * opacity;
}

void main() {
  vec2 pixel = vec2(gl_FragCoord.x - tile.x, tile.y - gl_FragCoord.y);
  if (any(lessThan(pixel, placement.xy)) || any(greaterThanEqual(pixel, placement.xy + placement.zw))) discard;
  vec3 mask = maskAt(pixel);
  here = strengthOf(mask);
  if (mode == 1) {
    layer = contourLayer(pixel);
    return;
  }
  float shown = here < threshold ? 0.0 : mode == 3 || constant ? 1.0 : bend(here);
  float weight = mode == 3 ? shown : opacity * (mode == 2 ? 1.0 - shown : shown);
  vec3 paint = mode == 2 ? vec3(0) : rgb ? mask : heat(bend(mask.r));
  layer = vec4(paint * weight, weight);
}`;
