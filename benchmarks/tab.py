"""The tab in software-rendered Chromium, beside TensorBoard's Images tab with the same samples as overlays.

    python -m benchmarks.tab                   64 samples x 1,000 steps: opening, scrubbing, bytes, a GIF;
                                               then 200 samples x 5 runs beside it
    python -m benchmarks.tab --minutes 10      also the page's memory while it plays
    python -m benchmarks.tab --large           also 200 samples x 1,000 steps x 5 runs x 3 layers

Times are medians of a few fresh pages. TensorBoard's own time to load the log is printed beside them and not in them.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Frame, Page, sync_playwright
from torch.utils.tensorboard import SummaryWriter

from benchmarks.figures import record, record_all
from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.heatmap import overlay

SIZE, STEPS, PAGES = 224, 1000, 5
GIF_FRAMES = 60
IMAGE_STEPS = 10  # as many as the Images tab keeps
VIEWPORT = {"width": 1920, "height": 1200}  # shows 40 tiles at once
TILE = "[data-testid=tile-canvas]"
FLAGS = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic"]

# Runs in the page; resolves with [milliseconds of each frame, milliseconds from each step change to its picture].
SCRUB = """async ({seconds}) => {
  const scrubber = document.querySelector('[data-testid=scrubber]');
  // Once: to ask at each step would have the browser lay the page out for each tile.
  const shown = [...document.querySelectorAll('[data-testid=tile-canvas][data-ready=true]')].filter((tile) => {
    const {top, bottom} = tile.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  });
  const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const last = Number(scrubber.max);
  const frames = [], changes = [];
  let at = 0, before = performance.now();
  const until = before + seconds * 1000;
  while (performance.now() < until) {
    const asked = performance.now();
    at = (at + 1) % 990;
    const step = String(at * 10);
    setValue.call(scrubber, step);
    scrubber.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(requestAnimationFrame);
    while (!shown.every((tile) => tile.dataset.step === step)) {
      if (performance.now() - asked > 5000) throw new Error(`step ${step} never came`);
      await new Promise(requestAnimationFrame);
    }
    const now = performance.now();
    changes.push(now - asked);
    frames.push(now - before);
    before = now;
  }
  return {tiles: shown.length, frames, changes};
}"""


def write_maps(folder: Path, images: np.ndarray, layers: tuple[str, ...] = ("layer4",)) -> None:
    """Write maps that drift over the steps."""
    rng = np.random.default_rng(0)
    said: dict[str, Any] = {
        "labels": np.arange(len(images)) % 10,
        "predictions": np.arange(len(images)) % 10,
        "probabilities": np.full(len(images), 0.5),
        "class_names": [f"class {index}" for index in range(10)],
    }
    base = rng.normal(size=(len(images), 7, 7)).astype(np.float32)
    with SummaryWriter(str(folder)) as writer:
        for step in range(STEPS):
            drift = rng.normal(size=base.shape).astype(np.float32) * np.float32(0.2)
            maps = {("grad_cam", layer): base + drift for layer in layers}
            add_gradcam(writer, "val", images, maps, step * 10, **said)


def write_overlays(folder: Path, images: np.ndarray) -> None:
    """Write the same samples as overlays, one tag each, as people do."""
    rng = np.random.default_rng(0)
    with SummaryWriter(str(folder)) as writer:
        for step in range(IMAGE_STEPS):
            for index, image in enumerate(images):
                map_ = rng.normal(size=(7, 7)).astype(np.float32)
                writer.add_image(f"val/{index}", overlay(image, map_), step * 10, dataformats="HWC")


def photographs(count: int) -> np.ndarray:
    """Cut `count` pictures out of scikit-learn's two photographs."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    sources = load_sample_images().images
    corners = [(index % 2, rng.integers(0, 203), rng.integers(0, 416)) for index in range(count)]
    return np.stack([sources[source][y : y + SIZE, x : x + SIZE] for source, y, x in corners])


