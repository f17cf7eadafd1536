import {useEffect} from "preact/hooks";
import {catalog, catalogError, dialog, retry} from "../state/store";
import {Center} from "./Center";
import {later} from "./later";
import {Keys} from "./Keys";
import {useShortcuts} from "./shortcuts";
import {SidePanel} from "./SidePanel";
import {TopBar} from "./TopBar";

const IDLE_MS = 1500; // until the first tiles are here, and what may be needed next is fetched

const CardDialog = later(async () => (await import("./CardDialog")).CardDialog);
const Focus = later(async () => (await import("./Focus")).Focus);

/** The tab, or why there is nothing to see. */
export function App() {
  if (!catalog.value) return catalogError.value ? <Failure words={catalogError.value} /> : <Loading />;
  if (!catalog.value.runs.length) return <Empty />;
  return <Tab />;
}

function Tab() {
  useShortcuts();
  useEffect(() => {
    setTimeout(() => void Focus.fetch(), IDLE_MS);
  }, []);
  return (
    <div class="app">
      <SkipLink />
      <TopBar />
      <SidePanel />
      <Center />
      <Focus />
      <Keys />
      {dialog.value === "card" && <CardDialog />}
      {catalogError.value && <Offline />}
    </div>
  );
}

/** The first stop of Tab, seen only there. */
function SkipLink() {
  return (
    <button
      type="button"
      class="skip button"
      onClick={() => document.querySelector<HTMLElement>("#samples .tile [data-testid=tile]")?.focus()}
    >
      Skip to the samples
    </button>
  );
}

/** TensorBoard was here and is gone: what was read stays. */
function Offline() {
  return (
    <div class="offline" role="alert" title={catalogError.value ?? ""}>
      <span>TensorBoard does not answer. What was read before is still shown.</span>
      <button type="button" class="link" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

function Loading() {
  return (
    <div class="state" role="status">
      <p>Loading Grad-CAM data…</p>
    </div>
  );
}

function Failure({words}: {words: string}) {
  return (
    <div class="state" role="alert">
      <h1>TensorBoard does not answer</h1>
      <p>{words}</p>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

const EXAMPLE = `from tensorboard_plugin_gradcam import GradCAMLogger

with GradCAMLogger(writer, model, class_names=names) as logger:
    probe = logger.probe("val", images, labels=labels)
    for step, (x, y) in enumerate(loader):
        ...  # the training, untouched
        if step % 50 == 0:
            probe.log(step)`;

function Empty() {
  return (
    <div class="state" data-testid="empty">
      <h1>No Grad-CAM data in this log yet</h1>
      <p>Log what your network looks at from the training loop. The page fills by itself as soon as there is a step.</p>
      <pre>{"pip install 'tensorboard-plugin-gradcam[torch]'"}</pre>
      <pre>{EXAMPLE}</pre>
    </div>
  );
}
