import {colorMapFor, cssGradient} from "../maths/colors";
import {specFrom} from "../state/spec";
import {
  allRuns,
  allTags,
  arrivals,
  change,
  chosenRuns,
  chosenTags,
  colorOf,
  focusKey,
  groups,
  layer,
  layers,
  loader,
  look,
  method,
  methods,
  seriesKey,
  settings,
  step,
} from "../state/store";
import {COLOR_MAPS, type ColorMap, type Look, type MapKind, type Mode} from "../types";
import {Check, Chip, Select, Slider, shown} from "./controls";
import {limitsFor} from "./Picture";

const MODES: readonly Mode[] = ["overlay", "contour", "spotlight", "image", "map"];
const SCALES: readonly (readonly [Look["scale"], string])[] = [
  ["map", "each map"],
  ["sample", "sample, all steps"],
  ["series", "whole series"],
];
const METHOD_NAMES: Record<string, string> = {
  grad_cam: "Grad-CAM",
  grad_cam_plus_plus: "Grad-CAM++",
  xgrad_cam: "XGrad-CAM",
  eigen_cam: "Eigen-CAM",
  eigen_grad_cam: "Eigen-Grad-CAM",
  hires_cam: "HiResCAM",
  layer_cam: "LayerCAM",
};

export function methodName(method: string): string {
  return METHOD_NAMES[method] ?? method;
}

/** What is shown, and how. */
export function SidePanel() {
  return (
    <nav class="side" aria-label="What is shown">
      <section>
        <h2>Runs</h2>
        {allRuns.value.map((run) => (
          <Check
            key={run}
            checked={chosenRuns.value.includes(run)}
            color={colorOf(run)}
            onChange={(on) => change({runs: toggled(allRuns.value, chosenRuns.value, run, on)})}
          >
            {run}
          </Check>
        ))}
      </section>
      <section>
        <h2>Series</h2>
        {allTags.value.map((tag) => (
          <Check
            key={tag}
            checked={chosenTags.value.includes(tag)}
            onChange={(on) => change({tags: toggled(allTags.value, chosenTags.value, tag, on)})}
          >
            {tag}
          </Check>
        ))}
      </section>
      <section>
        <h2>Layer</h2>
        <div class="chips">
          {layers.value.map((name) => (
            <Chip key={name} pressed={name === layer.value} onClick={() => change({layer: name})}>
              {name}
            </Chip>
          ))}
        </div>
      </section>
      <section>
        <h2>Method</h2>
        <div class="chips">
          {methods.value.map((name) => (
            <Chip key={name} pressed={name === method.value} onClick={() => change({method: name})}>
              {methodName(name)}
            </Chip>
          ))}
        </div>
      </section>
      <LookSection />
      <ShowSection />
    </nav>
  );
}

function toggled(all: string[], chosen: string[], name: string, on: boolean): string[] {
  return all.filter((other) => (other === name ? on : chosen.includes(other)));
}

function LookSection() {
  const now = look.value;
  const kind = groups.value.find(({maps}) => maps)?.maps?.kind ?? "positive";
  return (
    <section>
      <h2>Look</h2>
      <Slider label="Opacity" value={now.opacity} low={0} high={1} onInput={(opacity) => change({opacity})} />
      <Slider label="Threshold" value={now.threshold} low={0} high={1} onInput={(threshold) => change({threshold})} />
      <Slider label="Gamma" value={now.gamma} low={0.2} high={5} onInput={(gamma) => change({gamma})} />
      <Select<ColorMap>
        label="Colours"
        value={now.colorMap}
        options={COLOR_MAPS.map((name) => [name, name === "jet" ? "jet (legacy)" : name] as const)}
        onChange={(colorMap) => change({colorMap})}
      />
      <Select label="Scale" value={now.scale} options={SCALES} onChange={(scale) => change({scale})} />
      <div class="bar" data-testid="color-bar" style={{background: cssGradient(colorMapFor(now, kind))}} />
      <ScaleNumbers kind={kind} />
      <div class="chips">
        {MODES.map((mode) => (
          <Chip key={mode} pressed={mode === now.mode} onClick={() => change({mode})}>
            {mode}
          </Chip>
        ))}
      </div>
      <Check checked={now.alpha === "value"} onChange={(on) => change({alpha: on ? "value" : "constant"})}>
        Opacity follows the value
      </Check>
      <Check checked={now.smooth} onChange={(smooth) => change({smooth})}>
        Smooth
      </Check>
      <Check checked={now.groundTruth} onChange={(groundTruth) => change({groundTruth})}>
        Ground truth
      </Check>
    </section>
  );
}

/** What the bar's ends are worth: raw values of the sample in focus, since every map may have its own. */
function ScaleNumbers({kind}: {kind: MapKind}) {
  arrivals.value;
  const spec = specFrom(focusKey.value);
  const group = groups.value.find(({run, tag}) => run === spec?.run && tag === spec.tag);
  const key = group && seriesKey(group);
  const found = key && spec && loader.mapAt(key, spec.sample, step.value);
  const limits = found ? limitsFor(found, look.value, loader.seriesOf(key, spec.sample), spec.sample) : null;
  const signed = kind === "signed";
  return (
    <div class="scale">
      <span>{limits && !signed ? `0 = ${shown(limits.low)}` : signed ? "−1" : "0"}</span>
      <span>{signed ? "0" : "0.5"}</span>
      <span>{limits ? `1 = ${shown(limits.high)}` : "1 = maximum"}</span>
    </div>
  );
}

function ShowSection() {
  const {verdict, text} = settings.value;
  return (
    <section>
      <h2>Show</h2>
      <div class="chips">
        {(["all", "right", "wrong"] as const).map((name) => (
          <Chip key={name} pressed={name === verdict} onClick={() => change({verdict: name})}>
            {name}
          </Chip>
        ))}
      </div>
      <p>
        <input
          class="text"
          type="search"
          aria-label="Search classes, ids and captions"
          placeholder="Search classes, ids, captions"
          value={text}
          onInput={(event) => change({text: event.currentTarget.value})}
        />
      </p>
    </section>
  );
}
