import {useEffect, useMemo, useRef} from "preact/hooks";
import type {Found} from "../api/loader";
import {peak} from "../maths/metrics";
import {WHOLE} from "../maths/placement";
import {sizeOf, volumeOf} from "../maths/series";
import {arrivals, images, look, pin, renderer} from "../state/store";
import type {Limits, RawMap, Sample} from "../types";

interface Props {
  run: string;
  sample: Sample;
  found: Found;
  limits: Limits;
}

/** The two planes of a volume that stand upright on the slice: through the pin, or through the slice's peak. */
export function Planes({run, sample, found, limits}: Props) {
  arrivals.value;
  const place = pin.value ?? peak(found.map) ?? {x: 0.5, y: 0.5};
  const slices = sample.slices.map((digest) => images.get(run, digest));
  return (
    <div class="planes" data-testid="planes">
      <Plane name="lengthwise" {...{slices, found, limits}} across="columns" place={place.y} />
      <Plane name="crosswise" {...{slices, found, limits}} across="rows" place={place.x} />
    </div>
  );
}

interface PlaneProps {
  name: string;
  slices: readonly (ImageBitmap | null)[];
  found: Found;
  limits: Limits;
  across: "columns" | "rows"; // what runs from left to right; slices run downwards
  place: number; // where the plane cuts the other axis, from 0 to 1
}

const SIDE = 200; // pixels of the canvas, at least

function Plane({name, slices, found, limits, across, place}: PlaneProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const {series, entry, map} = found;
  const cut = useMemo(() => cutThrough(found, across, place), [series, entry, map, across, place]);
  const here = slices.filter((slice) => slice !== null).length;
  const picture = useMemo(() => stacked(slices, across, place), [here, slices.length, across, place]);
  useEffect(() => {
    if (canvas.current) renderer.draw(canvas.current, picture, cut, look.value, limits, WHOLE);
  });
  const width = picture?.width ?? cut.columns * 8;
  const times = Math.ceil(SIDE / width);
  const height = picture?.height ?? cut.rows * 8;
  return (
    <figure>
      <span class="cut-through">
        <canvas
          ref={canvas}
          width={width * times}
          height={height * times}
          style={{aspectRatio: `${width} / ${Math.max(height, width / 2)}`}}
          data-testid={`plane-${across}`}
        />
        <i style={{top: `${100 * (map.slice?.position ?? 0)}%`}} />
      </span>
      <figcaption class="mark">{name}</figcaption>
    </figure>
  );
}

/** The cells of a volume on a plane that stands upright on its slices, from the first slice at the top to the last. */
function cutThrough({series, entry, map}: Found, across: "columns" | "rows", place: number): RawMap {
  const {depth, rows, columns} = sizeOf(series, entry);
  const values = volumeOf(series, entry);
  const length = across === "columns" ? columns : rows;
  const other = across === "columns" ? rows : columns;
  const fixed = Math.min(Math.floor(place * other), other - 1);
  const cut = new Float32Array(depth * length);
  for (let slice = 0; slice < depth; slice++) {
    for (let cell = 0; cell < length; cell++) {
      const [row, column] = across === "columns" ? [fixed, cell] : [cell, fixed];
      cut[slice * length + cell] = values[(slice * rows + row) * columns + column]!;
    }
  }
  const {slice: _, ...rest} = map;
  return {...rest, rows: depth, columns: length, values: cut};
}

/** One line of each slice's picture, below each other; null where none is here. */
function stacked(
  slices: readonly (ImageBitmap | null)[],
  across: "columns" | "rows",
  place: number,
): ImageBitmap | null {
  const first = slices.find((slice) => slice !== null);
  if (!first) return null;
  const length = across === "columns" ? first.width : first.height;
  const paper = new OffscreenCanvas(length, slices.length);
  const context = paper.getContext("2d")!;
  slices.forEach((slice, row) => {
    if (!slice) return;
    if (across === "columns") {
      context.drawImage(slice, 0, Math.floor(place * slice.height), slice.width, 1, 0, row, length, 1);
      return;
    }
    context.setTransform(0, 1, 1, 0, 0, 0); // a column becomes a row
    context.drawImage(slice, Math.floor(place * slice.width), 0, 1, slice.height, row, 0, 1, length);
    context.setTransform(1, 0, 0, 1, 0, 0);
  });
  return paper.transferToImageBitmap();
}