@contextmanager
def tensorboard(logdir: Path, is_loaded: Callable[[str], bool], load_fast: str = "true") -> Iterator[tuple[str, float]]:
    """Run TensorBoard; gives its address and the seconds that it took to load the log."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "0", "--host", "127.0.0.1"]
    command += ["--load_fast", load_fast]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert process.stderr
        address = next(line.split(" at ")[1].split()[0] for line in process.stderr if " at http" in line).rstrip("/")
        while not is_loaded(address):
            time.sleep(0.2)
        yield address, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        body: bytes = response.read()
    return body


def has_last_step(address: str, runs: int, images: int) -> bool:
    """Whether TensorBoard has read all of the log."""
    import json

    found = json.loads(fetched(address + "/data/plugin/gradcam/series"))["runs"]
    maps = [one for run in found for tag in run["tags"] for one in tag["maps"]]
    if len(found) < runs or not maps or any(one["max_step"] < (STEPS - 1) * 10 for one in maps):
        return False
    tags = json.loads(fetched(address + "/data/plugin/images/tags"))
    return sum(len(tags_of_run) for tags_of_run in tags.values()) >= images


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[tuple[Page, float]]:
    """Open an address in a fresh profile; gives the page and when it was asked for."""
    with browser.new_context(viewport=VIEWPORT) as context:  # type: ignore[arg-type]
        page = context.new_page()
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        yield page, began


def tab_frame(page: Page) -> Frame:
    """Wait for the first painted tile."""
    element = page.wait_for_selector("iframe", state="attached")
    frame = element and element.content_frame()
    assert frame
    frame.wait_for_selector(TILE + "[data-ready=true]")
    frame.evaluate("() => new Promise(requestAnimationFrame)")
    return frame


# Looks twenty times a second, in every frame, for the first tile or the first picture of the Images tab (through its
# shadow roots), and notes when the frame after it was painted. Playwright's own waiting adds up to half a second.
FIRST = """() => {
  const all = (root) => [...root.querySelectorAll('*')].flatMap((one) =>
    [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
  const found = () => document.querySelector('[data-testid=tile-canvas][data-ready=true]')
    || (location.hash.startsWith('#images')
      && all(document).some((one) => one.tagName === 'IMG' && one.complete && one.naturalWidth > 50));
  const timer = setInterval(() => {
    if (!found()) return;
    clearInterval(timer);
    requestAnimationFrame(() => requestAnimationFrame(() => { top.firstPainted = Date.now(); }));
  }, 50);
}"""


def first_painted_seconds(browser: Browser, url: str) -> float:
    """From the start of the navigation to the first tile, or picture, on the screen."""
    with browser.new_context(viewport=VIEWPORT) as context:  # type: ignore[arg-type]
        context.add_init_script(f"({FIRST})()")
        page = context.new_page()
        page.goto(url, wait_until="commit")
        page.wait_for_function("() => window.firstPainted", polling=200)
        return float(page.evaluate("() => window.firstPainted - performance.timeOrigin")) / 1000


def transferred(frame: Frame, route: str) -> tuple[int, int]:
    """Requests of a route, and their bytes over the wire."""
    sizes: list[int] = frame.evaluate(
        f"() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/gradcam/{route}?'))"
        ".map((one) => one.transferSize)"
    )
    return len(sizes), sum(sizes)


def settled(frame: Frame) -> None:
    """Wait until nothing has been asked for during a second."""
    count = -1
    while (now := frame.evaluate("() => performance.getEntriesByType('resource').length")) != count:
        count = now
        time.sleep(1)


def heap_megabytes(page: Page) -> float:
    """The page's JavaScript heap after a garbage collection, and what its buffers hold."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(used["usedSize"] + used.get("backingStorageSize", 0)) / 2**20


def play(page: Page, frame: Frame, minutes: float) -> None:
    """Play for `minutes`, and print the memory after the first and the last."""
    frame.locator("[data-testid=play]").click()
    time.sleep(60)
    first = heap_megabytes(page)
    time.sleep(max(minutes - 1, 0) * 60)
    last = heap_megabytes(page)
    print(
        f"memory after 1 minute of playback {first:.1f} MB, after {minutes:g} {last:.1f} MB ({last / first - 1:+.1%})"
    )


def measure_tab(browser: Browser, address: str, minutes: float, pages: int) -> None:
    """Print opening, scrubbing, bytes and memory of one open tab."""
    both = [
        [first_painted_seconds(browser, f"{address}/#{tab}") for tab in ("gradcam", "images")] for _ in range(pages)
    ]
    ours, theirs = zip(*both, strict=True)
    record_all("tab/first tile/ours", ours, "s")
    record_all("tab/first tile/Images tab", theirs, "s")
    print(f"opened to first tile {statistics.median(ours):.2f} s; Images tab {statistics.median(theirs):.2f} s")
    with opened(browser, f"{address}/#gradcam") as (page, _):
        frame = tab_frame(page)
        settled(frame)
        requests, size = transferred(frame, "maps")
        print(f"maps of what is visible, all steps: {requests} requests, {size / 2**20:.2f} MB over the wire")
        scrub(frame, "")
        print(f"a GIF of 1,200 x 675, {GIF_FRAMES} frames: {gif_seconds(page, frame):.1f} s")
        if minutes:
            play(page, frame, minutes)
    with opened(browser, f"{address}/#gradcam&p.gradcam.photo=color") as (page, _):
        frame = tab_frame(page)
        settled(frame)
        scrub(frame, " over photographs in color")


def scrub(frame: Frame, look: str) -> None:
    """Print how many steps a second follow the scrubber."""
    found = frame.evaluate(SCRUB, {"seconds": 5})
    rate = 1000 / statistics.median(found["frames"])
    slowest = np.percentile(found["changes"], 95)
    change = statistics.median(found["changes"])
    record(f"tab/scrubbing{look}", float(rate), "steps/s")
    record(f"tab/step change{look}", float(change), "ms", high=float(slowest))
    print(f"scrubbing {found['tiles']} tiles{look}: {rate:.0f} steps a second", end="; ")
    print(f"a change {change:.0f} ms, 95 % {slowest:.0f} ms")


def gif_seconds(page: Page, frame: Frame) -> float:
    """From the click on "Save GIF" to the file."""
    frame.get_by_role("button", name="Card…").click()
    save = frame.get_by_role("button", name="Save GIF")
    save.wait_for()
    with page.expect_download(timeout=120_000) as download:
        began = time.perf_counter()
        save.click()
    seconds = time.perf_counter() - began
    with Image.open(download.value.path()) as gif:
        assert (gif.size, getattr(gif, "n_frames", 1)) == ((1200, 675), GIF_FRAMES)
    record("tab/GIF", seconds, "s")
    return seconds


def measure_many(browser: Browser, folder: Path, few: str, pages: int) -> None:
    """Print how long the first screen of 200 samples x 5 runs takes beside that of 64 x 1, in turns."""
    for run in range(5):
        write_maps(folder / f"run{run}", photographs(200))
    with tensorboard(folder, lambda address: has_last_step(address, 5, 0)) as (many, _):
        both = [[first_painted_seconds(browser, f"{one}/#gradcam") for one in (few, many)] for _ in range(pages)]
    ours, theirs = ([*times] for times in zip(*both, strict=True))
    record_all("tab/first tile/200 samples x 5 runs", theirs, "s")
    times = statistics.median(theirs) / statistics.median(ours)
    record("tab/first tile/200 samples x 5 runs, beside 64 x 1", times, "times")
    print(f"first tile of 200 samples x 5 runs {statistics.median(theirs):.2f} s, of 64 x 1 ", end="")
    print(f"{statistics.median(ours):.2f} s: {times:.2f} times")


# Runs in the page: the choice of a layer, then the milliseconds until the first tile of that layer is painted.
SWITCH = """async ({layer}) => {
  const began = performance.now();
  const select = [...document.querySelectorAll('.side select')].find((one) => [...one.options].some((option) =>
    option.value === layer));
  select.value = layer;
  select.dispatchEvent(new Event('change', {bubbles: true}));
  const tile = `[data-testid=tile-canvas][data-layer='${layer}'][data-ready=true]`;
  while (!document.querySelector(tile)) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""


def layer_switch_milliseconds(browser: Browser, address: str) -> list[float]:
    """From the choice of a layer to its first tile, on a page that is open: layers never looked at, then known ones."""
    with opened(browser, f"{address}/#gradcam&p.gradcam.layer=layer4") as (page, _):
        frame = tab_frame(page)
        settled(frame)
        return [frame.evaluate(SWITCH, {"layer": layer}) for layer in ("layer3", "layer2", "layer4", "layer3")]


def measure_large(browser: Browser, folder: Path) -> None:
    images = photographs(200)
    for run in range(5):
        write_maps(folder / f"run{run}", images, ("layer2", "layer3", "layer4"))
    with tensorboard(folder, lambda address: has_last_step(address, 5, 0)) as (address, loading):
        print(f"200 samples x 1,000 steps x 5 runs x 3 layers: TensorBoard loads it in {loading:.1f} s")
        first = [first_painted_seconds(browser, f"{address}/#gradcam") for _ in range(3)]
        switches = layer_switch_milliseconds(browser, address)
        print(f"  first tile {first[0]:.2f} s at first, then {statistics.median(first[1:]):.2f} s")
        print(f"  layer switch {', '.join(f'{one:.0f} ms' for one in switches)} (two new layers, then two known ones)")


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0, help="of playback to watch the memory over")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--quick", action="store_true", help="16 samples, and two pages in place of five")
    arguments = parser.parse_args()
    count = 16 if arguments.quick else 64
    images, pages = photographs(count), 2 if arguments.quick else PAGES
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        write_maps(root / "log" / "ours", images)
        write_overlays(root / "log" / "overlays", images)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        with tensorboard(root / "log", lambda address: has_last_step(address, 1, count)) as (address, loading):
            print(f"{count} samples x 1,000 steps: TensorBoard loads it in {loading:.1f} s")
            measure_tab(browser, address, arguments.minutes, pages)
            if not arguments.quick:
                measure_many(browser, root / "many", address, pages)
        if arguments.large:
            measure_large(browser, root / "large")
        browser.close()


if __name__ == "__main__":
    main()
