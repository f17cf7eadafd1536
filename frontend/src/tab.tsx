import {effect} from "@preact/signals";
import {options, render as mount} from "preact";
import charts from "uplot/dist/uPlot.min.css?inline";
import {begin} from "./busy";
import {connect, dark} from "./state/store";
import {keepAsking} from "./state/wanted";
import belief from "./styles/belief.css?inline";
import compare from "./styles/compare.css?inline";
import findings from "./styles/findings.css?inline";
import marks from "./styles/marks.css?inline";
import share from "./styles/share.css?inline";
import keys from "./styles/keys.css?inline";
import ribbon from "./styles/ribbon.css?inline";
import panels from "./styles/panels.css?inline";
import sheet from "./styles/tab.css?inline";
import {App} from "./views/App";

/** Components are drawn anew a moment after what they read has changed. */
options.debounceRendering = (draw) => {
  const end = begin();
  queueMicrotask(() => {
    try {
      draw();
    } finally {
      end();
    }
  });
};

/** Build the tab into the frame. `catalog`, `opening`: the answers to `series` and `opening`, where they are on their way. */
export function open(catalog?: Promise<Response>, opening?: Promise<Response>): void {
  const style = new CSSStyleSheet();
  style.replaceSync([charts, sheet, panels, compare, marks, share, findings, ribbon, belief, keys].join("\n"));
  document.adoptedStyleSheets = [style];
  document.documentElement.lang = "en";
  document.title ||= "Grad-CAM";
  effect(() => {
    document.documentElement.classList.toggle("dark", dark.value);
  });
  const root = Object.assign(document.createElement("div"), {id: "app"});
  document.body.replaceChildren(root);
  connect(catalog, opening);
  keepAsking();
  mount(<App />, root);
}
