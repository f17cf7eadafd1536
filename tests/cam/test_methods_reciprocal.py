"""Recipro-CAM against a plain loop over cells, for convolutions and for a vision transformer."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import METHODS, Classes, Method
from tensorboard_plugin_gradcam.cam.methods.reciprocal import recipro_cam
from tests.cam.kinds import Tokens, cnn, first

KERNEL = torch.tensor([1.0, 2, 1])[:, None] * torch.tensor([1.0, 2, 1]) / 16


def masks(height: int, width: int, gaussian: bool) -> Tensor:
    """One mask for each cell, written out: the cell, or what of the 3 x 3 kernel lies within."""
    found = torch.zeros(height, width, height, width)
    for row in range(height):
        for column in range(width):
            for down in (-1, 0, 1) if gaussian else (0,):
                for right in (-1, 0, 1) if gaussian else (0,):
                    if 0 <= row + down < height and 0 <= column + right < width:
                        weight = float(KERNEL[down + 1, right + 1]) if gaussian else 1.0
                        found[row, column, row + down, column + right] = weight
    return found.view(-1, height, width)


GAUSSIAN = Method("gaussian", partial(recipro_cam, gaussian=True), "passes")  # not registered: a test's own


@pytest.mark.parametrize("gaussian", [False, True])
def test_each_cell_has_the_score_that_it_gives_alone(gaussian: bool) -> None:
    torch.manual_seed(0)
    model, images = cnn().eval(), torch.rand(2, 3, 32, 48)
    chosen = GAUSSIAN if gaussian else METHODS["recipro_cam"]
    name = chosen.name
    found = CAM(model, "trunk", methods=chosen)(images, Classes(1, 4))
    cells = model.trunk(images).detach()
    expected = [
        torch.stack([model.head((cell * mask).mean((1, 2)))[index] for mask in masks(8, 12, gaussian)]).view(8, 12)
        for cell in cells
        for index in (1, 4)
    ]
    assert float(expected[0].std()) > 1e-5
    torch.testing.assert_close(found.maps[name, "trunk"], torch.stack(expected).detach(), rtol=1e-4, atol=1e-6)


def test_of_a_transformer_the_class_token_stays_as_it_is() -> None:
    torch.manual_seed(0)
    model, images = Tokens(first, before=1), torch.rand(2, 3, 32, 48)
    cam = CAM(model, "stack.2", methods="recipro_cam")
    found = cam(images, 3).maps["recipro_cam", "stack.2"]

    patches = model.cut(images).flatten(2).mT
    tokens = model.stack[:3](torch.cat([model.before.expand(2, -1, -1), patches], 1)).detach()
    for image in range(2):
        for patch in (0, 7, 23):
            alone = torch.zeros_like(tokens[image])
            alone[0], alone[1 + patch] = tokens[image, 0], tokens[image, 1 + patch]
            expected = model.out(model.stack[3](alone[None])[:, 0])[0, 3]
            torch.testing.assert_close(found[image, patch // 6, patch % 6], expected.detach(), rtol=1e-4, atol=1e-6)
