"""What a whole validation set costs without its pictures: `python benchmarks/datasets.py [IMAGES]`.

Maps of 7 x 7 of IMAGES samples (50,000) are logged for three epochs, beside them labels, predictions, losses and ids.
Then a small network validates 2,000 images, alone, with `capture`, and with `capture` and `add`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, read_gradcam

CLASSES = 10


def synthetic(folder: Path, count: int) -> None:
    """Log maps of a whole data set at once, and read findings off them."""
    random = np.random.default_rng(0)
    maps, labels = random.gamma(0.5, size=(count, 7, 7)).astype(np.float32), np.arange(count) % CLASSES
    ids = [f"{index:08d}.jpg" for index in range(count)]
    size = 0
    for epoch in range(3):
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


def _timed(step: Callable[[int], object], count: int, size: int, end: Callable[[], None]) -> float:
    start = time.perf_counter()
    for first in range(0, count, size):
        step(first)
    end()
    return time.perf_counter() - start


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        synthetic(Path(made) / "whole", int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
        validation(Path(made) / "validated")
