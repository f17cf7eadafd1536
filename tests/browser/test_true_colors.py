"""That heat reads the same on any photograph: ten of them, drawn by the tab and measured with CIEDE2000.

The measure is scikit-image's; the drawing is the tab's own, by the GPU's shader and by the 2-D fallback.
"""

# ruff: noqa: F811 (fixtures of the drawing are this module's too)
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab
from sklearn.datasets import load_sample_images

from tensorboard_plugin_gradcam import heatmap
from tests.browser.test_pixels_drawing import KINDS, bundle, case, drawn, page  # noqa: F401

Picture = NDArray[np.uint8]
SIDE = 224
CELLS = 8
SPOTS = ((1, 1), (1, 5), (5, 1), (5, 5))  # upper left cell of each square of 2 x 2 cells


def photographs() -> dict[str, Picture]:
    china, flower = load_sample_images().images
    shown = {
        "astronaut": data.astronaut(),  # an orange suit before a dark shuttle
        "cat": data.chelsea(),
        "coffee": data.coffee(),
        "rocket": data.rocket(),  # nearly black
        "retina": data.retina(),  # warm, on black
        "tissue": data.immunohistochemistry(),  # cold and bright
        "hubble": data.hubble_deep_field(),
        "page": np.repeat(data.page()[..., None], 3, axis=2),  # nearly white
        "china": china,
        "flower": flower,
    }
    return {name: cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for name, one in shown.items()}


PHOTOGRAPHS = photographs()


def difference(a: Any, b: Any) -> NDArray[np.float64]:
    lab_a, lab_b = (rgb2lab(np.asarray(one, np.float64) / 255) for one in np.broadcast_arrays(a, b))
    return np.asarray(deltaE_ciede2000(lab_a, lab_b))


def spots(strength: float) -> NDArray[np.float32]:
    """Four squares of this strength beside one cell of 1 in the corner, which sets the scale."""
    map_ = np.zeros((CELLS, CELLS), np.float32)
    for row, column in SPOTS:
        map_[row : row + 2, column : column + 2] = strength
    map_[-1, -1] = 1
    return map_


def middles(picture: Picture) -> NDArray[np.uint8]:
    """The pixels in the middle of each spot, where the map has just its strength, (4, h, w, 3)."""
    cell = SIDE // CELLS
    parts = [
        picture[row * cell + cell // 2 : (row + 1) * cell + cell // 2, column * cell + cell // 2 :][:, :cell]
        for row, column in SPOTS
    ]
    return np.stack(parts)


def tab(page: Any, kind: str, map_: NDArray[np.float32], image: Picture, **look: Any) -> Picture:
    return drawn(page, kind, case(map_, image, **look))[..., :3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opacity", [1.0, 0.7, 0.3])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_peak_has_the_colour_that_the_colour_bar_has_for_it(page, kind, opacity, name):
    for photo in ("gray", "color"):
        peak = middles(tab(page, kind, spots(1.0), PHOTOGRAPHS[name], opacity=opacity, photo=photo))
        assert difference(peak, heatmap.color_table("inferno")[-1]).max() <= 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strength", [0.5, 0.6, 0.75, 1.0])
def test_spots_of_equal_strength_look_equal_on_any_two_photographs(page, kind, strength):
    map_ = spots(strength)
    shown = np.concatenate([middles(tab(page, kind, map_, one)) for one in PHOTOGRAPHS.values()]).reshape(-1, 3)
    colors = np.unique(shown, axis=0)
    extremes = colors[[colors.sum(axis=1).argmin(), colors.sum(axis=1).argmax()]]
    assert difference(colors[:, None], extremes[None]).max() <= 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strength", [0.5, 0.6, 0.75, 1.0])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_heat_from_half_the_range_on_is_told_from_every_part_of_the_photograph(page, kind, strength, name):
    image = PHOTOGRAPHS[name]
    heat = np.unique(middles(tab(page, kind, spots(strength), image)).reshape(-1, 3), axis=0)
    beside = np.unique(tab(page, kind, np.zeros((2, 2), np.float32), image).reshape(-1, 3), axis=0)
    assert difference(heat[:, None], beside[None]).min() >= 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", [1, -1])
def test_signed_maps_keep_their_colours_whatever_was_chosen_for_the_photograph(page, kind, sign):
    map_ = spots(1.0) * np.float32(sign)
    for image in PHOTOGRAPHS.values():
        drawing = drawn(page, kind, case(map_, image, "signed", photo="color"))[..., :3]
        assert difference(middles(drawing), heatmap.color_table("diverging")[-1 if sign > 0 else 0]).max() <= 5
        rest = drawing[: SIDE // CELLS // 2].astype(int)
        assert np.ptp(rest, axis=2).max() <= 2, "expected greys where the map says nothing"
