"""Signals, pictures and volumes give maps of their own rank; grey, non-square and channels-last inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM

SIZES = {1: (40,), 2: (24, 36), 3: (8, 12, 20)}


def network(rank: int, channels: int = 3) -> nn.Module:
    torch.manual_seed(rank)
    convolution: Any = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[rank]
    pool: Any = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}[rank]
    return nn.Sequential(
        convolution(channels, 6, 3, padding=1), nn.ReLU(), convolution(6, 8, 3, stride=2, padding=1), nn.ReLU(),
        pool(1), nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip


def stretched(array: Any, size: tuple[int, ...]) -> Any:
    """Interpolate linearly along one axis after the other, at the centres of cells."""
    for axis, count in enumerate(size):
        cells = array.shape[axis]
        places = (np.arange(count) + 0.5) * cells / count - 0.5
        array = np.apply_along_axis(lambda line, at=places: np.interp(at, np.arange(len(line)), line), axis, array)
    return array


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_maps_and_masks_have_the_inputs_own_rank(rank: int) -> None:
    model, inputs = network(rank), torch.randn(2, 3, *SIZES[rank])
    cam = CAM(model)
    result = cam(inputs, 2)
    maps = result.maps["grad_cam", "2"]
    assert cam.layers == ("2",)

    activations = model[:3](inputs)  # type: ignore[index]
    open_cells = (activations > 0).flatten(2).float().mean(2)  # what the ReLU lets through
    weights = open_cells * model[6].weight[2]  # type: ignore[index]
    spread = activations[0, 0].numel()
    expected = torch.einsum("nc,nc...->n...", weights, activations).detach() / spread

    assert maps.shape == (2, *(side // 2 for side in SIZES[rank]))
    torch.testing.assert_close(maps, expected)
    map_ = np.maximum(expected[0].numpy(), 0)
    mask = stretched((map_ - map_.min()) / np.ptp(map_), SIZES[rank])
    np.testing.assert_allclose(result.masks()[0], (mask - mask.min()) / np.ptp(mask), atol=1e-5)


@pytest.mark.parametrize("method", ["grad_cam_plus_plus", "hires_cam", "eigen_cam"])
@pytest.mark.parametrize("rank", [1, 3])
def test_other_methods_see_a_signal_or_volume_as_a_picture_of_its_cells(method: str, rank: int) -> None:
    """Formulas sum over cells, wherever they are: unrolled into a row they are the same numbers."""
    from tensorboard_plugin_gradcam.cam import METHODS

    torch.manual_seed(0)
    activations, gradients = torch.randn(2, 6, *SIZES[rank]), torch.randn(2, 6, *SIZES[rank])

    def maps(flat: bool) -> Tensor:
        pair = [tensor.flatten(2)[:, :, None] if flat else tensor for tensor in (activations, gradients)]
        return METHODS[method].function(*pair[: 1 if METHODS[method].needs == "activations" else 2])

    torch.testing.assert_close(maps(False).flatten(1), maps(True)[:, 0], rtol=1e-4, atol=1e-4)


def test_a_video_network_of_torchvision_has_its_last_stage_explained() -> None:
    torch.manual_seed(0)
    cam = CAM(torchvision.models.video.r3d_18(weights=None))
    result = cam(torch.rand(1, 3, 16, 48, 32))
    assert cam.layers == ("layer4",)
    assert result.maps["grad_cam", "layer4"].shape == (1, 2, 3, 2)
    assert result.masks().shape == (1, 16, 48, 32)


def test_a_grey_picture_of_any_proportions_has_a_mask_of_its_size() -> None:
    inputs = torch.rand(2, 1, 20, 50)
    result = CAM(network(2, channels=1))(inputs)
    assert next(iter(result.maps.values())).shape == (2, 10, 25)
    assert result.masks().shape == (2, 20, 50)


@pytest.mark.parametrize("rank", [2, 3])
def test_channels_last_memory_gives_the_same_maps(rank: int) -> None:
    memory_format = torch.channels_last if rank == 2 else torch.channels_last_3d
    model, inputs = network(rank), torch.randn(2, 3, *SIZES[rank])
    expected = CAM(model)(inputs, 2).maps["grad_cam", "2"]
    model.to(memory_format=memory_format)  # type: ignore[call-overload]
    found = CAM(model)(inputs.to(memory_format=memory_format), 2).maps["grad_cam", "2"]
    torch.testing.assert_close(found, expected)


def test_channels_that_come_last_are_told_by_the_inputs_proportions() -> None:
    """A square picture says nothing by itself: of (N, 7, 7, 16) the equal axes are its own."""

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.stem, self.norm, self.head = nn.Conv2d(3, 16, 4, stride=4), nn.LayerNorm(16), nn.Linear(16, 5)

        def forward(self, images: Tensor) -> Tensor:
            features = self.norm(self.stem(images).permute(0, 2, 3, 1))
            return self.head(features.square().mean((1, 2)))  # type: ignore[no-any-return]

    cam = CAM(Last())
    result = cam(torch.randn(2, 3, 28, 28))
    assert cam.layers == ("norm",)
    assert next(iter(result.maps.values())).shape == (2, 7, 7)
