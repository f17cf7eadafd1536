"""Write the corpus: one record of each kind and shape that the format has. Run after the format grew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tensorboard_plugin_gradcam.records import (
    Cohort,
    Lease,
    Maps,
    Numbers,
    Predictions,
    Replaced,
    Sample,
    Series,
    Stamp,
    Sums,
    with_thumbnail,
)
from tests.fuzz.inputs import CORPUS
from tests.viewer.eventlog import block


def records() -> dict[str, bytes]:
    """Return the records by name."""
    stamp = Stamp("ab" * 16, 7, 1_700_000_000_000_000, 1.5)
    later = replace(
        stamp, notes=("1 left out", "é"), relation="adds_on", held=40, replaced=(Replaced(3, 9, 4), Replaced(5, 5, 1))
    )
    random = np.random.default_rng(0)
    maps = random.normal(size=(2, 3, 3))
    index, half = np.array([1, 0], np.int32), np.array([0.5, np.nan], np.float32)
    holes = maps.copy()
    holes[0], holes[1, 0, 0] = np.nan, np.inf
    full = block(holes, samples=index, targets=index - 1, scores=half, names=("a", "ü"), native_shape=(9, 9))
    mask = np.eye(4, dtype=np.uint8)
    sample = Sample("ab" * 16, ("cd" * 16,) * 2, 3, "id", "caption", ((0, 0.25, 0.5, 1),), mask, 224, 224)
    top = np.array([[1, 0], [2, 1]], np.int32)
    return {
        "series-maps": Series("maps", "val", "grad_cam", "layer4.1", first=True, map_kind="signed").to_bytes(),
        "series-image": Series("image", digest="ab" * 16).to_bytes(),
        "series-thumbnail": with_thumbnail(Series("image", digest="ab" * 16).to_bytes(), mask),
        "cohort-full": Cohort((sample, Sample()), ("cat", "dog")).to_bytes(),
        "cohort-no-samples": Cohort((), ("cat",)).to_bytes(),
        "predictions-full": Predictions(stamp, index, half, half, top, half[:, None].repeat(2, 1), half).to_bytes(),
        "predictions-empty": Predictions(Stamp("ab" * 16)).to_bytes(),
        "maps-plain": Maps(stamp, (block(maps),)).to_bytes(),
        "maps-full": Maps(stamp, (full, block(maps, "float16"))).to_bytes(),
        "maps-deflated": Maps(stamp, (block(np.zeros((1, 28, 28))),)).to_bytes(),
        "maps-volume": Maps(stamp, (block(random.normal(size=(1, 2, 3, 2)), "float32"),)).to_bytes(),
        "maps-empty": Maps(stamp, ()).to_bytes(),
        "series-later": Series("numbers", "val", "grad_cam", "layer4", name="sureness", session=7, part=2).to_bytes(),
        "cohort-later": Cohort((_later_sample(),)).to_bytes(),
        "predictions-later": _later_predictions(later).to_bytes(),
        "maps-later": Maps(later, (block(maps, boxes=index),)).to_bytes(),
        "numbers-full": Numbers(later, half, index, index).to_bytes(),
        "numbers-empty": Numbers(stamp, half[:0]).to_bytes(),
        "sums-full": Sums(
            later,
            np.array([1, 2], np.int32),
            index - 1,
            index,
            index,
            *np.ones((2, 2, 2), np.float32),
            np.ones((2, 3), np.int32),
            np.ones((3, 3), np.int32),
            np.ones((2, 7), np.float32),
            1.5,
        ).to_bytes(),
        "lease-full": Lease(7, "host", 4, 1.5, 2.5, True, ("gradcam:predictions:val",)).to_bytes(),
    }


def _later_sample() -> Sample:
    """Return a sample with all that format 1.1 added."""
    volume = np.ones((2, 3, 4), np.uint8)
    return Sample(
        "ab" * 16, boxes=((0, 0, 1, 1),), mask=volume, labels=(0, 2), values=(1.5, -2), box_classes=(7,),
        class_mask=volume.astype(np.int16) * 300,
    )  # fmt: skip


def _later_predictions(stamp: Stamp) -> Predictions:
    """Return predictions with all that format 1.1 added."""
    classes, numbers = np.array([[2, -1], [0, 3]], np.int32), np.array([[0.5, np.nan], [1, 0]], np.float32)
    return Predictions(
        stamp, task="detection", threshold=0.25, set_classes=classes, set_probabilities=numbers, values=numbers,
        boxes=np.zeros((2, 2, 4), np.float32), box_classes=classes, box_scores=numbers,
        masks=np.arange(12, dtype=np.int16).reshape(2, 2, 3) - 1,
    )  # fmt: skip


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    for name, data in records().items():
        (CORPUS / name).write_bytes(data)
