import {useEffect} from "preact/hooks";
import {isFile} from "../state/host";
import {catalog, catalogError, dialog, focusKey, retry} from "../state/store";
import {Center} from "./Center";
import {startLooking, startLookingLater} from "../state/findings";
import {rowCount} from "../state/ribbon";
import {showsSamples} from "../state/view";
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
    startLookingLater();
  }, []);
  useEffect(() => {
    if (!showsSamples.value) startLooking(); // what is looked at needs it
  }, [showsSamples.value]);
  return (
    <div class="app" style={{"--rows": rowCount.value}}>
      <SkipLink />
      <TopBar />
      <SidePanel />
      <Center />
      <InFocus />
      <Keys />
      {dialog.value === "card" && <CardDialog />}
      {catalogError.value && <Offline />}
    </div>
  );
}

/** The panel of the sample in focus; its code is not needed before there is one. */
function InFocus() {
  return focusKey.value && <Focus />;
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
      <span>TensorBoard is not responding. The tab still shows what it has loaded.</span>
      <button type="button" class="link" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

function Loading() {
  return (
    <main>
      <div class="state" role="status">
        <p>Loading Grad-CAM data…</p>
      </div>
    </main>
  );
}

function Failure({words}: {words: string}) {
  return (
    <main>
      <div class="state" role="alert">
        <h1>{isFile ? "This file can’t be read" : "TensorBoard is not responding"}</h1>
        <p>{words}</p>
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      </div>
    </main>
  );
}

// The README's, which a test runs.
const EXAMPLE = `import torch
from sklearn.datasets import load_digits

from tensorboard_plugin_gradcam import GradCAMLogger

digits = load_digits()
images = torch.tensor(digits.images[:500, None] / 16, dtype=torch.float32)
labels = torch.tensor(digits.target[:500])
body = [torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten()]
model = torch.nn.Sequential(*body, torch.nn.Linear(512, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
with GradCAMLogger("runs/digits", model) as logger:
    probe = logger.probe("digits", images[:20], labels=labels[:20])
    for step in range(100):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        if step % 10 == 0:
            probe.log(step)`;

function Empty() {
  return (
    <main class="state" data-testid="empty">
      <h1>No Grad-CAM data in this log yet</h1>
      <p>
        Log maps from your training loop, and they appear here after the first step. The training's environment needs
        this package and PyTorch or Keras. A complete example (<code>pip install torch scikit-learn</code>):
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: its long lines are scrolled by key too */}
      <pre tabIndex={0}>{EXAMPLE}</pre>
    </main>
  );
}
