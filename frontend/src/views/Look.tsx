import {ColorBar} from "./ColorBar";
import {change, groups, look} from "../state/store";
import {COLOR_MAPS, type ColorMap, type Look, type Mode} from "../types";
import {Check, Chip, Segments, Select, Slider} from "./controls";

const MODES: readonly (readonly [Mode, string])[] = [
  ["overlay", "Overlay"],
  ["contour", "Contour"],
  ["spotlight", "Spotlight"],
  ["image", "Image"],
  ["map", "Map"],
];
const SCALES: readonly (readonly [Look["scale"], string])[] = [
  ["map", "each map"],
  ["sample", "each sample, all steps"],
  ["run", "each run, all samples"],
  ["series", "everything shown"],
];
const PHOTOS: readonly (readonly [Look["photo"], string])[] = [
  ["gray", "Grey photo"],
  ["color", "Colour photo"],
];
const THRESHOLDS = [
  ["value", "by value"],
  ["area", "by area"],
] as const;
const LEGACY: Partial<Record<ColorMap, string>> = {
  jet: "jet (legacy: uneven)",
  gray: "grey",
  diverging: "blue to red (signed)",
};
const USUAL_SHARE = 0.2; // of the area, where someone first asks for an area

/** How maps are drawn. */
export function LookSection() {
  const now = look.value;
  const kind = groups.value.find(({maps}) => maps)?.maps?.kind ?? "positive";
  return (
    <section aria-label="Look">
      <h2>Look</h2>
      <div class="chips">
        {MODES.map(([mode, name]) => (
          <Chip key={mode} pressed={mode === now.mode} onClick={() => change({mode})}>
            {name}
          </Chip>
        ))}
      </div>
      {kind === "positive" && (now.mode === "overlay" || now.mode === "contour") && (
        <Segments label="Photograph" value={now.photo} options={PHOTOS} onChange={(photo) => change({photo})} />
      )}
      <Slider label="Opacity" value={now.opacity} low={0} high={1} onInput={(opacity) => change({opacity})} />
      <Check checked={now.alpha === "value"} onChange={(on) => change({alpha: on ? "value" : "constant"})}>
        Clear where the value is low
      </Check>
      <Threshold now={now} />
      <Select<ColorMap>
        label="Colours"
        value={kind === "positive" ? now.colorMap : "diverging"}
        options={(kind === "positive" ? COLOR_MAPS : (["diverging"] as const)).map(
          (name) => [name, LEGACY[name] ?? name] as const,
        )}
        onChange={(colorMap) => change({colorMap})}
      />
      <Select label="Scale" value={now.scale} options={SCALES} onChange={(scale) => change({scale})} />
      <ColorBar kind={kind} />
      {kind === "positive" && (
        <Slider label="Gamma" value={now.gamma} low={0.2} high={5} by={0.1} onInput={(gamma) => change({gamma})} />
      )}
      <Check checked={now.smooth} onChange={(smooth) => change({smooth})}>
        Smooth (off: true cells)
      </Check>
      <Check checked={now.groundTruth} onChange={(groundTruth) => change({groundTruth})}>
        Ground truth
      </Check>
    </section>
  );
}

/** From which value on, or which part of the area with the highest values. */
function Threshold({now}: {now: Look}) {
  const byArea = now.thresholdBy === "area";
  return (
    <>
      <Slider
        label={byArea ? "Top area" : "Threshold"}
        value={now.threshold}
        low={0}
        high={1}
        percent={byArea}
        onInput={(threshold) => change({threshold})}
      />
      <Segments
        label="Threshold"
        value={now.thresholdBy}
        options={THRESHOLDS}
        onChange={(thresholdBy) => change({thresholdBy, threshold: thresholdBy === "area" ? USUAL_SHARE : 0})}
      />
    </>
  );
}
