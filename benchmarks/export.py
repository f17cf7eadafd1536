"""The exported page: its size, the time to write it, and the time until its first tile is drawn in Chromium.

    python benchmarks/export.py

64 crops of photographs of 224 px, 1,000 steps of maps of 7 x 7 with predictions, one run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from tensorboard_plugin_gradcam import add_gradcam, prepare_samples
from tensorboard_plugin_gradcam.exports import export

SAMPLES, SIDE, CELLS, CLASSES = 64, 224, 7, 10
FLAGS = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic"]
TILE = "[data-testid=tile-canvas][data-ready=true]"


def write_log(logdir: Path, steps: int) -> None:
    """Log maps that drift, as those of a training do."""
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(0)
    photographs = load_sample_images().images
    corners = random.integers(0, (427 - SIDE, 640 - SIDE), (SAMPLES, 2))
    crops = np.stack([photographs[i % 2][y : y + SIDE, x : x + SIDE] for i, (y, x) in enumerate(corners)])
    samples = prepare_samples(crops, labels=np.arange(SAMPLES) % CLASSES)
    maps, scores = random.random((SAMPLES, CELLS, CELLS)), random.standard_normal((SAMPLES, CLASSES))
    for step in range(steps):
        maps = np.abs(maps + 0.05 * random.standard_normal(maps.shape))
        scores += 0.05 * random.standard_normal(scores.shape)
        found = maps.astype(np.float32)
        add_gradcam(
            logdir / "run", "val", samples, found, step, layer="layer4", outputs=scores, targets=scores.argmax(1),
            losses=random.random(SAMPLES), top_k=5,
        )  # fmt: skip


def seconds_to_first_tile(page: Path) -> tuple[float, list[str]]:
    """Return the time from opening the file to its first tile, and what it asked for besides itself."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        started = time.perf_counter()
        tab.goto(page.as_uri())
        tab.wait_for_selector(TILE)
        took = time.perf_counter() - started
        browser.close()
    return took, asked[1:]


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), steps)
        for lossless in (False, True):
            started = time.perf_counter()
            page = export(folder, Path(folder) / "page.html", lossless=lossless)
            took, size = time.perf_counter() - started, page.stat().st_size
            print(f"{'lossless' if lossless else 'WebP'}: {size / 1e6:.1f} MB, written in {took:.1f} s", flush=True)
            times, asked = zip(*(seconds_to_first_tile(page) for _ in range(3)), strict=True)
            print(f"  first tile after {', '.join(f'{one:.2f}' for one in times)} s; requests: {sum(map(len, asked))}")


if __name__ == "__main__":
    main()
