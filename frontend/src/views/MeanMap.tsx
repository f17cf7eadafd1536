import {useEffect, useRef, useState} from "preact/hooks";
import type {Region} from "../api/findings";
import {begin, during} from "../busy";
import {colorTable} from "../maths/colors";
import {DARKEST, DIMMED, heatWeight} from "../maths/compose";
import {look} from "../state/store";

interface Props {
  mean: readonly number[]; // row by row
  grid: readonly [number, number]; // rows, columns
  most?: number; // drawn as the colour bar's end; the map's own largest where absent
  picture?: string | null; // a grey PNG in base64, to lie underneath
  region?: Region | null;
  label: string;
}

const PIXELS = 96;
const MORPH_MS = 160;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** A mean of maps over its mean picture, interpolated before it is coloured, with a place marked on it; another mean is morphed into. */
export function MeanMap({mean, grid, most, picture, region, label}: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<{mean: readonly number[]; most: number} | null>(null);
  const {colorMap} = look.value;
  const under = useGreys(picture ?? null);
  const end = most ?? Math.max(...mean);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const table = colorTable(colorMap);
    const from = drawn.current?.mean.length === mean.length && !STILL.matches ? drawn.current : null;
    const started = performance.now();
    let frame = 0;
    const ended = begin();
    const draw = (now: number) => {
      const way = from ? Math.min(Math.max((now - started) / MORPH_MS, 0), 1) : 1;
      const between = from ? mean.map((value, cell) => from.mean[cell]! + way * (value - from.mean[cell]!)) : mean;
      const scale = from ? from.most + way * (end - from.most) : end;
      drawn.current = {mean: between, most: scale};
      context.putImageData(paintedOf(between, grid, scale, table, under), 0, 0);
      if (way < 1) frame = requestAnimationFrame(draw);
      else ended();
    };
    draw(started);
    return () => {
      cancelAnimationFrame(frame);
      ended();
    };
  }, [mean, end, colorMap, under]);
  return (
    <span class="mean-map">
      <canvas ref={canvas} width={PIXELS} height={PIXELS} role="img" aria-label={label} />
      {region && <Place region={region} />}
    </span>
  );
}

/** A place in a picture, as an outline that is seen on light and on dark. */
export function Place({region: {x0, y0, x1, y1, hole}}: {region: Region}) {
  return (
    <>
      <span class="place" style={boxOf(x0, y0, x1, y1)} />
      {hole && <span class="place" style={boxOf(...hole)} />}
    </>
  );
}

function boxOf(x0: number, y0: number, x1: number, y1: number) {
  const percent = (share: number) => `${100 * share}%`;
  return {left: percent(x0), top: percent(y0), width: percent(x1 - x0), height: percent(y1 - y0)};
}

/** The greys of a picture as they lie under heat, once they are decoded; null without one. */
function useGreys(png: string | null): Uint8ClampedArray | null {
  const [greys, setGreys] = useState<Uint8ClampedArray | null>(null);
  useEffect(() => {
    if (!png) {
      setGreys(null);
      return;
    }
    let gone = false;
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    during(image.decode()).then(
      () => {
        const canvas = new OffscreenCanvas(PIXELS, PIXELS).getContext("2d")!;
        canvas.imageSmoothingQuality = "high";
        canvas.drawImage(image, 0, 0, PIXELS, PIXELS);
        const {data} = canvas.getImageData(0, 0, PIXELS, PIXELS);
        if (!gone)
          setGreys(Uint8ClampedArray.from({length: data.length / 4}, (_, at) => DARKEST + DIMMED * data[4 * at]!));
      },
      () => {}, // it stays without
    );
    return () => {
      gone = true;
    };
  }, [png]);
  return greys;
}

function paintedOf(
  mean: readonly number[],
  [rows, columns]: readonly [number, number],
  most: number,
  table: Uint8Array,
  under: Uint8ClampedArray | null,
) {
  const image = new ImageData(PIXELS, PIXELS);
  for (let y = 0; y < PIXELS; y++) {
    const [top, down] = between(y, rows);
    for (let x = 0; x < PIXELS; x++) {
      const [left, across] = between(x, columns);
      const at = (row: number, column: number) =>
        mean[Math.min(row, rows - 1) * columns + Math.min(column, columns - 1)] ?? 0;
      const upper = at(top, left) * (1 - across) + at(top, left + 1) * across;
      const lower = at(top + 1, left) * (1 - across) + at(top + 1, left + 1) * across;
      const value = Math.min(Math.max(most > 0 ? (upper * (1 - down) + lower * down) / most : 0, 0), 1);
      const pixel = y * PIXELS + x;
      const color = 3 * Math.round(255 * value);
      const weight = under ? heatWeight(value, 1) : 1;
      const grey = under ? under[pixel]! : 0;
      for (let channel = 0; channel < 3; channel++)
        image.data[4 * pixel + channel] = weight * table[color + channel]! + (1 - weight) * grey;
      image.data[4 * pixel + 3] = 255;
    }
  }
  return image;
}

/** The cell before a pixel, and how far it is on the way to the next one. */
function between(pixel: number, cells: number): [number, number] {
  const place = Math.min(Math.max(((pixel + 0.5) / PIXELS) * cells - 0.5, 0), cells - 1);
  return [Math.floor(place), place - Math.floor(place)];
}
