"""Decoded records as columns: what is cut, padded and joined."""

from __future__ import annotations

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Maps, Numbers, Predictions, Stamp
from tensorboard_plugin_gradcam.viewer.limits import TOP_CLASSES
from tensorboard_plugin_gradcam.viewer.tables import MapTable, NumberTable, PredictionTable
from tests.viewer.eventlog import block

STAMP = Stamp("ab" * 16)
LONG = TOP_CLASSES + 7


@pytest.mark.parametrize("names", [("top_classes", "top_probabilities"), ("set_classes", "set_probabilities")])
def test_lists_of_classes_are_cut_to_the_most_probable(names: tuple[str, str]) -> None:
    classes, floats = np.tile(np.arange(LONG, dtype=np.int32), (2, 1)), np.ones((2, LONG), np.float32)
    table = PredictionTable.of(Predictions(STAMP, **{names[0]: classes, names[1]: floats}))  # type: ignore[arg-type]
    assert table.columns[names[0]].shape == (1, 2, TOP_CLASSES)
    assert table.columns[names[0]][0, 0].tolist() == list(range(TOP_CLASSES))
    assert table.columns[names[1]].shape == (1, 2, TOP_CLASSES)


def test_boxes_are_cut_and_masks_are_not() -> None:
    boxes, masks = np.zeros((1, LONG, 4), np.float32), np.zeros((1, LONG, LONG), np.int16)
    table = PredictionTable.of(Predictions(STAMP, task="detection", boxes=boxes, masks=masks))
    assert table.columns["boxes"].shape == (1, 1, TOP_CLASSES, 4)
    assert table.columns["masks"].shape == (1, 1, LONG, LONG)


def test_predictions_are_padded_to_the_largest_and_the_last_step_says_the_task() -> None:
    one = Predictions(STAMP, values=np.ones((1, 1), np.float32))
    two = Predictions(STAMP, task="regression", threshold=0.25, values=np.ones((2, 3), np.float32))
    table = PredictionTable.concatenated([PredictionTable.of(one), PredictionTable.of(two)])
    assert table.columns["values"].shape == (2, 2, 3)
    assert np.isnan(table.columns["values"][0]).sum() == 5
    assert (table.rows, table.task, table.threshold) == (2, "regression", 0.25)


def test_masks_of_slices_that_became_volumes_are_those_of_the_last_step() -> None:
    flat, deep = np.zeros((1, 2, 2), np.int16), np.ones((1, 3, 2, 2), np.int16)
    tables = [PredictionTable.of(Predictions(STAMP, masks=masks)) for masks in (flat, deep)]
    column = PredictionTable.concatenated(tables).columns["masks"]
    assert column.shape == (2, 1, 3, 2, 2)
    assert (column[0] == -1).all()
    assert (column[1] == 1).all()


def test_numbers_are_taken_by_steps() -> None:
    tables = [NumberTable.of(Numbers(STAMP, np.arange(size, dtype=np.float32))) for size in (2, 0, 3)]
    table = NumberTable.concatenated(tables)
    assert table.first.tolist() == [0, 2, 2, 5]
    taken = table.take(np.array([2, 0]))
    assert taken.value.tolist() == [0, 1, 2, 0, 1]
    assert taken.sample.tolist() == [0, 1, 2, 0, 1]
    assert taken.first.tolist() == [0, 3, 5]
    assert table.take(slice(1, 3)).value.tolist() == [0, 1, 2]


def test_the_box_that_a_map_explains_stays_with_it() -> None:
    plain = Maps(STAMP, (block(np.ones((1, 2, 2))),))
    boxed = Maps(STAMP, (block(np.ones((2, 2, 2)), boxes=np.array([4, -1], np.int32)),))
    table = MapTable.concatenated([MapTable.of(plain), MapTable.of(boxed)])
    assert table.box.tolist() == [-1, 4, -1]
    assert table.of_samples(np.array([1])).box.tolist() == [-1]
