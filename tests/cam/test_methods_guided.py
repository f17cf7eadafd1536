"""Guided Backprop and Guided Grad-CAM against grad-cam, captum and a backward pass by hand."""

from __future__ import annotations

from typing import Any

import captum.attr
import pytest
import torch
from pytorch_grad_cam import GuidedBackpropReLUModel
from torch import Tensor, nn
from torch.nn.functional import relu

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes
from tests.cam.networks import convnet, out_of_place, photographs


def test_guided_backprop_equals_grad_cams() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    found = CAM(model, methods="guided_backprop")(inputs, [4, 0, 2])
    peer = GuidedBackpropReLUModel(out_of_place(model))
    expected = [peer(image[None].clone(), index) for image, index in zip(inputs, [4, 0, 2], strict=True)]
    maps = found.maps["guided_backprop", "input"]
    assert found.kinds == {"guided_backprop": "rgb"}
    assert maps.shape == (3, 40, 40, 3)
    assert float(maps.min()) < -1e-3
    torch.testing.assert_close(maps, torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_guided_grad_cam_equals_captums() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    found = CAM(model, "7", "guided_grad_cam")(inputs, Classes(4, 1))
    twin = out_of_place(model)
    peer = captum.attr.GuidedGradCam(twin, twin[7])
    for offset, index in enumerate((4, 1)):
        expected = peer.attribute(inputs.clone(), target=index, interpolate_mode="bilinear").detach().movedim(1, -1)
        assert float(expected.abs().max()) > 1e-3
        torch.testing.assert_close(found.maps["guided_grad_cam", "7"][offset::2], expected, rtol=1e-4, atol=1e-6)


class Rectified(nn.Module):
    """One ReLU that runs three times, as a module, a function and a method; in place or not; or as four modules."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(1 if not index else 6, 6, 3, padding=1) for index in range(4))
        self.relu = nn.ReLU(inplace=in_place)
        self.head = nn.Linear(6, 3)
        self.in_place = in_place

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.convs[0](x))
        x = self.relu(self.convs[1](x))
        x = self.convs[2](x)
        x = x.relu_() if self.in_place else relu(x)
        x = self.convs[3](x)
        x = relu(x, inplace=True) if self.in_place else x.relu()
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("in_place", [False, True])
def test_every_kind_of_relu_lets_only_positive_gradients_through(in_place: bool) -> None:
    torch.manual_seed(0)
    model = Rectified(in_place).double().eval()
    image = torch.rand(2, 1, 12, 12, dtype=torch.float64)
    found = CAM(model, methods="guided_backprop")(image, 2).maps["guided_backprop", "input"]

    seen, x = [], image
    with torch.no_grad():
        for conv in model.convs:
            seen.append(conv(x))
            x = seen[-1].clamp(min=0)
        gradient = (model.head.weight[2] / 144).view(1, 6, 1, 1).expand_as(x)
        for conv, before in zip(reversed(model.convs), reversed(seen), strict=True):
            gradient = gradient.clamp(min=0) * (before > 0)
            gradient = nn.functional.conv_transpose2d(gradient, conv.weight, padding=1)
    torch.testing.assert_close(found, gradient[:, 0].float())
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())


def test_a_network_without_relus_gets_a_warning() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.warns(UserWarning, match="no ReLU"):
        CAM(model, methods="guided_backprop")(photographs(20), 1)


@pytest.mark.parametrize(
    "rectify",
    [
        nn.ReLU6(), nn.Hardtanh(0, 1e6), nn.Threshold(0, 0), lambda x: x.clamp(min=0), lambda x: torch.clamp_min(x, 0),
        lambda x: torch.maximum(x, torch.zeros_like(x)), nn.functional.relu6,
    ],
)  # fmt: skip
def test_whatever_rectifies_is_a_relu(rectify: Any) -> None:
    class Network(nn.Module):
        def __init__(self, rectify: Any) -> None:
            super().__init__()
            self.conv, self.head, self.rectify = nn.Conv2d(3, 6, 3), nn.Linear(6, 4), rectify

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.rectify(self.conv(images)).mean((2, 3)))  # type: ignore[no-any-return]

    torch.manual_seed(0)
    plain, other, images = Network(nn.ReLU()), Network(rectify), torch.rand(2, 3, 8, 10)
    other.load_state_dict(plain.state_dict())
    expected = CAM(plain, methods="guided_backprop")(images, 1).maps["guided_backprop", "input"]
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(
        CAM(other, methods="guided_backprop")(images, 1).maps["guided_backprop", "input"], expected
    )


def test_what_keeps_negative_values_is_no_relu() -> None:
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Hardtanh(), nn.Flatten(), nn.Linear(6 * 48, 4))
    with pytest.warns(UserWarning, match="no ReLU"):
        CAM(model, methods="guided_backprop")(torch.rand(1, 3, 8, 10), 1)


@pytest.mark.parametrize("takes_floats", [True, False])
def test_images_of_bytes_are_explained_or_refused_with_words(takes_floats: bool) -> None:
    class Bytes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.head = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU()), nn.Linear(8, 5)

        def forward(self, pixels: Tensor) -> Tensor:
            if not takes_floats:
                assert pixels.dtype == torch.uint8
            return self.head(self.trunk(pixels.float() / 255).mean((2, 3))) * 200  # type: ignore[no-any-return]

    torch.manual_seed(0)
    model, pixels = Bytes(), torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    methods = ["grad_cam", "score_cam", "ablation_cam", "smooth_grad_cam_plus_plus"]
    found = CAM(model, "trunk", methods)(pixels, 1).maps
    assert all(float(map_.std()) > 0 for map_ in found.values())
    if takes_floats:
        as_floats = CAM(model, "trunk", methods)(pixels.float(), 1).maps
        torch.testing.assert_close(found, as_floats)
        assert CAM(model, methods="guided_backprop")(pixels, 1).maps["guided_backprop", "input"].shape[0] == 2
    else:
        with pytest.raises(ValueError, match=r"got torch.uint8, and no other fits"):
            CAM(model, methods="guided_backprop")(pixels, 1)
