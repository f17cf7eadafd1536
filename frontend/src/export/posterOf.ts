/** What the picture of a view is made of, gathered as the page shows it. */

import {thresholdOf} from "../maths/compose";
import {contourPath, contours, maskPath} from "../maths/contour";
import {boxRatio, groupsAbreast, justified} from "../maths/layout";
import {limitsOf} from "../maths/limits";
import {shown} from "../maths/numbers";
import {placesIn} from "../maths/places";
import {nearestStep} from "../maths/steps";
import {sideOf} from "../state/ab";
import {inCell, leadOf, partsOfTables, peersOf, tablesFor, targets} from "../state/compare";
import {differenceOf, lookOfDifference} from "../state/difference";
import {faultsOf, notesOf} from "../state/faults";
import {currentLimits, drawnOf, mapOf, shownStep} from "../state/maps";
import {isCut} from "../state/measure";
import {AXIS_NAMES, coordinateName, methodName, sampleName} from "../state/names";
import {ordered, orderedInTables, rankWords} from "../state/ordering";
import {remarksOn} from "../state/remarks";
import {type Cast, castAt, className, isRight, type Said, sampleOf, saidOf} from "../state/samples";
import {colorOf, dark, type Group, groups, images, loader, look, pin, settings, step} from "../state/store";
import {view} from "../state/view";
import {DIFFERENCE_LIMITS} from "../maths/compare";
import {errorsOf} from "../state/tasks";
import type {Coordinates, Limits, Look, Sample} from "../types";
import {aboutOf as aboutStrip, GAPS as STRIP_GAPS, HIGHEST, MIXED} from "../views/Compare";
import {GAP, tilePixels} from "../views/Grid";
import {aboutOf, keptWords} from "../views/Heading";
import {room} from "../views/room";
import {sliceOf} from "../views/Slices";
import type {Box} from "./ink";
import {
  type Block,
  HEADS,
  type Head,
  LINE,
  type Line,
  type Poster,
  type PosterTile,
  type Section,
  TITLE,
  type Under,
} from "./poster";

/** A sample of a group at a step: one tile. */
export interface One {
  group: Group;
  sample: Sample;
  index: number;
  cast: Cast;
  at: number;
}

/** Sections as they stand on the page; every tile of the view, whether it is in sight or not. */
export interface Layout {
  sections: {
    title: string;
    color: string | null;
    meta: string;
    notes: string[];
    heads: Head[];
    blocks: Cells[];
    kind: Kind;
  }[];
}

type Kind = "tiles" | "strips" | "rows";

interface Cells {
  title: string;
  truth: string;
  aside: () => string; // known once the maps are here
  badge: boolean; // the aside stands on the tile
  ones: (One | null)[];
}

export function onesOf({sections}: Layout): One[] {
  return sections.flatMap(({blocks}) => blocks.flatMap(({ones}) => ones.filter((one) => one !== null)));
}

export function layoutOf(): Layout {
  if (view.peek() === "compare") return {sections: partsOfTables().flatMap(compared)};
  return {
    sections:
      view.peek() === "ab"
        ? [sides()]
        : groups
            .peek()
            .map(ofGroup)
            .filter((one) => one !== null),
  };
}

function headingOf(group: Group, cast: Cast, count: number) {
  const all = placesIn(cast.cohort).length;
  const left = count === all ? "" : `${shown(count)} of ${shown(all)} samples`;
  return {
    meta: [aboutOf(group), left, keptWords(cast)].filter(Boolean).join("  ·  "),
    notes: [...faultsOf(group), ...notesOf(group, step.peek())],
  };
}

function ofGroup(group: Group): Layout["sections"][number] | null {
  const cast = castAt(group, shownStep(group, -1));
  if (!cast) return null;
  const order = ordered(group, cast, settings.peek());
  return {
    title: `${group.run} / ${group.tag}`,
    color: colorOf(group.run),
    ...headingOf(group, cast, order.length),
    heads: [],
    kind: "tiles",
    blocks: order.map((index) => ({
      title: "",
      truth: "",
      aside: () => rankWords(group, cast, index) ?? "",
      badge: true,
      ones: [{group, cast, index, sample: cast.cohort.samples[index]!, at: shownStep(group, index)}],
    })),
  };
}

