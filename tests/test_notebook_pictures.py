"""What a notebook's cell shows: `result.show()` and `heatmap.overlay(...)`."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images
from torch import nn
from torchvision.transforms import Normalize

from tensorboard_plugin_gradcam import CAM, Classes, heatmap
from tensorboard_plugin_gradcam.cam import CAMResult

NORMALIZE = Normalize((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
SIZE = 120  # of the pictures in a sheet; the photographs have 60 pixels
CELL = SIZE + 8


@pytest.fixture(scope="module")
def photos() -> NDArray[np.uint8]:
    return np.stack([picture[150:210, 300:360] for picture in load_sample_images().images])


@pytest.fixture(scope="module")
def result(photos: NDArray[np.uint8]) -> CAMResult:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    inputs = NORMALIZE(torch.tensor(photos).permute(0, 3, 1, 2) / 255)
    return CAM(model.eval(), methods=["grad_cam", "layer_cam"])(inputs, Classes(0, 2))


def decoded(png: bytes | None) -> NDArray[Any]:
    """The picture as a browser gets it."""
    assert png is not None
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return picture[..., ::-1] if picture.ndim == 3 else picture


def enlarged(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return photo.repeat(SIZE // len(photo), axis=0).repeat(SIZE // len(photo), axis=1)


def test_an_overlay_is_an_array_and_a_picture(photos: NDArray[np.uint8]) -> None:
    overlay = heatmap.overlay(photos[0], np.random.default_rng(0).random((7, 7)))
    np.testing.assert_array_equal(decoded(overlay._repr_png_()), np.asarray(overlay))
    np.testing.assert_array_equal(decoded(overlay[..., 0]._repr_png_()), np.asarray(overlay)[..., 0])
    for none in (overlay[0, 0], overlay / 2, overlay[:0], overlay[..., :2]):
        assert none._repr_png_() is None


def test_a_sheet_shows_each_picture_and_each_map_over_it(result: CAMResult, photos: NDArray[np.uint8]) -> None:
    sheet = result.show(transform=NORMALIZE, size=SIZE, columns=1, colormap="viridis", opacity=0.5)
    decoded(sheet._repr_png_())
    rows = sheet.reshape(4, -1, 3 * CELL, 3)[:, :SIZE]
    for row, sample, index in zip(rows, (0, 0, 1, 1), range(4), strict=True):
        photo = enlarged(photos[sample])
        np.testing.assert_array_equal(row[:, :SIZE], photo)
        for column, key in enumerate(result.maps, start=1):
            expected = heatmap.overlay(photo, result.maps[key][index], colormap="viridis", opacity=0.5)
            np.testing.assert_array_equal(row[:, column * CELL : column * CELL + SIZE], expected)


def test_a_sheet_has_as_many_columns_as_fit_and_only_the_maps_asked_for(result: CAMResult) -> None:
    one_method = result.show(transform=NORMALIZE, method="layer_cam", size=SIZE)
    assert one_method.shape[1] == (960 // (2 * CELL)) * 2 * CELL
    assert result.show(transform=NORMALIZE, size=SIZE).shape[1] == (960 // (3 * CELL)) * 3 * CELL
    titled = result.show(transform=NORMALIZE, size=SIZE, class_names=["temple", "leaf", "flower"])
    assert (titled != result.show(transform=NORMALIZE, size=SIZE)).any()


def test_without_a_word_on_the_normalization_inputs_are_stretched(result: CAMResult, photos: NDArray[np.uint8]) -> None:
    shown = result.show(size=SIZE, columns=1)[:SIZE, :SIZE]
    assert (shown.min(), shown.max()) == (0, 255)
    for channel, true in zip(np.moveaxis(shown, 2, 0), np.moveaxis(enlarged(photos[0]), 2, 0), strict=True):
        assert np.corrcoef(channel.ravel(), true.ravel())[0, 1] > 0.999


def test_pictures_may_be_passed(result: CAMResult, photos: NDArray[np.uint8]) -> None:
    expected = result.show(transform=NORMALIZE, size=SIZE)
    np.testing.assert_array_equal(result.show(photos, size=SIZE), expected)
    np.testing.assert_array_equal(result.show(photos / 255, size=SIZE), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "score_cam"}, "expected one of grad_cam at 1, layer_cam at 1, got method='score_cam'"),
        ({"images": np.zeros((1, 60, 60, 3), np.uint8)}, "expected images of all 2 inputs or more, got 1"),
        ({"images": np.zeros((2, 3, 60, 60))}, r"expected each image to be \(H, W, 3\) or \(H, W\), got \(3, 60, 60\)"),
        ({"colormap": "hot"}, "expected a color map among"),
        ({"columns": -1}, "expected columns of 1 or above, got -1"),
    ],
)
def test_bad_arguments_say_what_is_wrong(result: CAMResult, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        result.show(**arguments)
