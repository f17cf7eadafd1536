/** The page's one WebGL2 context, which draws layers; of forty contexts a browser keeps sixteen. */

import {thresholdOf} from "../maths/compose";
import {colorMapFor, colorTable} from "../maths/colors";
import type {Placement, Size} from "../maths/placement";
import type {ColorMap, Limits, Look, RawMap} from "../types";
import type {Atlas, Slot} from "./atlas";
import {fragmentFor, NOT_FINITE, VERTEX, variantOf} from "./shader";

const MOST_TEXTURES = 512;
const GRAIN = 128;
const UNIFORMS = [
  "map",
  "table",
  "placement",
  "cells",
  "picture",
  "tile",
  "limits",
  "threshold",
  "opacity",
  "gamma",
  "pen",
] as const;
type Uniform = (typeof UNIFORMS)[number];

type Uniforms = Record<Uniform, WebGLUniformLocation | null>;

/** What a context holds; all of it goes when the context is lost. */
interface Held {
  programs: Map<string, Program>;
  maps: Map<RawMap, WebGLTexture>; // in the order of last use
  tables: Map<ColorMap, WebGLTexture>;
}

/** A shader's variant, and where its settings are (null: compiled away). */
interface Program {
  program: WebGLProgram;
  uniforms: Uniforms;
}

/** One map as it lies on one tile. */
export interface Layer {
  map: RawMap;
  look: Look;
  limits: Limits;
  placement: Placement; // of the whole picture in the tile's pixels
  picture: Size; // its own
  tile: Size;
  pen: number; // pixels of the tile that a pixel of the page takes
}

/** Draws layers into `canvas`. */
export class GlLayers {
  readonly canvas = document.createElement("canvas");
  private readonly gl: WebGL2RenderingContext;
  private held: Held | null;

