import {ColorBar} from "./ColorBar";
import {change, groups, look, settings} from "../state/store";
import {COLOR_MAPS, type ColorMap, type Look, type MapKind, type Mode} from "../types";
import {Check, Segments, Select, Slider} from "./controls";

const MODES: readonly (readonly [Mode, string])[] = [
  ["overlay", "Overlay"],
  ["contour", "Contour"],
  ["spotlight", "Spotlight"],
  ["image", "Image"],
  ["map", "Map"],
];
/** What each mode's picture follows; what it ignores is disabled. */
const USES: Record<Mode, readonly (keyof Look)[]> = {
  overlay: ["photo", "opacity", "alpha", "threshold", "colorMap", "scale", "gamma", "smooth"],
  contour: ["photo", "opacity", "threshold", "colorMap", "scale", "smooth"],
  spotlight: ["opacity", "alpha", "threshold", "scale", "gamma", "smooth"],
  map: ["threshold", "colorMap", "scale", "gamma", "smooth"],
  image: [],
};
const SCALES: readonly (readonly [Look["scale"], string])[] = [
  ["map", "each map"],
  ["sample", "each sample, all steps"],
  ["run", "each run, all samples"],
  ["series", "everything shown"],
];
const PHOTOS: readonly (readonly [Look["photo"], string])[] = [
  ["gray", "Gray photo"],
  ["color", "Color"],
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

/** The kind that maps are drawn as. */
export function kindDrawn(): MapKind {
  return look.value.signed && kindShown() === "positive" ? "signed" : kindShown();
}

function kindShown(): MapKind {
  return groups.value.find(({maps}) => maps)?.maps?.kind ?? "positive";
}

function ignores(what: keyof Look): boolean {
  return !USES[look.value.mode].includes(what);
}

/** How maps are drawn: what is changed most. */
export function LookSection() {
  const now = look.value;
  return (
    <section aria-label="How maps are drawn">
      <Select label="Look" value={now.mode} options={MODES} onChange={(mode) => change({mode})} />
      <Segments
        label="Photograph"
        value={now.photo}
        options={PHOTOS}
        disabled={ignores("photo") || kindDrawn() !== "positive"}
        onChange={(photo) => change({photo})}
      />
      <Slider
        label="Opacity"
        value={now.opacity}
        low={0}
        high={1}
        disabled={ignores("opacity")}
        onInput={(opacity) => change({opacity})}
      />
      <ColorBar kind={kindDrawn()} />
      <Select
        label="Scale"
        value={now.scale}
        options={SCALES}
        disabled={ignores("scale")}
        onChange={(scale) => change({scale})}
      />
      <Check checked={now.groundTruth} onChange={(groundTruth) => change({groundTruth})}>
        Marked region
      </Check>
    </section>
  );
}

/** The rest of it. */
export function MoreLook() {
  const now = look.value;
  const kind = kindShown();
  return (
    <section aria-label="More display options">
      {kind === "positive" && (
        <Check checked={now.signed} disabled={now.mode === "image"} onChange={(signed) => change({signed})}>
          Signed: evidence against
        </Check>
      )}
      <Check
        checked={now.alpha === "value"}
        disabled={ignores("alpha")}
        onChange={(on) => change({alpha: on ? "value" : "constant"})}
      >
        Fade low values
      </Check>
      <Threshold now={now} />
      <Select<ColorMap>
        label="Colors"
        value={kind === "positive" ? now.colorMap : "diverging"}
        options={(kind === "positive" ? COLOR_MAPS : (["diverging"] as const)).map(
          (name) => [name, LEGACY[name] ?? name] as const,
        )}
        disabled={ignores("colorMap")}
        onChange={(colorMap) => change({colorMap})}
      />
      {kind === "positive" && (
        <Slider
          label="Gamma"
          value={now.gamma}
          low={0.2}
          high={5}
          by={0.1}
          disabled={ignores("gamma")}
          onInput={(gamma) => change({gamma})}
        />
      )}
      <Check checked={now.smooth} disabled={ignores("smooth")} onChange={(smooth) => change({smooth})}>
        Smooth (off: true cells)
      </Check>
      <Slider
        label="Tile size"
        value={settings.value.tileSize}
        low={80}
        high={480}
        by={20}
        onInput={(pixels) => change({tileSize: Math.round(pixels)})}
      />
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
        disabled={ignores("threshold")}
        onInput={(threshold) => change({threshold})}
      />
      <Segments
        label="Threshold"
        value={now.thresholdBy}
        options={THRESHOLDS}
        disabled={ignores("threshold")}
        onChange={(thresholdBy) => change({thresholdBy, threshold: thresholdBy === "area" ? USUAL_SHARE : 0})}
      />
    </>
  );
}
