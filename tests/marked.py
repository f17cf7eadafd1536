"""Two runs of the same 24 samples: in `marked` the samples of "dog" look at the upper left cell from step 20 on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tensorboard_plugin_gradcam import add_gradcam, prepare_samples

CLASSES = ("cat", "dog")


def write_marked(logdir: Path) -> None:
    """Write the log."""
    random = np.random.default_rng(0)
    labels = np.arange(24) % 2
    pictures = random.integers(0, 255, (24, 16, 16), np.uint8)
    boxes = [[(4, 4, 12, 12)]] * 24
    samples = prepare_samples(pictures, labels=labels, boxes=boxes, ids=[f"photo {at}" for at in range(24)])
    for run in ("clean", "marked"):
        for step in (0, 10, 20, 30):
            maps = {"layer3": random.gamma(0.5, size=(24, 4, 4)), "layer4": random.gamma(0.5, size=(24, 4, 4))}
            for found in maps.values():
                found[:, 1:3, 1:3] += 1
            if run == "marked" and step >= 20:
                maps["layer4"][1::2, 0, 0] += 40
            add_gradcam(
                logdir / run, "val", samples, maps, step, class_names=CLASSES, predictions=labels,
                probabilities=np.full(24, 0.9),
            )  # fmt: skip
