"""Writes a golden log: `python -m tests.golden.write FOLDER`. A log that is kept is never written again.

It holds one of everything that the format can say; `test_golden.py` says what must be read from it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from tensorboard_plugin_gradcam import add_gradcam, prepare_samples


def ramp(*shape: int, start: float = 0.0) -> Any:
    """Return numbers that count up from `start` in halves."""
    return (start + np.arange(np.prod(shape)) / 2).reshape(shape).astype(np.float32)


def pictures() -> Any:
    """Return three small pictures, one in each colour."""
    images = np.zeros((3, 5, 6, 3), np.uint8)
    for index in range(3):
        images[index, ..., index] = np.arange(30).reshape(5, 6) * 8
    return images


def main(folder: str) -> None:
    """Write the log."""
    from torch.utils.tensorboard import SummaryWriter  # not above: its readers are tested without torch too

    mask = np.zeros((3, 2, 2), np.uint8)
    mask[1, 0, 1] = 1
    samples = prepare_samples(
        pictures(), labels=[1, 0, -1], ids=["a", "b", "c"], captions=["one", "", "é"],
        boxes=[[(0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1)], None, None], boxes_in="fractions", truth_masks=list(mask),
    )  # fmt: skip
    with SummaryWriter(folder) as writer:
        for step in (0, 10):
            add_gradcam(
                writer, "val", samples, ramp(3, 2, 3, start=step), step, 1.7e9 + step, layer="layer4", epoch=step / 4,
                class_names=["cat", "dog"], probabilities=[[0.25, 0.75], [1, 0], [0.5, 0.5]], top_k=2,
                losses=[0.5, 0, 2], targets=[1, 0, 0], scores=[1.5, 2.5, -1],
            )  # fmt: skip
        add_gradcam(writer, "signed", samples, ramp(3, 2, 2, start=-4), 0, kind="signed", precision="float16")
        add_gradcam(writer, "rgb", samples, ramp(3, 2, 2, 3, start=-4), 0, kind="rgb", precision="float32")
        targets = [[0, 1], [1, 0], [0, 1]]
        add_gradcam(writer, "several", samples, ramp(3, 2, 2, 2), 0, targets=targets, target_names=["x", "y"])
        add_gradcam(writer, "large", samples, np.tile(ramp(1, 40, 40), (3, 1, 1)), 0)
        volumes = np.stack([pictures()[..., 0]] * 2, axis=1)
        add_gradcam(writer, "volume", volumes, ramp(3, 2, 2, 2), 0)
        add_gradcam(writer, "broken", samples, np.where(ramp(3, 2, 2) == 0, np.nan, ramp(3, 2, 2)), 0)
    later(folder)
    measured(folder)
    for number, file in enumerate(sorted(Path(folder).iterdir())):
        file.rename(file.with_name(f"events.out.tfevents.170000000{number}.golden.0.{number}"))


def later(folder: str) -> None:
    """Write what format 1.1 added: sessions that add and resume, numbers, and predictions of other tasks."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder, filename_suffix=".1") as writer:
        for step in range(0, 50, 10):
            numbers = {"sureness": [step, np.nan, -step]}
            add_gradcam(writer, "trained", pictures(), ramp(3, 2, 3), step, predictions=[0, 1, 2], numbers=numbers)
        order = [2, 0, 1]
        add_gradcam(writer, "shuffled", pictures(), ramp(3, 2, 2), 0, ids=["a", "b", "c"])
        add_gradcam(writer, "shuffled", pictures()[order], ramp(3, 2, 2)[order], 1, ids=["c", "a", "b"])
        add_gradcam(writer, "kinds", pictures(), ramp(3, 2, 2), 0, method="ig", kind="signed")
        add_gradcam(writer, "kinds", pictures(), ramp(3, 2, 2, 3), 0, method="ig", kind="rgb", precision="float32")
        add_gradcam(
            writer, "sets", pictures(), ramp(3, 2, 2), 0, labels=[[1, 0, 1], [0, 0, 0], [0, 1, 0]],
            outputs=np.array([[4, -4, 4], [4, -4, -4], [-4, 4, -4]]), task="multilabel",
        )  # fmt: skip
        add_gradcam(
            writer, "values", pictures(), ramp(3, 2, 2), 0, labels=[0.5, 1.5, 2.5], outputs=np.array([[1], [2], [3]]),
            task="regression",
        )  # fmt: skip
    with SummaryWriter(folder, filename_suffix=".2") as writer:
        for step in (5, 20):
            add_gradcam(writer, "trained", pictures(), ramp(3, 2, 2), step, method="layer_cam", predictions=[2, 2, 2])
    with SummaryWriter(folder, filename_suffix=".3") as writer:
        for step in (30, 35):
            add_gradcam(writer, "trained", pictures(), ramp(3, 2, 3, start=9), step, predictions=[1, 1, 1])


def measured(folder: str) -> None:
    """Write what format 1.1 added of belief and size: numbers of maps, and sums that stay where maps do not."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder, filename_suffix=".4") as writer:
        for step in (0, 10):
            maps = {("grad_cam", "b"): ramp(3, 2, 2, 2, start=step), ("layer_cam", "a"): ramp(3, 2, 3, 3, start=step)}
            add_gradcam(
                writer, "measured", pictures(), maps, step, targets=[[1, 0]] * 3,
                measures={name: {key: numbers_of(*key, name, step) for key in maps} for name in MEASURES},
            )  # fmt: skip
        for step in (0, 10):
            add_gradcam(
                writer, "summed", pictures(), ramp(3, 2, 2), step, layer="a", labels=[0, 1, 1], predictions=[0, 1, 0],
                probabilities=[0.5, 0.75, 0.25], losses=[1, 2, 3], class_names=["cat", "dog"], keep_maps=1,
            )  # fmt: skip


MEASURES = ("gain_head", "gain_head_logits", "class_sensitivity")


def numbers_of(method: str, layer: str, name: str, step: int) -> Any:
    """Return a number for each of two maps of three pictures; one has none."""
    found = ramp(3, 2, start=len(method) + step + 100 * MEASURES.index(name) * (1 if layer == "a" else -1))
    found[1, 0] = np.nan
    return found


if __name__ == "__main__":
    main(sys.argv[1])
