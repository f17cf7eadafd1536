/** What single keys do. A switch turns them off, since a screen reader or dictation may press them unasked (WCAG 2.1.4). */

import {useEffect} from "preact/hooks";
import {copyLink} from "../state/link";
import {peak} from "../maths/metrics";
import {pickAs, swapSides} from "../state/ab";
import {mapOf, shownStep} from "../state/maps";
import {VIEWS, type View} from "../state/settings";
import {specFrom, tileKey} from "../state/spec";
import {
  announce,
  change,
  dialog,
  focusKey,
  goBy,
  goTo,
  goToFirst,
  groups,
  lastStep,
  layer,
  layers,
  pin,
  playing,
  settings,
  sought,
  step,
} from "../state/store";
import {view} from "../state/view";
import {measuredNames} from "../state/measuredNames";
import {goToFlag} from "../state/ribbon";
import {showAll, zoomBy} from "../state/zoom";
import {ordered} from "../state/ordering";
import {pinned} from "./pinning";
import {castAt} from "../state/samples";

export interface Shortcut {
  keys: readonly string[]; // as in KeyboardEvent.key, with "Shift+" before keys that are no character
  shown: string;
  does: string;
  run: (key: string) => void;
}

const MODES = ["overlay", "contour", "spotlight", "image", "map"] as const;
const FAR = 10; // steps

export const SHORTCUTS: readonly (readonly [title: string, readonly Shortcut[]])[] = [
  [
    "Steps",
    [
      {keys: [" "], shown: "Space", does: "play or pause", run: () => (playing.value = !playing.value)},
      {keys: ["ArrowLeft"], shown: "←", does: "previous step", run: () => goBy(-1)},
      {keys: ["ArrowRight"], shown: "→", does: "next step", run: () => goBy(1)},
      {keys: ["Shift+ArrowLeft"], shown: "Shift ←", does: `${FAR} steps back`, run: () => goBy(-FAR)},
      {keys: ["Shift+ArrowRight"], shown: "Shift →", does: `${FAR} steps forward`, run: () => goBy(FAR)},
      {keys: ["<"], shown: "<", does: "change before this step", run: () => goToFlag(-1)},
      {keys: [">"], shown: ">", does: "next change", run: () => goToFlag(1)},
      {keys: ["Home"], shown: "Home", does: "first step", run: goToFirst},
      {keys: ["End"], shown: "End", does: "last step, and follow the run", run: () => goTo(lastStep.value)},
    ],
  ],
  [
    "Look",
    [
      {
        keys: ["1", "2", "3", "4", "5"],
        shown: "1 – 5",
        does: MODES.join(", "),
        run: (key) => change({mode: MODES[Number(key) - 1]!}),
      },
      {keys: ["["], shown: "[", does: "less opacity", run: () => nudge("opacity", -0.05)},
      {keys: ["]"], shown: "]", does: "more opacity", run: () => nudge("opacity", 0.05)},
      {keys: [","], shown: ",", does: "lower threshold", run: () => nudge("threshold", -0.05)},
      {keys: ["."], shown: ".", does: "higher threshold", run: () => nudge("threshold", 0.05)},
      {
        keys: ["s"],
        shown: "S",
        does: "smooth maps, or their true cells",
        run: () => change({smooth: !settings.value.smooth}),
      },
      {
        keys: ["g"],
        shown: "G",
        does: "ground truth on or off",
        run: () => change({groundTruth: !settings.value.groundTruth}),
      },
      {keys: ["l"], shown: "L", does: "next layer", run: nextLayer},
    ],
  ],
  [
    "Samples",
    [
      {keys: ["n"], shown: "N", does: "next sample in focus", run: () => focusBy(1)},
      {keys: ["p"], shown: "P", does: "previous sample in focus", run: () => focusBy(-1)},
      {keys: ["m"], shown: "M", does: "pin the map's peak, or unpin", run: pinPeak},
      {keys: ["/"], shown: "/", does: "search", run: search},
      {keys: ["f"], shown: "F", does: "fill the window with the picture, or leave", run: fillWindow},
      {
        keys: ["t"],
        shown: "T",
        does: "the trail of the evidence's center, on or off",
        run: () => change({trail: !settings.value.trail}),
      },
      {keys: ["w"], shown: "W", does: "why a prediction is wrong; again: back", run: askWhy},
      {keys: ["Escape"], shown: "Esc", does: "leave the full window, close the focus", run: leave},
    ],
  ],
  [
    "Compare",
    [
      {keys: ["v"], shown: "V", does: "grid, comparison, A / B", run: nextView},
      {keys: ["a", "b"], shown: "A, B", does: "take the tile as A, as B", run: takeTile},
      {keys: ["x"], shown: "X", does: "swap A and B", run: swapSides},
      {keys: ["+", "="], shown: "+", does: "zoom all pictures in", run: () => zoomBy(1.5)},
      {keys: ["-"], shown: "−", does: "zoom out", run: () => zoomBy(1 / 1.5)},
      {keys: ["0"], shown: "0", does: "show whole pictures", run: showAll},
    ],
  ],
  [
    "Page",
    [
      {
        keys: ["c"],
        shown: "C",
        does: "copy the link to this view",
        run: () => void copyLink(),
      },
      {keys: ["?"], shown: "?", does: "this list", run: () => (dialog.value = "keys")},
    ],
  ],
];

