"""The layer that is chosen for each kind of model, and the wrappers that are looked into or refused."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from tensorboard_plugin_gradcam import CAM

LAYERS = {
    "mobilenet_v3_small": "features",
    "resnet18": "layer4",
    "shufflenet_v2_x0_5": "conv5",
    "squeezenet1_1": "features",
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_layer_is_found(name: str) -> None:
    model = getattr(torchvision.models, name)(weights=None).eval()
    cam = CAM(model)
    result = cam(torch.rand(2, 3, 96, 128))
    assert cam.layers == (LAYERS[name],)
    assert result.masks().shape == (2, 96, 128)


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile])
def test_wrapped_models_give_the_maps_of_what_they_wrap(wrap: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model, inputs = torchvision.models.resnet18().eval(), torch.rand(2, 3, 64, 64)
    expected = CAM(model)(inputs, 3).maps["grad_cam", "layer4"]
    torch.testing.assert_close(CAM(wrap(model))(inputs, 3).maps["grad_cam", "layer4"], expected)


def test_a_scripted_model_is_refused_with_words() -> None:
    with pytest.raises(TypeError, match="scripted"):
        CAM(torch.jit.trace(nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)))