function compared(tags: readonly string[]): Layout["sections"] {
  const lead = leadOf(tags);
  if (!lead?.cast) return [];
  const {first, cast} = lead;
  const {rows, columns} = settings.peek();
  const order = orderedInTables(tags, first, cast, settings.peek());
  const tables = tablesFor(tags, order);
  const name = (axis: typeof rows, cell: Coordinates) => coordinateName(axis, cell, cast, targets.peek());
  const headsOf = (cells: readonly Coordinates[]): Head[] =>
    cells.map((cell) => ({name: name(columns, cell), color: columns === "run" ? colorOf(cell.run) : null}));
  const heading = {title: tags.join(", "), color: null, ...headingOf(first, cast, order.length)};
  if (rows === "sample") {
    const blocks = (tables[0]?.cells ?? []).flatMap((_, row) =>
      tables.map(({cells, fixed}) =>
        stripOf(tags, first, cast, cells[row]!, tables.length > 1 ? aboutStrip(fixed) : ""),
      ),
    );
    return [{...heading, heads: headsOf(tables[0]?.cells[0] ?? []), kind: "strips", blocks}];
  }
  return tables.map(({fixed, cells}) => ({
    ...heading,
    title: [
      fixed.run,
      ...tags,
      fixed.sample === undefined ? "" : sampleName(cast.cohort.samples[fixed.sample]!, fixed.sample),
    ]
      .filter(Boolean)
      .join(" / "),
    color: fixed.run === undefined ? null : colorOf(fixed.run),
    heads: headsOf(cells[0] ?? []),
    kind: "rows" as const,
    blocks: cells.map((row) => ({
      title: `${AXIS_NAMES[rows]} ${name(rows, row[0]!)}`,
      truth: "",
      aside: () => "",
      badge: false,
      ones: row.map((cell) => oneIn(cast, cell)),
    })),
  }));
}

function stripOf(
  tags: readonly string[],
  first: Group,
  cast: Cast,
  cells: readonly Coordinates[],
  about: string,
): Cells {
  const index = cells[0]!.sample;
  const sample = cast.cohort.samples[index]!;
  return {
    title: sampleName(sample, index),
    truth: [className(cast.cohort, sample.label), about].filter(Boolean).join("  ·  "),
    aside: () => rankWords(first, cast, index, (one) => peersOf(tags, cast, one)) ?? "",
    badge: false,
    ones: cells.map((cell) => oneIn(cast, cell)),
  };
}

function oneIn(cast: Cast, cell: Coordinates): One | null {
  const sample = cast.cohort.samples[cell.sample]!;
  const found = inCell(cell, sample);
  if (!found || found.index < 0) return null;
  const {group, index} = found;
  return {group, cast: found.cast ?? cast, index, sample, at: cell.step ?? shownStep(group, index)};
}

/** A and B; what is between them comes when they are drawn. */
function sides(): Layout["sections"][number] {
  const both = (["a", "b"] as const).map((name) => sideOf(name));
  const ones = both.map((side): One | null => {
    if (!side?.group || !side.cast || !side.sample) return null;
    return {group: side.group, cast: side.cast, sample: side.sample, index: side.spec.sample, at: side.at};
  });
  const heads = ones.map((one, place): Head => {
    const what = one ? [one.group.run, sampleName(one.sample, one.index), `step ${shown(one.at)}`] : [];
    return {name: [place ? "B" : "A", ...what].join(" · "), color: one && colorOf(one.group.run)};
  });
  const block: Cells = {title: "", truth: "", aside: () => "", badge: false, ones};
  return {
    title: "A and B",
    color: null,
    meta: "",
    notes: [],
    heads: [...heads, {name: "A − B", color: null}],
    kind: "rows",
    blocks: [block],
  };
}

/** The picture of a layout whose maps and photographs are here. */
export function posterOf(layout: Layout): Poster {
  const now = look.peek();
  const ones = onesOf(layout);
  const first = ones[0];
  const told = layout.sections.some(({kind, blocks}) => kind === "strips" && blocks.some(({truth}) => truth));
  const sections = layout.sections.map((section): Section => {
    const blocks = section.blocks.map((cells) => blockOf(cells, !told, now));
    return {...section, blocks, places: placesOf(section.kind, blocks, section.heads.length > 0)};
  });
  const found = first && mapOf(first.group, first.index, first.at);
  const {layer = "", method = ""} = first?.group.maps ?? {};
  const tags = [...new Set(ones.map(({group}) => group.tag))];
  return {
    dark: dark.peek(),
    title: tags.join(", "),
    about: [layer, methodName(method), explainedWords()].filter(Boolean).join("  ·  "),
    step: `step ${shown(step.peek())}`,
    epoch: first ? epochWords(first.group) : "",
    look: now,
    kind: found ? drawnOf(found)!.map.kind : "positive",
    limits:
      first && found && (now.scale === "series" || ones.length === 1)
        ? currentLimits(found, first.group, first.index)
        : null,
    scale: SCALES[now.scale],
    width: Math.max(...sections.flatMap(({places}) => places.map(({left, width}) => left + width)), room.peek().width),
    sections,
  };
}

const SCALES: Record<Look["scale"], string> = {
  map: "each map scaled to its own maximum",
  sample: "one scale per sample",
  run: "one scale per run",
  series: "one scale for everything shown",
};

