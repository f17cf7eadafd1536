import {effect} from "@preact/signals";
import {render as mount} from "preact";
import {connect, dark} from "./state/store";
import sheet from "./styles/tab.css?inline";
import {App} from "./views/App";

/** TensorBoard imports this module in the tab's frame and calls `render`. */
export async function render(): Promise<void> {
  const style = new CSSStyleSheet();
  style.replaceSync(sheet);
  document.adoptedStyleSheets = [style];
  document.documentElement.lang = "en";
  effect(() => {
    document.documentElement.classList.toggle("dark", dark.value);
  });
  const root = Object.assign(document.createElement("div"), {id: "app"});
  document.body.replaceChildren(root);
  connect();
  mount(<App />, root);
}
