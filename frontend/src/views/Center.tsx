import {settings, view} from "../state/store";
import {Compare} from "./Compare";
import {Grid} from "./Grid";
import {Toolbar} from "./Toolbar";

/** The middle of the tab: which way samples are looked at, and the samples. */
export function Center() {
  return (
    <main class="center" style={{"--tile": `${settings.value.tileSize}px`}}>
      <Toolbar />
      {view.value === "compare" ? <Compare /> : <Grid />}
    </main>
  );
}
