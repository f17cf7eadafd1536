"""The small grey pictures that are logged with pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.writer.pictures import Picture


def test_a_picture_is_averaged_down_and_grey_by_its_luminance() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    small = pixels.reshape(16, 4, 32, 4, 3).mean(axis=(1, 3)) @ (0.299, 0.587, 0.114)
    thumbnail = Picture(pixels, (64, 128)).thumbnail
    assert thumbnail.shape == (16, 32)
    np.testing.assert_allclose(thumbnail, small, atol=1.01)  # rounded twice


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (1, 1)])
def test_a_small_picture_keeps_its_size(shape: tuple[int, ...]) -> None:
    assert Picture(np.full(shape, 7, np.uint8), shape[:2]).thumbnail.shape == shape[:2]


def test_each_picture_is_logged_with_its_thumbnail(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 50, 3), np.uint8)
    add_gradcam(str(tmp_path), "val", images, np.ones((3, 2, 2)), 0)
    log = read_gradcam(tmp_path)
    expected = [Picture(image, (40, 50)).thumbnail for image in images]
    digests = [Picture(image, (40, 50)).digest for image in images]
    np.testing.assert_array_equal([log.thumbnails[".", digest] for digest in digests], expected)
