"""Samples and lists of them: what they are called by, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Cohort, Sample


def test_a_sample_is_known_by_its_id_or_else_by_its_pictures() -> None:
    samples = (Sample("aa", id="cell 7"), Sample("bb"), Sample("cc", slices=("bb", "cc")), Sample())
    assert Cohort(samples).identities == ("cell 7#0", "bb#0", "bb,cc#0", "#0")


def test_samples_that_are_alike_are_told_apart_by_which_one_it_is() -> None:
    assert Cohort((Sample("aa"), Sample("bb"), Sample("aa"))).identities == ("aa#0", "bb#0", "aa#1")


def test_classes_of_boxes_are_one_a_box_or_none() -> None:
    with pytest.raises(ValueError, match="a class for each of 1 boxes, got 2"):
        Sample(boxes=((0, 0, 1, 1),), box_classes=(1, 2))


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4)])
def test_a_mask_is_of_a_picture_or_a_volume(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="mask"):
        Sample(mask=np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="class mask"):
        Sample(class_mask=np.zeros(shape, np.int16))
