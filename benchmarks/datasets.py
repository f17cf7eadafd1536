"""What a whole validation set costs without its pictures: `python -m benchmarks.datasets [IMAGES] [--tab]`.

Maps of 7 x 7 of IMAGES samples (50,000) are logged for three epochs, beside them labels, predictions, losses and ids.
A small network validates 2,000 images, alone, with `capture`, and with `capture` and `add`. With `--tab`, TensorBoard
and Chromium open the log: times are from the page's opening to its first tile, atlas and findings, in fresh pages.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright
from torch import Tensor, nn

from benchmarks.tab import FLAGS, fetched, opened, tensorboard
from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, read_gradcam

CLASSES, EPOCHS = 10, 3


def synthetic(folder: Path, count: int) -> None:
    """Log maps of a whole data set at once, and read findings off them."""
    random = np.random.default_rng(0)
    maps, labels = random.gamma(0.5, size=(count, 7, 7)).astype(np.float32), np.arange(count) % CLASSES
    ids = [f"{index:08d}.jpg" for index in range(count)]
    size = 0
    for epoch in range(EPOCHS):
        losses, sure = random.random((2, count), dtype=np.float32)
        start = time.perf_counter()
        add_gradcam(
            folder, "val", None, maps, epoch, layer="layer4", labels=labels, ids=ids, predictions=labels,
            probabilities=sure, losses=losses,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        before, size = size, sum(file.stat().st_size for file in folder.iterdir())
        print(f"epoch {epoch}: {seconds:.2f} s, {(size - before) / count:.0f} bytes a sample")
    start = time.perf_counter()
    sources = read_gradcam(folder).sources()
    print(f"read and summarised, {len(sources[0].summary.steps)} epochs: {time.perf_counter() - start:.2f} s")


def validation(folder: Path, count: int = 2000, size: int = 100) -> None:
    """Time a small network's validation with and without what is logged around it."""
    torch.manual_seed(0)
    pairs = ((3, 32), (32, 64), (64, 128))
    blocks = [nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in pairs]
    model = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, CLASSES)).eval()
    images, labels = torch.rand(size, 3, 56, 56), torch.arange(size) % CLASSES
    cam = CAM(model, "2")

    def alone(start: int) -> None:
        with torch.inference_mode():
            model(images)

    def captured(start: int) -> object:
        with torch.inference_mode(), cam.capture() as capture:
            model(images)
        return capture.result(targets=labels)

    captured(0)  # what is loaded once
    with GradCAMLogger(folder, on_error="raise") as logger:

        def logged(start: int) -> None:
            names = [str(index) for index in range(start, start + size)]
            found: Tensor = captured(start)  # type: ignore[assignment]
            logger.add("val", images, found, 0, labels=labels, ids=names, images=None)  # type: ignore[arg-type]

        for name, step in (("alone", alone), ("with capture", captured), ("with capture and add", logged)):
            print(f"validation {name}: {_timed(step, count, size, logger.flush):.2f} s for {count:,} images")


SHOWN = {
    "the first tile": ("view=grid", "[data-testid=tile-canvas][data-ready=true]"),
    "the atlas": ("view=atlas", ".atlas .pickable canvas"),
    "the findings": ("view=findings", ".findings .summary"),
}


def tab(logdir: Path, epochs: int, pages: int = 3) -> None:
    """Time what a page shows first of a log, in fresh pages; TensorBoard has read it, and nobody has asked before."""

    def is_loaded(address: str) -> bool:
        runs = json.loads(fetched(address + "/data/plugin/gradcam/series"))["runs"]
        return bool(runs) and runs[0]["tags"][0]["maps"][0]["max_step"] == epochs - 1

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, (view, selector) in SHOWN.items():
            with tensorboard(logdir, is_loaded) as (address, _):  # a new one, which has nothing in memory
                seconds = []
                for _ in range(pages):
                    with opened(browser, f"{address}/#gradcam&p.gradcam.{view}") as (page, began):
                        element = page.wait_for_selector("iframe", state="attached")
                        frame = element and element.content_frame()
                        assert frame
                        frame.wait_for_selector(selector, timeout=120_000)
                        seconds.append(time.perf_counter() - began)
            first, *others = seconds
            print(f"{name}: {first:.1f} s, again {min(others):.1f} s", flush=True)
        browser.close()


def _timed(step: Callable[[int], object], count: int, size: int, end: Callable[[], None]) -> float:
    start = time.perf_counter()
    for first in range(0, count, size):
        step(first)
    end()
    return time.perf_counter() - start


def main() -> None:
    """Log, validate, and open the tab if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=int, nargs="?", default=50_000)
    parser.add_argument("--tab", action="store_true", help="also in Chromium")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        synthetic(Path(made) / "whole", given.images)
        validation(Path(made) / "validated")
        if given.tab:
            tab(Path(made) / "whole", EPOCHS)


if __name__ == "__main__":
    main()
