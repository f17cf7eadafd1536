"""Step records refuse what does not fit together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Block, Numbers, Predictions, Stamp
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.envelope import seal
from tensorboard_plugin_gradcam.records.errors import CorruptRecord

STAMP = Stamp("ab" * 16)
VALUES, EDGE = np.zeros((2, 3, 3), np.uint8), np.zeros(2, np.float32)
CLASSES, FLOATS = np.zeros((2, 3), np.int32), np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"top_classes": CLASSES, "top_probabilities": FLOATS[:, :2]},
            "top_classes and top_probabilities of one",
        ),
        ({"set_classes": CLASSES, "set_probabilities": FLOATS[:, :2]}, "of one length"),
        ({"boxes": np.zeros((2, 1, 4), np.float32), "box_classes": CLASSES}, "of one length"),
        ({"boxes": np.zeros((2, 1, 5), np.float32)}, "4 numbers a box"),
        ({"prediction": CLASSES[:, 0], "loss": FLOATS[:1, 0]}, "one number of samples"),
        ({"prediction": CLASSES}, "prediction with 1 axes"),
        ({"masks": np.zeros((2, 3), np.int16)}, "masks with 3 or 4 axes"),
    ],
)
def test_predictions_that_do_not_fit_together_are_refused(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Predictions(STAMP, **arrays)


@pytest.mark.parametrize("name", ["names", "flags"])
@pytest.mark.parametrize("texts", [("one",), ("one", "two", "three")])
def test_texts_of_a_block_are_one_a_map_or_none(name: str, texts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"expected 2 {name}, one a map, or none, got {len(texts)}"):
        Block(VALUES, EDGE, EDGE, **{name: texts})  # type: ignore[arg-type]
    assert Block(VALUES, EDGE, EDGE, **{name: ("one", "two")}).size == 2  # type: ignore[arg-type]


def test_numbers_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 3 samples, one a number, got 2"):
        Numbers(STAMP, FLOATS[0], samples=CLASSES[:, 0])
    with pytest.raises(ValueError, match="from 0"):
        Numbers(STAMP, FLOATS[0], samples=CLASSES[0] - 1)


def test_a_relation_and_a_task_that_are_not_known_are_corrupt() -> None:
    stamp = pb.Stamp(cohort=bytes(16), relation=7)  # type: ignore[arg-type]
    with pytest.raises(CorruptRecord, match="relation from 0 to 2, got 7"):
        Predictions.from_bytes(seal(pb.Predictions(stamp=stamp)))
    record = pb.Predictions(stamp=pb.Stamp(cohort=bytes(16)), task=9)  # type: ignore[arg-type]
    with pytest.raises(CorruptRecord, match="task from 0 to 4, got 9"):
        Predictions.from_bytes(seal(record))
