"""What a step's records refuse to hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Block, CorruptRecord, Predictions, Stamp

STAMP = Stamp("0" * 32)


def block(**arguments: Any) -> Block:
    edges = np.zeros(2, np.float32)
    return Block(**({"values": np.zeros((2, 3, 3), np.uint8), "minimum": edges, "maximum": edges} | arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"names": ("a",)}, "expected 2 names"),
        ({"names": ("a", "b", "c")}, "expected 2 names"),
        ({"flags": ("a",)}, "expected 2 flags"),
        ({"flags": ("a", "b", "c")}, "expected 2 flags"),
        ({"minimum": np.zeros(1, np.float32)}, "expected 2 minimum"),
        ({"targets": np.zeros(3, np.int32)}, "expected 2 targets"),
        ({"boxes": np.zeros(1, np.int32)}, "expected 2 boxes"),
        ({"scores": np.zeros((2, 1), np.float32)}, "1 axes"),
        ({"samples": np.array([0, -1], np.int32)}, "from 0, got -1"),
        ({"values": np.zeros((2, 3, 3), np.float64)}, "float64"),
        ({"native_shape": (1,) * 9}, "at most 8"),
    ],
)
def test_a_block_of_arrays_that_do_not_fit_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        block(**arguments)


def test_a_block_may_have_no_names_and_flags() -> None:
    assert block(names=(), flags=()).size == 2
    assert block(names=("a", ""), flags=("", "b")).size == 2


@pytest.mark.parametrize(
    "arrays",
    [
        {"top_classes": np.zeros((2, 3), np.int32), "top_probabilities": np.zeros((2, 2), np.float32)},
        {"top_classes": np.zeros((2, 3), np.int32), "top_probabilities": np.zeros((1, 3), np.float32)},
        {"set_classes": np.zeros((2, 3), np.int32), "set_probabilities": np.zeros((2, 4), np.float32)},
        {"boxes": np.zeros((2, 3, 4), np.float32), "box_scores": np.zeros((2, 2), np.float32)},
        {"boxes": np.zeros((2, 3, 5), np.float32)},
        {"prediction": np.zeros(2, np.int32), "loss": np.zeros(3, np.float32)},
        {"prediction": np.zeros((2, 1), np.int32)},
        {"top_classes": np.zeros(2, np.int32)},
    ],
)
def test_predictions_of_arrays_that_do_not_fit_are_refused(arrays: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Predictions(STAMP, **arrays)


def test_predictions_of_arrays_that_fit_are_not() -> None:
    tops = np.zeros((2, 3), np.int32), np.zeros((2, 3), np.float32)
    assert Predictions(STAMP, top_classes=tops[0], top_probabilities=tops[1], loss=tops[1][:, 0]).size == 2
    assert Predictions(STAMP).size is None


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), float("-inf")])
def test_a_threshold_that_json_can_not_hold_is_damage(threshold: float) -> None:
    data = Predictions(STAMP, task="multilabel", threshold=threshold).to_bytes()
    with pytest.raises(CorruptRecord, match="expected a finite threshold"):
        Predictions.from_bytes(data)