function explainedWords(): string {
  const {target} = settings.peek();
  if (target === null) return "";
  if (target === "top") return "explained: the top prediction";
  if (target === "label") return "explained: the label";
  return target === "second"
    ? "explained: the runner-up"
    : `explained: ${targets.peek().get(target) ?? `class ${target}`}`;
}

function epochWords({run, tag}: Group): string {
  const said = loader.predictions(run, tag);
  const epoch = said?.epochs[nearestStep(said.steps, step.peek())] ?? Number.NaN;
  return Number.isFinite(epoch) ? `epoch ${shown(Number(epoch.toFixed(2)))}` : "";
}

function blockOf({title, truth, aside, badge, ones}: Cells, tellTruth: boolean, now: Look): Block {
  const words = aside();
  const tiles = ones.map((one) => one && tileOf(one, now, badge ? words : "", tellTruth));
  const [a, b] = ones;
  const both = view.peek() === "ab" && a && b ? [differenceTile(a, b)] : [];
  return {title, truth, aside: badge ? "" : words, tiles: [...tiles, ...both]};
}

function tileOf(one: One, now: Look, badge: string, tellTruth: boolean): PosterTile {
  const {group, index, at, cast} = one;
  const found = drawnOf(mapOf(group, index, at));
  const own = (found && sampleOf(found, index, one.sample)) ?? one.sample;
  const limits = found ? currentLimits(found, group, index) : {low: 0, high: 0};
  const said = saidOf(castAt(group, at) ?? cast, index);
  const slice = sliceOf(own, found?.map);
  const remark = remarksOn({group, sample: own, index, at, found}).words;
  return {
    image: images.get(group.run, own.image),
    map: found?.map ?? null,
    limits,
    truth: now.groundTruth ? own : null,
    look: now,
    ratio: boxRatio(one.sample.width || own.width, one.sample.height || own.height),
    lines: linesOf(found, limits, said, now),
    mark: [remark, badge, slice && `${slice.index + 1} / ${slice.count}`].filter(Boolean).join(" · "),
    corner: found ? scaleWords(found.map.kind, limits, limitsOf(found.map), now) : "",
    under: verdictOf(castAt(group, at) ?? cast, own, said, tellTruth),
  };
}

function differenceTile(a: One, b: One): PosterTile {
  const [first, second] = [a, b].map((one) => ({...one, found: mapOf(one.group, one.index, one.at)}));
  return {
    image: images.get(a.group.run, a.sample.image),
    map: differenceOf(first!, second!),
    limits: DIFFERENCE_LIMITS,
    truth: null,
    look: lookOfDifference(look.peek()),
    ratio: boxRatio(a.sample.width, a.sample.height),
    lines: [],
    mark: "",
    corner: "",
    under: [{sign: "", right: null, name: "blue: only B, red: only A", value: ""}],
  };
}

/** What a map's colours span, where those of the next span something else. */
function scaleWords(kind: string, {low, high}: Limits, own: Limits, {scale, mode}: Look): string {
  if (scale !== "map" || mode === "image" || !(high > low) || high > own.high) return "";
  return kind === "positive" ? (low > 0 ? `${shown(low)} – ${shown(high)}` : shown(high)) : `± ${shown(high)}`;
}

const PREDICTED = "#ff9d3f";
const PIN = "#00e5ff";
const PIN_SIZE = 0.02;

function linesOf(found: ReturnType<typeof drawnOf>, limits: Limits, said: Said, now: Look): Line[] {
  const lines: Line[] = [];
  if (found && now.mode !== "contour" && now.mode !== "image" && isCut(now)) {
    const threshold = thresholdOf(found.map, now, limits);
    lines.push({
      path: new Path2D(contourPath(contours(found.map, limits, threshold, now.smooth), 1, 1, 4)),
      color: "#fff",
      dashed: true,
    });
  }
  if (now.groundTruth) {
    const boxes = new Path2D();
    for (const {x0, y0, x1, y1} of said.boxes) boxes.rect(x0, y0, x1 - x0, y1 - y0);
    if (said.boxes.length) lines.push({path: boxes, color: PREDICTED});
    if (said.mask) {
      const target = found?.map.target ?? -1;
      const cells = Uint8Array.from(said.mask.cells, (cell) => Number(target >= 0 ? cell === target : cell > 0));
      lines.push({path: new Path2D(maskPath({...said.mask, cells})), color: PREDICTED});
    }
  }
  if (pin.peek()) {
    const {x, y} = pin.peek()!;
    lines.push({
      path: new Path2D(`M${x - PIN_SIZE},${y}H${x + PIN_SIZE}M${x},${y - PIN_SIZE}V${y + PIN_SIZE}`),
      color: PIN,
    });
  }
  return lines;
}

