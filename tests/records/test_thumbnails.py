"""Small grey pictures in the metadata of a picture's series."""

from __future__ import annotations

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import CorruptRecord, Series, thumbnail_in, with_thumbnail
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.arrays import pack

IMAGE = Series("image", digest="ab" * 16)


def test_a_thumbnail_comes_back_and_the_series_is_read_as_without_it() -> None:
    grey = np.arange(32 * 20, dtype=np.uint16).reshape(20, 32).astype(np.uint8)
    content = with_thumbnail(IMAGE.to_bytes(), grey)
    np.testing.assert_array_equal(thumbnail_in(content), grey)
    assert Series.from_bytes(content) == IMAGE


def test_a_series_without_a_thumbnail_has_none() -> None:
    assert thumbnail_in(IMAGE.to_bytes()) is None


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((65, 1), np.uint8),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((4, 4), np.float32),
        np.zeros((0, 4), np.uint8),
    ],
    ids=["too long", "in colour", "no bytes", "empty"],
)
def test_what_is_no_small_grey_picture_is_refused(array: np.ndarray) -> None:
    content = IMAGE.to_bytes() + pb.Series(thumbnail=pack(array)).SerializeToString()
    with pytest.raises(CorruptRecord, match="expected a"):
        thumbnail_in(content)


def test_a_picture_that_is_too_large_is_not_written() -> None:
    with pytest.raises(ValueError, match="at most 64 pixels"):
        with_thumbnail(IMAGE.to_bytes(), np.zeros((65, 65), np.uint8))
