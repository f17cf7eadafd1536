import {panBy, showAll, viewport, zoomBy} from "../state/zoom";
import {IconButton} from "./controls";

const STEP = 1.5;
const FAR = 0.25; // of what is shown
const ICONS = {
  out: "M5 11h14v2H5z",
  in: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  all: "M4 4h6v2H6v4H4zm10 0h6v6h-2V6h-4zM4 14h2v4h4v2H4zm14 0h2v6h-6v-2h4z",
  left: "M15 5v14l-9-7z",
  right: "M9 5v14l9-7z",
  up: "M5 15h14l-7-9z",
  down: "M5 9h14l-7 9z",
};

/** Zoom and pan of all pictures, without a wheel or a drag. */
export function Zoom() {
  const {zoom} = viewport.value;
  return (
    <fieldset class="zoom" aria-label="Zoom of all pictures">
      {zoom > 1 && (
        <>
          <IconButton label="Move left" path={ICONS.left} onClick={() => panBy(-FAR, 0)} />
          <IconButton label="Move up" path={ICONS.up} onClick={() => panBy(0, -FAR)} />
          <IconButton label="Move down" path={ICONS.down} onClick={() => panBy(0, FAR)} />
          <IconButton label="Move right" path={ICONS.right} onClick={() => panBy(FAR, 0)} />
          <IconButton label="Show whole pictures" path={ICONS.all} onClick={showAll} />
        </>
      )}
      <IconButton label="Zoom out" path={ICONS.out} onClick={() => zoomBy(1 / STEP)} />
      <span class="percent" title="Zoom: also Ctrl and wheel, or two fingers, on a picture" data-testid="zoom">
        {Math.round(100 * zoom)} %
      </span>
      <IconButton label="Zoom in" path={ICONS.in} onClick={() => zoomBy(STEP)} />
    </fieldset>
  );
}