  /** Throws where there is no WebGL2. */
  constructor(onRestored: () => void) {
    const gl = this.canvas.getContext("webgl2", {
      antialias: false,
      depth: false,
      premultipliedAlpha: true,
      powerPreference: "low-power",
    });
    if (!gl) throw new Error("this browser offers no WebGL2");
    this.gl = gl;
    this.held = hold(gl);
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // or it never comes back
      this.held = null;
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.held = hold(gl);
      onRestored();
    });
  }

  /** False while the context is lost. */
  get ready(): boolean {
    return this.held !== null && !this.gl.isContextLost();
  }

  /** Whether a program, not a GPU, does the drawing. */
  get software(): boolean {
    const {gl} = this;
    const names = gl.getExtension("WEBGL_debug_renderer_info");
    const renderer = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
  }

  /** Draw layers side by side, each at its slot of `canvas` (from the upper left); false where the context is lost. */
  draw(layers: readonly Layer[], atlas: Atlas): boolean {
    const {gl, held} = this;
    if (!held || gl.isContextLost()) return false;
    this.fit(atlas);
    atlas.slots.forEach((slot, index) => {
      this.drawLayer(held, layers[index]!, slot);
    });
    return true;
  }

  dispose(): void {
    this.held = null;
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private drawLayer(held: Held, layer: Layer, slot: Slot): void {
    const {gl} = this;
    const {width, height} = layer.tile;
    const bottom = this.canvas.height - slot.y - height;
    gl.viewport(slot.x, bottom, width, height);
    const {program, uniforms} = this.programFor(held, layer);
    gl.useProgram(program);
    this.bind(held, layer.map, layer.look);
    this.set(uniforms, layer, slot.x, bottom + height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** A canvas that changes its size is made anew, and a large one is slow to copy from: change it seldom. */
  private fit({width, height}: Size): void {
    const {canvas} = this;
    const wide = Math.ceil(width / GRAIN) * GRAIN;
    const high = Math.ceil(height / GRAIN) * GRAIN;
    const wasteful = canvas.width * canvas.height > 4 * wide * high;
    if (canvas.width < wide || wasteful) canvas.width = wide;
    if (canvas.height < high || wasteful) canvas.height = high;
  }

  private programFor({programs}: Held, {look, map}: Layer): Program {
    const variant = variantOf(look, map.kind);
    return programs.get(variant) ?? keep(programs, variant, makeProgram(this.gl, fragmentFor(look, map.kind)));
  }

  private bind({maps, tables}: Held, map: RawMap, look: Look): void {
    const {gl} = this;
    const name = colorMapFor(look, map.kind);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, tables.get(name) ?? keep(tables, name, tableTexture(gl, name)));
    gl.activeTexture(gl.TEXTURE0);
    const texture = maps.get(map) ?? mapTexture(gl, map);
    maps.delete(map);
    maps.set(map, texture);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    if (maps.size > MOST_TEXTURES) forgetOldest(gl, maps);
  }

  private set(uniforms: Uniforms, layer: Layer, left: number, top: number): void {
    const {gl} = this;
    const {map, look, limits, placement, picture} = layer;
    gl.uniform1i(uniforms.map, 0);
    gl.uniform1i(uniforms.table, 1);
    gl.uniform4f(uniforms.placement, placement.left, placement.top, placement.width, placement.height);
    gl.uniform2i(uniforms.cells, map.columns, map.rows);
    gl.uniform2i(uniforms.picture, picture.width, picture.height);
    gl.uniform2f(uniforms.tile, left, top);
    gl.uniform2f(uniforms.limits, limits.low, limits.high);
    gl.uniform1f(uniforms.threshold, Math.min(thresholdOf(map, look, limits), 2)); // Infinity is no GLSL number
    gl.uniform1f(uniforms.opacity, look.opacity);
    gl.uniform1f(uniforms.gamma, look.gamma);
    gl.uniform1f(uniforms.pen, layer.pen);
  }
}

function keep<K, V>(kept: Map<K, V>, key: K, value: V): V {
  kept.set(key, value);
  return value;
}

function forgetOldest(gl: WebGL2RenderingContext, maps: Map<RawMap, WebGLTexture>): void {
  const [map, texture] = maps.entries().next().value!;
  gl.deleteTexture(texture);
  maps.delete(map);
}

function hold(gl: WebGL2RenderingContext): Held {
  gl.bindVertexArray(gl.createVertexArray());
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  return {programs: new Map(), maps: new Map(), tables: new Map()};
}

function makeProgram(gl: WebGL2RenderingContext, fragment: string): Program {
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, fragment));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`the shader does not link: ${gl.getProgramInfoLog(program)}`);
  }
  const uniforms = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
  return {program, uniforms: uniforms as Uniforms};
}

function compile(gl: WebGL2RenderingContext, type: number, source: string): WebGLShader {
  const shader = gl.createShader(type)!;
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
    throw new Error(`the shader does not compile: ${gl.getShaderInfoLog(shader)}`);
  }
  return shader;
}

function emptyTexture(gl: WebGL2RenderingContext, filter: GLenum): WebGLTexture {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  return texture;
}

function tableTexture(gl: WebGL2RenderingContext, name: ColorMap): WebGLTexture {
  const texture = emptyTexture(gl, gl.LINEAR);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, 256, 1, 0, gl.RGB, gl.UNSIGNED_BYTE, colorTable(name));
  return texture;
}

function mapTexture(gl: WebGL2RenderingContext, map: RawMap): WebGLTexture {
  // Not filtered in hardware: its weights have 8 bits, and float textures may not be filtered at all.
  const texture = emptyTexture(gl, gl.NEAREST);
  const [internal, format] = map.kind === "rgb" ? [gl.RGB32F, gl.RGB] : [gl.R32F, gl.RED];
  gl.texImage2D(gl.TEXTURE_2D, 0, internal, map.columns, map.rows, 0, format, gl.FLOAT, cellsOf(map));
  return texture;
}

function cellsOf({values, kind}: RawMap): Float32Array {
  const positive = kind === "positive";
  return values.map((value) => (!Number.isFinite(value) ? NOT_FINITE : positive && value < 0 ? 0 : value));
}
