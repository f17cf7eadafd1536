import {settings, view} from "../state/store";
import {viewport} from "../state/zoom";
import {Compare} from "./Compare";
import {useGestures} from "./gestures";
import {Grid} from "./Grid";
import {later} from "./later";
import {Toolbar} from "./Toolbar";

const AB = later(async () => (await import("./AB")).AB);

/** The middle of the tab: which way samples are looked at, and the samples. */
export function Center() {
  useGestures();
  const zoomed = viewport.value.zoom > 1;
  return (
    <main class={zoomed ? "center zoomed" : "center"} style={{"--tile": `${settings.value.tileSize}px`}}>
      <Toolbar />
      {view.value === "compare" ? <Compare /> : view.value === "ab" ? <AB /> : <Grid />}
    </main>
  );
}
