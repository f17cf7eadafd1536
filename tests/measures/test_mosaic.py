"""Mosaics: which pictures are put together, and where their evidence lies."""

from __future__ import annotations

import numpy as np
import pytest

from tensorboard_plugin_gradcam.measures import mosaics, share_in_quarter


def test_each_picture_is_asked_for_once_among_others_of_other_classes() -> None:
    classes = [0, 1, 2, 3, 0, 0, 1, 2]
    found = mosaics(classes)
    asked = [mosaic.pictures[at] for mosaic in found for at in mosaic.asked]
    assert sorted(asked) == list(range(8))
    for mosaic in found:
        for at in mosaic.asked:
            others = [classes[picture] for place, picture in enumerate(mosaic.pictures) if place != at]
            assert classes[mosaic.pictures[at]] not in others
    assert [len(mosaic.asked) for mosaic in found] == [4, 1, 1, 1, 1]


def test_two_classes_make_mosaics_and_one_makes_none() -> None:
    assert [mosaic.asked for mosaic in mosaics([0, 0, 1])] == [(0,), (1,), (2,)]
    assert mosaics([5, 5, 5]) == []


def test_the_share_is_of_positive_evidence_in_the_pictures_quarter() -> None:
    maps = -np.ones((2, 5, 5))
    maps[0, 0, 0], maps[0, 4, 4] = 3, 1
    maps[1] = 1.0
    shares = share_in_quarter(maps, [0, 3])
    assert shares == pytest.approx([0.75, 0.25])
    assert np.isnan(share_in_quarter(-np.ones((1, 4, 4)), [0])).all()