const BY_KEY = new Map(
  SHORTCUTS.flatMap(([, all]) => all.flatMap((one) => one.keys.map((key) => [key, one] as const))),
);

/** Listen to keys while the page is there. */
export function useShortcuts(): void {
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function press(event: KeyboardEvent): void {
  if (document.querySelector(":popover-open")) return; // its keys are its own
  if (!settings.value.shortcuts || dialog.value || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length > 1 && event.shiftKey ? `Shift+${event.key}` : lower(event.key);
  const shortcut = BY_KEY.get(key);
  if (!shortcut || event.defaultPrevented || belongsTo(event.target, event.key)) return;
  event.preventDefault();
  shortcut.run(key);
}

function lower(key: string): string {
  return key.length === 1 ? key.toLowerCase() : key;
}

/** Whether a key means something to the control that has the focus. */
function belongsTo(target: EventTarget | null, key: string): boolean {
  if (target instanceof HTMLSelectElement) return key !== "Escape";
  if (target instanceof HTMLInputElement) {
    const moves = /^(Arrow|Home|End| $)/.test(key);
    return ["range", "radio", "checkbox"].includes(target.type) ? moves : key !== "Escape";
  }
  return target instanceof HTMLButtonElement && key === " ";
}

function nudge(name: "opacity" | "threshold", by: number): void {
  const value = Math.min(Math.max(Number((settings.value[name] + by).toFixed(3)), 0), 1);
  change({[name]: value});
  announce(`${name} ${value}`);
}

function nextLayer(): void {
  const all = layers.value;
  const next = all[(all.indexOf(layer.value) + 1) % all.length];
  if (next !== undefined) change({layer: next});
}

function nextView(): void {
  const all: readonly View[] = measuredNames.value.length ? VIEWS : VIEWS.filter((one) => one !== "methods");
  change({view: all[(all.indexOf(view.value) + 1) % all.length]!});
}

/** The tile that has the keyboard, else the one in focus. */
function takeTile(key: string): void {
  const tile = document.activeElement?.closest<HTMLElement>(".tile")?.querySelector<HTMLElement>("[data-spec]");
  const focused = document.querySelector<HTMLElement>(".tile.focused [data-spec]");
  const spec = (tile ?? focused)?.dataset.spec;
  if (spec) pickAs(key === "a" ? "a" : "b", spec);
}

/** The samples in the order of the page, over all its groups. */
function focusBy(by: number): void {
  const keys = groups.value.flatMap((group) => {
    const cast = castAt(group, step.value);
    const order = cast ? ordered(group, cast, settings.value) : [];
    return order.map((sample) => tileKey({run: group.run, tag: group.tag, sample}));
  });
  const at = keys.indexOf(focusKey.value ?? "");
  const next = keys[at < 0 ? (by > 0 ? 0 : keys.length - 1) : Math.min(Math.max(at + by, 0), keys.length - 1)];
  if (next === undefined) return;
  change({focus: next});
  sought.value = next;
}

function pinPeak(): void {
  if (pin.value) {
    change({pin: null});
    return;
  }
  const spec = specFrom(focusKey.value);
  const group = groups.value.find(({run, tag}) => run === spec?.run && tag === spec.tag) ?? groups.value[0];
  const sample = spec?.sample ?? 0;
  const found = group && mapOf(group, sample, shownStep(group, sample));
  const place = found && peak(found.map);
  if (place) change({pin: pinned(place)});
}

/** The tile under the pointer or with the keyboard, unless one is in focus already. */
function fillWindow(): void {
  if (focusKey.value) {
    change({full: !settings.value.full});
    return;
  }
  const key = pointedTile();
  if (key) change({focus: key, full: true});
}

/** Of the tile under the pointer or with the keyboard, unless one is in focus already. */
function askWhy(): void {
  if (focusKey.value) {
    change({why: !settings.value.why});
    return;
  }
  const key = pointedTile();
  if (key) change({focus: key, why: true});
}

function pointedTile(): string | undefined {
  const tile = document.querySelector<HTMLElement>(".tile:hover [data-key], .tile:focus-within [data-key]");
  return tile?.dataset.key;
}

function leave(): void {
  if (settings.value.full) change({full: false});
  else closeFocus();
}

function search(): void {
  document.querySelector<HTMLInputElement>("[data-testid=search]")?.focus();
}

/** Close the sample in focus; who was in its panel is back at its tile. */
export function closeFocus(): void {
  const key = focusKey.value;
  const inside = document.activeElement?.closest(".focus");
  change({focus: null, full: false});
  if (inside && key) document.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus();
}