/** What stands under a tile. */
function verdictOf({cohort, said: series, row}: Cast, sample: Sample, said: Said, tellTruth: boolean): Under[] {
  if (series && row < 0) return [plain("no prediction at this step")];
  const name = (index: number | null) => className(cohort, index);
  if (said.set) {
    return said.set
      .filter(({predicted, isTrue}) => predicted || isTrue)
      .map(({class: of, probability, predicted, isTrue}): Under => {
        const right = isTrue === null ? null : predicted === isTrue;
        const missed = isTrue && !predicted ? "missed " : "";
        return {
          sign: right === null ? "" : right ? "✓" : "✗",
          right,
          name: missed + name(of),
          value: probability.toFixed(2),
        };
      });
  }
  if (said.values.length) {
    const errors = errorsOf(sample, said.values);
    return said.values.map((value, place) => {
      const error = errors[place];
      const truth = sample.values?.[place];
      return {
        ...plain(shown(value)),
        value: error == null ? "" : `true ${shown(truth ?? Number.NaN)}, error ${shown(error)}`,
      };
    });
  }
  if (said.boxes.length || series?.task === "detection") {
    const best = [...said.boxes].sort((a, b) => b.score - a.score).slice(0, 3);
    return best.length
      ? best.map((box) => ({...plain(name(box.class) || "object"), value: box.score.toFixed(2)}))
      : [plain("nothing detected")];
  }
  const right = isRight(sample, said);
  const predicted = name(said.prediction);
  const known = tellTruth ? name(sample.label) || sample.caption || sample.id : "";
  if (!predicted) return known ? [plain(known)] : [];
  const value = said.probability === null ? "" : said.probability.toFixed(2);
  const first: Under = {sign: right === null ? "" : right ? "✓" : "✗", right, name: predicted, value};
  return right === false && tellTruth
    ? [first, {sign: "←", right: null, name: name(sample.label), value: ""}]
    : [first];
}

function plain(name: string): Under {
  return {sign: "", right: null, name, value: ""};
}

const LEAST_CELL = 120; // pixels of a table's cell

/** Where the blocks of a section stand. */
function placesOf(kind: Kind, blocks: readonly Block[], heads: boolean): Box[] {
  const {width} = room.peek();
  const size = kind === "tiles" ? tilePixels(blocks.length) : settings.peek().tileSize;
  const across = Math.max(1, ...blocks.map(({tiles}) => tiles.length));
  const ratios = blocks.map(({tiles}) => tiles.find((tile) => tile !== null)?.ratio ?? 1);
  const gap = kind === "tiles" ? GAP : STRIP_GAPS.between;
  const same = Math.max(...ratios) / Math.min(...ratios) < 1.05;
  const inside = (across - 1) * STRIP_GAPS.inside;
  let widths: number[];
  if (kind === "rows") {
    const each = Math.min(Math.max(width, across * LEAST_CELL + inside), across * HIGHEST + inside);
    widths = blocks.map(() => each);
  } else if (kind === "strips" && same) {
    const abreast = Math.min(groupsAbreast(width, across, size, STRIP_GAPS), blocks.length);
    const most = across * HIGHEST * (ratios[0] ?? 1) + inside;
    widths = blocks.map(() => Math.min(Math.floor((width - (abreast - 1) * gap) / abreast), most));
  } else {
    const items = ratios.map((ratio) => ({perHeight: across * ratio, fixed: inside}));
    const height = kind === "strips" ? MIXED * size : size;
    widths = justified(items, width, height, gap).map((place) => place.width);
  }
  return flowed(blocks, widths, kind === "rows" ? 0 : width, gap, heads);
}

/** In lines that are as high as their highest block. */
function flowed(
  blocks: readonly Block[],
  widths: readonly number[],
  width: number,
  gap: number,
  heads: boolean,
): Box[] {
  let [left, top, high] = [0, 0, 0];
  return blocks.map((block, place) => {
    const own = {width: widths[place]!, height: heightOf(block, widths[place]!, heads)};
    if (left > 0 && left + own.width > width + 1) {
      top += high + gap;
      [left, high] = [0, 0];
    }
    const box = {left, top, ...own};
    left += own.width + gap;
    high = Math.max(high, own.height);
    return box;
  });
}

function heightOf({title, truth, aside, tiles}: Block, width: number, heads: boolean): number {
  const each = (width - (tiles.length - 1) * STRIP_GAPS.inside) / tiles.length;
  const tallest = Math.max(0, ...tiles.map((tile) => (tile ? each / tile.ratio + tile.under.length * LINE : 0)));
  return (title || truth || aside ? TITLE : 0) + (heads ? HEADS : 0) + tallest;
}
