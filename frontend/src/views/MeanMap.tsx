import {useEffect, useRef} from "preact/hooks";
import type {Region} from "../api/findings";
import {colorTable} from "../maths/colors";
import {look} from "../state/store";

interface Props {
  mean: readonly number[]; // row by row
  grid: readonly [number, number]; // rows, columns
  most?: number; // drawn as the colour bar's end; the map's own largest where absent
  region?: Region | null;
  label: string;
}

const PIXELS = 96;

/** A mean of maps, interpolated before it is coloured, with a place marked on it. */
export function MeanMap({mean, grid, most, region, label}: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const {colorMap} = look.value;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context) context.putImageData(drawn(mean, grid, most ?? Math.max(...mean), colorTable(colorMap)), 0, 0);
  }, [mean, most, colorMap]);
  return (
    <span class="mean-map">
      <canvas ref={canvas} width={PIXELS} height={PIXELS} role="img" aria-label={label} />
      {region && !region.hole && <span class="place" style={boxOf(region)} />}
    </span>
  );
}

function boxOf({x0, y0, x1, y1}: Region) {
  const percent = (share: number) => `${100 * share}%`;
  return {left: percent(x0), top: percent(y0), width: percent(x1 - x0), height: percent(y1 - y0)};
}

function drawn(mean: readonly number[], [rows, columns]: readonly [number, number], most: number, table: Uint8Array) {
  const image = new ImageData(PIXELS, PIXELS);
  for (let y = 0; y < PIXELS; y++) {
    const [top, down] = between(y, rows);
    for (let x = 0; x < PIXELS; x++) {
      const [left, across] = between(x, columns);
      const at = (row: number, column: number) =>
        mean[Math.min(row, rows - 1) * columns + Math.min(column, columns - 1)] ?? 0;
      const upper = at(top, left) * (1 - across) + at(top, left + 1) * across;
      const lower = at(top + 1, left) * (1 - across) + at(top + 1, left + 1) * across;
      const value = most > 0 ? (upper * (1 - down) + lower * down) / most : 0;
      const color = 3 * Math.round(255 * Math.min(Math.max(value, 0), 1));
      image.data.set([table[color]!, table[color + 1]!, table[color + 2]!, 255], 4 * (y * PIXELS + x));
    }
  }
  return image;
}

/** The cell before a pixel, and how far it is on the way to the next one. */
function between(pixel: number, cells: number): [number, number] {
  const place = Math.min(Math.max(((pixel + 0.5) / PIXELS) * cells - 0.5, 0), cells - 1);
  return [Math.floor(place), place - Math.floor(place)];
}
