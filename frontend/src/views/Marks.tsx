import type {ComponentChildren} from "preact";
import {useMemo} from "preact/hooks";
import type {Found} from "../api/loader";
import {thresholdOf} from "../maths/compose";
import {contourPath, contours, maskPath} from "../maths/contour";
import {limitsOf} from "../maths/limits";
import {areaFrom, cellAt, percentile, type Place} from "../maths/metrics";
import {castAt, className, type Said, saidOf} from "../state/samples";
import {type Group, look, pin, playing, probe} from "../state/store";
import type {Limits, RawMap, Sample, Viewport} from "../types";
import type {Region} from "../api/findings";
import {region} from "../state/findings";
import {percent, shown} from "../maths/numbers";

interface Props {
  group: Group;
  sample: Sample;
  index: number;
  found: Found | null;
  limits: Limits | null; // that the map is drawn with
  view: Viewport;
  at: number; // the step
  large: boolean;
}

/** What is drawn over a picture as lines and numbers: ground truth, the threshold's outline, the places looked at. */
export function Marks({group, sample, index, found, limits, view, at, large}: Props) {
  const window = `${view.x - 0.5 / view.zoom} ${view.y - 0.5 / view.zoom} ${1 / view.zoom} ${1 / view.zoom}`;
  const {groundTruth} = look.value;
  const truth = useMemo(() => <Truth sample={sample} />, [sample]); // the same at all steps
  const place = found && probe.value;
  const cut = found && limits && isCut();
  return (
    <>
      <svg viewBox={window} preserveAspectRatio="none" aria-hidden="true">
        {groundTruth && truth}
        {cut && <Outline map={found.map} limits={limits} />}
        {region.value && <InRegion {...region.value} />}
        {pin.value && <Pin place={pin.value} view={view} />}
        {place && <Cell map={found.map} place={place} />}
        {groundTruth && hasShapes(group, found, at) && <PredictedShapes {...{group, index, found}} at={at} />}
      </svg>
      {groundTruth && large && <Names {...{group, index, sample, found, view}} at={at} />}
      {found && limits && <Scale map={found.map} limits={limits} />}
      {cut && <Area map={found.map} limits={limits} />}
      {place && <Reading map={found.map} place={place} />}
    </>
  );
}

/** Shapes that are seen on black and on white: a dark line under a light one. */
function TwoTone({name, id, children}: {name: string; id?: string; children: ComponentChildren}) {
  return (
    <>
      <g class={`${name} under`}>{children}</g>
      <g class={name} data-testid={id}>
        {children}
      </g>
    </>
  );
}

function Truth({sample}: {sample: Sample}) {
  return (
    <TwoTone name="truth" id="truth">
      {sample.boxes.map(({x0, y0, x1, y1}) => (
        <rect key={`${x0},${y0},${x1}`} x={x0} y={y0} width={x1 - x0} height={y1 - y0} />
      ))}
      {sample.mask && <path d={maskPath(sample.mask)} />}
    </TwoTone>
  );
}

interface PredictedProps {
  group: Group;
  index: number;
  found: Found | null;
  at: number;
}

/** Which of the predicted boxes is explained; -1: none, or all. */
function explainedBox(found: Found | null): number {
  return found?.series.box?.[found.entry] ?? -1;
}

/** Whether boxes or masks were predicted in a group: of most there is nothing to look for. */
function hasShapes(group: Group, found: Found | null, at: number): boolean {
  const said = castAt(group, found?.map.step ?? at)?.said;
  return Boolean(said?.boxes ?? said?.masks);
}

/** Predicted boxes, the explained one thick, and the outline of the predicted mask. */
function PredictedShapes({group, index, found, at}: PredictedProps) {
  const cast = castAt(group, found?.map.step ?? at);
  const said = cast && saidOf(cast, index);
  if (!said || !(said.boxes.length || said.mask)) return null;
  const one = explainedBox(found);
  return (
    <>
      {said.boxes.map(({x0, y0, x1, y1}, place) => (
        <TwoTone key={place} name={place === one ? "predicted explained" : "predicted"} id="predicted-box">
          <rect x={x0} y={y0} width={x1 - x0} height={y1 - y0} />
        </TwoTone>
      ))}
      {said.mask && (
        <TwoTone name="predicted" id="predicted-mask">
          <path d={maskPath(ofClass(said.mask, found?.map.target ?? -1))} />
        </TwoTone>
      )}
    </>
  );
}

const masks = new WeakMap<Int16Array, Map<number, NonNullable<Sample["mask"]>>>();

/** Where a mask has a class; of no class, where it has any but the first, which is the background. */
function ofClass({height, width, cells}: NonNullable<Said["mask"]>, target: number): NonNullable<Sample["mask"]> {
  const own = masks.get(cells) ?? new Map<number, NonNullable<Sample["mask"]>>();
  masks.set(cells, own);
  const kept = own.get(target);
  if (kept) return kept;
  const inside = Uint8Array.from(cells, (cell) => Number(target >= 0 ? cell === target : cell > 0));
  const made = {height, width, cells: inside};
  own.set(target, made);
  return made;
}

