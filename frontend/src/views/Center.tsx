import {useEffect, useRef} from "preact/hooks";
import {focusKey, settings, sought} from "../state/store";
import {view} from "../state/view";
import {viewport} from "../state/zoom";
import {Compare} from "./Compare";
import {FilterBar} from "./FilterBar";
import {useGestures} from "./gestures";
import {Grid} from "./Grid";
import {later} from "./later";
import {room, useRoom} from "./room";
import {useRoving} from "./roving";
import {Strongest} from "./Strongest";
import {Toolbar} from "./Toolbar";

const AB = later(async () => (await import("./AB")).AB);
const Atlas = later(async () => (await import("./Atlas")).Atlas);
const Methods = later(async () => (await import("./Methods")).Methods);
const Findings = later(async () => (await import("./Findings")).Findings);

/** The middle of the tab: which way samples are looked at, and the samples. */
export function Center() {
  const element = useRef<HTMLElement>(null);
  useGestures();
  useRoom(element, view.value);
  useRoving(element);
  useFocusInSight();
  const zoomed = viewport.value.zoom > 1;
  return (
    <main
      ref={element}
      id="samples"
      class={zoomed ? "center zoomed" : "center"}
      style={{"--tile": `${settings.value.tileSize}px`}}
    >
      <Toolbar />
      <Strongest />
      <FilterBar />
      <Shown />
    </main>
  );
}

function Shown() {
  if (view.value === "compare") return <Compare />;
  if (view.value === "ab") return <AB />;
  if (view.value === "atlas") return <Atlas />;
  if (view.value === "methods") return <Methods />;
  return view.value === "findings" ? <Findings /> : <Grid />;
}

/** The tile in focus stays in sight when its panel takes room, and a link leads to it. */
function useFocusInSight(): void {
  const {width} = room.value;
  const key = focusKey.value;
  useEffect(() => {
    if (key) sought.value = key;
  }, [key, width]);
}
