import {useRef} from "preact/hooks";
import {centerOfMass} from "../maths/metrics";
import {colorTable} from "../maths/colors";
import {shown} from "../maths/numbers";
import {nearestStep} from "../maths/steps";
import {nearestStop, type Stop} from "../maths/trail";
import {explainedOver, seriesOf} from "../state/maps";
import {entriesOver, mapOfEntry, thinned} from "../state/measure";
import {goTo, type Group, settings} from "../state/store";
import type {Viewport} from "../types";
import {numberOf, useSlowly} from "./slowly";

const MOST = 200; // stops: more than can be told apart
const DARKEST = 80; // of the colour map's 256: what is darker is lost on photographs
const TABLE = colorTable("viridis");

/** Where the evidence for the class that is explained had its centre at each step; null until that is worked out. */
export function useTrail(group: Group, index: number): readonly Stop[] | null {
  const series = seriesOf(group, index);
  const text = JSON.stringify([series && numberOf(series), index, settings.value.target, group.target]);
  const stops = useSlowly(
    text,
    () => (series ? thinned(entriesOver(series, index, explainedOver(group, index)), MOST) : []),
    ({step, entry}): Stop | null => {
      const center = series && centerOfMass(mapOfEntry(series, entry));
      return center && {...center, step};
    },
  );
  return stops?.filter((stop) => stop !== null) ?? null;
}

interface Props {
  stops: readonly Stop[];
  at: number; // the step
  ratio: number; // of the picture
  view: Viewport;
}

/** The way from the first step to the shown one, coloured by time, and faintly what comes after; it can be dragged along. */
export function Trail({stops, at, ratio, view}: Props) {
  const lines = useRef<SVGSVGElement>(null);
  const now = nearestStep(
    stops.map(({step}) => step),
    at,
  );
  if (stops.length < 2) return null;
  const [left, top] = [view.x - 0.5 / view.zoom, view.y - 0.5 / view.zoom];
  const take = (event: PointerEvent) => {
    const box = lines.current?.getBoundingClientRect();
    if (!box) return;
    const place = {
      x: left + (event.clientX - box.left) / box.width / view.zoom,
      y: top + (event.clientY - box.top) / box.height / view.zoom,
    };
    const stop = stops[nearestStop(stops, place, now, ratio)];
    if (stop && stop.step !== at) goTo(stop.step);
  };
  const here = stops[now]!;
  const way = (some: readonly Stop[]) => `M${some.map(({x, y}) => `${x},${y}`).join("L")}`;
  return (
    <svg
      ref={lines}
      class="trail"
      viewBox={`${left} ${top} ${1 / view.zoom} ${1 / view.zoom}`}
      preserveAspectRatio="none"
      aria-hidden="true" // the scrubber does the same, and says so
      data-testid="trail"
    >
      {now < stops.length - 1 && <path class="ahead" d={way(stops.slice(now))} />}
      {now > 0 && <path class="under" d={way(stops.slice(0, now + 1))} />}
      {stops.slice(0, now).map((stop, place) => (
        <path key={stop.step} d={way([stop, stops[place + 1]!])} stroke={colorAt(place + 1, stops.length)} />
      ))}
      <path class="here under" d={`${way([here])}h0`} />
      <path class="here" d={`${way([here])}h0`} stroke={colorAt(now, stops.length)} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: for pointers only, as above */}
      <path
        class="held"
        d={way(stops)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          event.stopPropagation(); // else a zoomed picture would move
          take(event);
        }}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
          event.stopPropagation();
          take(event);
        }}
        onClick={(event) => event.stopPropagation()} // else it would pin
      />
    </svg>
  );
}

function colorAt(place: number, count: number): string {
  const entry = 3 * Math.round(DARKEST + ((255 - DARKEST) * place) / Math.max(count - 1, 1));
  return `rgb(${TABLE[entry]} ${TABLE[entry + 1]} ${TABLE[entry + 2]})`;
}

/** What the colours of the way mean. */
export function TrailKey({stops}: {stops: readonly Stop[]}) {
  const colors = [0, 0.25, 0.5, 0.75, 1].map((share) => colorAt(share * 100, 101));
  return (
    <span class="trail-key" data-testid="trail-key">
      {shown(stops[0]!.step)}
      <i style={{background: `linear-gradient(to right, ${colors.join(", ")})`}} />
      {shown(stops.at(-1)!.step)}
    </span>
  );
}
