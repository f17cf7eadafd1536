"""On the device: maps against grad-cam and captum, found layers, and every method against itself on the CPU."""

from __future__ import annotations

import copy

import captum.attr
import numpy as np
import pytest
import torch
import torchvision
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import METHODS
from tests.cam.kinds import KINDS, Block, Tokens, cnn, first
from tests.cam.training import WithPyramid

pytestmark = pytest.mark.slow

PEERS = {"grad_cam": GradCAM, "grad_cam_plus_plus": GradCAMPlusPlus, "layer_cam": LayerCAM}


def calibrated(device: torch.device) -> torch.nn.Module:
    torch.manual_seed(0)
    model = torchvision.models.resnet18(num_classes=10)
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(8, 3, 96, 128))
    return model.eval().to(device)


@pytest.mark.parametrize("name", PEERS)
def test_masks_equal_grad_cams(name: str, device: torch.device) -> None:
    model, images = calibrated(device), torch.randn(2, 3, 96, 128, device=device)
    with PEERS[name](model=model, target_layers=[model.layer4]) as peer:
        expected = peer(images, [ClassifierOutputTarget(3)] * 2)
    found = CAM(model, "layer4", name)(images, 3).masks()
    assert found.device.type == device.type
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(found.cpu().numpy(), expected, atol=1e-3)


def test_maps_equal_captums(device: torch.device) -> None:
    model, images = calibrated(device), torch.randn(2, 3, 96, 128, device=device)
    expected = captum.attr.LayerGradCam(model, model.layer4).attribute(images, target=3)[:, 0]
    found = CAM(model, "layer4")(images, 3).maps["grad_cam", "layer4"]
    torch.testing.assert_close(found, expected.detach(), rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_layer_and_its_cells_are_found(kind: str, device: torch.device) -> None:
    make, inputs, layer, grid = KINDS[kind]
    torch.manual_seed(0)
    model, given = make().to(device), inputs()
    on_device = tuple(one.to(device) for one in given) if isinstance(given, tuple) else given.to(device)
    candidates = CAM(model).candidates(on_device)
    assert candidates.choice == layer, candidates
    assert candidates.chosen is not None
    assert candidates.chosen.grid == grid


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_gives_on_the_device_what_it_gives_on_the_cpu(name: str, device: torch.device) -> None:
    torch.manual_seed(0)
    if METHODS[name].place == "attention":
        model: torch.nn.Module = Tokens(first, 1, blocks=torch.nn.Sequential(*(Block(16) for _ in range(3))))
    else:
        model = WithPyramid(is_restless=False) if name == "odam" else cnn()
    model, images = model.eval(), torch.rand(2, 3, 32, 48)
    layers = "trunk" if METHODS[name].place == "layer" else None
    expected = CAM(copy.deepcopy(model), layers, name)(images, 1).maps
    found = CAM(model.to(device), layers, name)(images.to(device), 1).maps
    for key, map_ in expected.items():
        scale = float(map_.abs().max())
        assert scale > 0
        torch.testing.assert_close(found[key].cpu(), map_, rtol=1e-2, atol=1e-3 * scale)
