import {effect} from "@preact/signals";
import {render as mount} from "preact";
import {connect, dark} from "./state/store";
import charts from "uplot/dist/uPlot.min.css?inline";
import compare from "./styles/compare.css?inline";
import keys from "./styles/keys.css?inline";
import panels from "./styles/panels.css?inline";
import sheet from "./styles/tab.css?inline";
import {keepAsking} from "./state/wanted";
import {App} from "./views/App";

/** TensorBoard imports this module in the tab's frame and calls `render`. */
export async function render(): Promise<void> {
  const style = new CSSStyleSheet();
  style.replaceSync([charts, sheet, panels, compare, keys].join("\n"));
  document.adoptedStyleSheets = [style];
  document.documentElement.lang = "en";
  document.title ||= "Grad-CAM";
  effect(() => {
    document.documentElement.classList.toggle("dark", dark.value);
  });
  const root = Object.assign(document.createElement("div"), {id: "app"});
  document.body.replaceChildren(root);
  connect();
  keepAsking();
  mount(<App />, root);
}