/** Classes and scores at the boxes' corners. */
function Names({group, index, sample, found, view, at}: PredictedProps & {sample: Sample; view: Viewport}) {
  const cast = castAt(group, found?.map.step ?? at);
  if (!cast) return null;
  const one = explainedBox(found);
  const predicted = saidOf(cast, index).boxes.map(({x0, y1, class: of, score}, place) => ({
    x: x0,
    y: y1,
    kind: place === one ? "predicted explained" : "predicted",
    words: `${className(cast.cohort, of)} ${score.toFixed(2)}${place === one ? ", explained" : ""}`,
  }));
  const truth = (sample.boxClasses ?? []).flatMap((of, place) => {
    const box = sample.boxes[place];
    return box && of >= 0 ? [{x: box.x0, y: box.y0, kind: "truth", words: className(cast.cohort, of)}] : [];
  });
  const across = (value: number, middle: number) => `${100 * ((value - middle) * view.zoom + 0.5)}%`;
  return (
    <>
      {[...truth, ...predicted].map(({x, y, kind, words}) => (
        <span
          key={`${kind} ${x} ${y} ${words}`}
          class={`box-name ${kind}`}
          style={{left: across(x, view.x), top: across(y, view.y)}}
        >
          {words}
        </span>
      ))}
    </>
  );
}

const NEARLY_0 = 0.005; // of the highest value: less is not seen in the colours

/** What the colours of this tile span, where those of the next span something else. */
function Scale({map, limits: {low, high}}: {map: RawMap; limits: Limits}) {
  const faint = high > limitsOf(map).high; // which says its scale in words
  if (look.value.scale !== "map" || look.value.mode === "image" || !(high > low) || faint) return null;
  const from = map.kind === "positive" ? (low > NEARLY_0 * high ? `${shown(low)} – ` : "") : "± ";
  return (
    <span
      class="own-scale"
      data-testid="own-scale"
      title="This tile's colors are scaled to its own maximum: this value"
    >
      {from}
      {shown(high)}
    </span>
  );
}

function isCut(): boolean {
  const {mode, threshold, thresholdBy} = look.value;
  return mode !== "image" && (threshold > 0 || thresholdBy === "area");
}

/** Drawn while the picture rests: it takes longer than the picture itself. */
function Outline({map, limits}: {map: RawMap; limits: Limits}) {
  const now = look.value;
  if (now.mode === "contour" || playing.value) return null;
  const d = contourPath(contours(map, limits, thresholdOf(map, now, limits), now.smooth), 1, 1, 4);
  return (
    <>
      <path class="outline under" d={d} />
      <path class="outline" data-testid="outline" d={d} />
    </>
  );
}

function Area({map, limits}: {map: RawMap; limits: Limits}) {
  const now = look.value;
  const share = areaFrom(map, limits, thresholdOf(map, now, limits), now.smooth);
  return (
    <span class="mark area" data-testid="area" title="Share of the area above the threshold">
      {percent(share)}
    </span>
  );
}

/** The same cell on every map that has as many. */
function Cell({map, place}: {map: RawMap; place: Place}) {
  const {row, column} = cellAt(map, place.x, place.y);
  return (
    <TwoTone name="cell">
      <rect x={column / map.columns} y={row / map.rows} width={1 / map.columns} height={1 / map.rows} />
    </TwoTone>
  );
}

/** The cell at a place, and its raw value and percentile: as logged, neither smoothed nor rectified. */
export function readingAt(map: RawMap, {x, y}: Place): {value: number; percentile: number; cell: string} {
  const {row, column, value} = cellAt(map, x, y);
  return {value, percentile: percentile(map, value), cell: `${row}, ${column}`};
}

function Reading({map, place}: {map: RawMap; place: Place}) {
  const {value, percentile: rank, cell} = readingAt(map, place);
  return (
    <span class="mark reading" data-testid="reading" data-cell={cell}>
      {shown(value)}
      {Number.isFinite(rank) && ` · p${Math.round(rank)}`}
    </span>
  );
}

/** The region that a finding is about, or that was set in the atlas. */
function InRegion({x0, y0, x1, y1, hole}: Region) {
  return (
    <TwoTone name="place" id="region">
      <rect x={x0} y={y0} width={x1 - x0} height={y1 - y0} />
      {hole && <rect x={hole[0]} y={hole[1]} width={hole[2] - hole[0]} height={hole[3] - hole[1]} />}
    </TwoTone>
  );
}

const PIN = 0.02; // of the window

function Pin({place: {x, y}, view}: {place: Place; view: Viewport}) {
  const size = PIN / view.zoom;
  return (
    <TwoTone name="pin">
      <path d={`M${x - size},${y}H${x + size}M${x},${y - size}V${y + size}`} />
    </TwoTone>
  );
}
