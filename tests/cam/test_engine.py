"""Maps against grad-cam, and the promise that nothing is left behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from pytorch_grad_cam import EigenCAM, GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes, Contrast, Probability

FAMILIES = {
    "resnet18": ("layer4", 96),
    "vgg11_bn": ("features", 96),
    "shufflenet_v2_x1_0": ("conv5", 96),  # not DenseNet: grad-cam keeps what its in-place ReLU makes of the features
    "mobilenet_v2": ("features", 96),
    "regnet_y_400mf": ("trunk_output", 96),
}


def photographs(size: int) -> Tensor:
    """Four crops of two real photographs, normalised."""
    from sklearn.datasets import load_sample_images

    crops = [image[y : y + 400, x : x + 400] for image in load_sample_images().images for y, x in ((0, 0), (20, 220))]
    batch = torch.stack([torch.tensor(crop).permute(2, 0, 1).float() / 255 for crop in crops])
    batch = nn.functional.interpolate(batch, size=(size, size), mode="bilinear", antialias=True)
    return (batch - batch.mean()) / batch.std()


def calibrated(name: str, inputs: Tensor) -> nn.Module:
    """A network with random weights whose BatchNorm statistics fit the inputs, so that its maps are not vanishing."""
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(inputs)
        model(inputs)
    # Scores large enough for raw maps above 1e-3.
    for parameter in list(model.parameters())[-2:]:
        parameter.data *= 100
    return model.eval()


def peer_maps(peer: type[Any], model: nn.Module, layer: str, inputs: Tensor, classes: list[int]) -> tuple[Any, Any]:
    """Return grad-cam's raw maps and masks."""
    with peer(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        masks = cam(inputs, [ClassifierOutputTarget(index) for index in classes])
        activations = cam.activations_and_grads.activations[0].numpy()
        kept = cam.activations_and_grads.gradients
        gradients = kept[0].numpy() if kept else None
        raw = cam.get_cam_image(inputs, None, None, activations, gradients, False)
    return raw, masks


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_equal_grad_cams(family: str) -> None:
    layer, size = FAMILIES[family]
    inputs = photographs(size)
    model = calibrated(family, inputs)
    cam = CAM(model)
    result = cam(inputs, [1, 2, 3, 4])

    raw, masks = peer_maps(GradCAM, model, layer, inputs, [1, 2, 3, 4])

    assert cam.layers == (layer,)
    assert np.abs(raw).max() > 1e-3
    assert np.abs(masks[0] - masks[1]).max() > 0.05, "the maps must differ between images, or equality proves little"
    np.testing.assert_allclose(result.maps["grad_cam", layer].numpy(), raw, atol=1e-5 * max(1, np.abs(raw).max()))
    np.testing.assert_allclose(result.masks().numpy(), masks, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "peer"),
    [
        ("grad_cam_plus_plus", GradCAMPlusPlus),
        ("xgrad_cam", XGradCAM),
        ("hires_cam", HiResCAM),
        ("layer_cam", LayerCAM),
    ],
)
def test_each_method_equals_its_peer(method: str, peer: type[Any]) -> None:
    inputs = photographs(96)
    model = calibrated("resnet18", inputs)
    result = CAM(model, "layer4", method)(inputs, 5)

    raw, masks = peer_maps(peer, model, "layer4", inputs, [5] * 4)

    np.testing.assert_allclose(result.maps[method, "layer4"].numpy(), raw, rtol=1e-4, atol=1e-5 * np.abs(raw).max())
    np.testing.assert_allclose(result.masks().numpy(), masks, atol=1e-5)


def test_eigen_cam_equals_its_peer_up_to_sign_and_points_to_the_active_cells() -> None:
    inputs = photographs(96)
    model = calibrated("resnet18", inputs)
    ours = CAM(model, "layer4", "eigen_cam")(inputs).maps["eigen_cam", "layer4"].flatten(1)
    activations: list[Tensor] = []
    handle = model.get_submodule("layer4").register_forward_hook(lambda *call: activations.append(call[2].detach()))
    model(inputs)
    handle.remove()

    raw, _ = peer_maps(EigenCAM, model, "layer4", inputs, [0] * 4)

    theirs = torch.tensor(raw).flatten(1)
    sign = torch.sign((ours * theirs).sum(1, keepdim=True))
    torch.testing.assert_close(ours, theirs * sign, rtol=1e-3, atol=1e-3)
    mean = activations[0].mean(1).flatten(1)
    assert all(torch.corrcoef(torch.stack(pair))[0, 1] > 0 for pair in zip(ours, mean, strict=True))


def test_an_in_place_operation_behind_the_layer_does_not_change_its_maps() -> None:
    inputs = photographs(96)
    model = calibrated("resnet18", inputs)
    name = "layer4.1.bn2"  # followed by an in-place addition and ReLU
    ours = CAM(model, name)(inputs, 7).maps["grad_cam", name]
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    block = model.get_submodule("layer4.1")
    kept: list[Tensor] = []

    def keep(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        output.retain_grad()
        kept.append(output)
        return output.clone()

    handle = block.get_submodule("bn2").register_forward_hook(keep)
    model(inputs)[:, 7].sum().backward()
    handle.remove()
    assert kept[0].grad is not None

    expected = (kept[0].grad.mean((2, 3), keepdim=True) * kept[0]).sum(1).detach()

    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_several_classes_and_layers_equal_one_at_a_time() -> None:
    inputs = photographs(64)
    model = calibrated("resnet18", inputs)
    together = CAM(model, ["layer3", "layer4"])(inputs, Classes(3, 7))
    for layer in ("layer3", "layer4"):
        for offset, index in enumerate((3, 7)):
            alone = CAM(model, layer)(inputs, index).maps["grad_cam", layer]
            torch.testing.assert_close(together.maps["grad_cam", layer][offset::2], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_maps_inside_a_validation_loop_equal_those_outside(mode: Any) -> None:
    inputs = photographs(64)
    model = calibrated("resnet18", inputs)
    outside = CAM(model)(inputs).maps["grad_cam", "layer4"]
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with mode():
        inside = CAM(model)(inputs).maps["grad_cam", "layer4"]
    torch.testing.assert_close(inside, outside)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": "layr4"}, "layer4"),
        ({"methods": "gradcamm"}, "grad_cam"),
        ({"layers": []}, "at least one layer"),
    ],
)
def test_a_wrong_name_is_answered_with_close_ones(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CAM(torchvision.models.resnet18(), **arguments)


@pytest.mark.parametrize(
    ("targets", "message"),
    [([1, 2], "expected 4 targets"), (1000, "from 0 to 999"), (Contrast(1, 2000), None), (Probability(-3), "from 0")],
)
def test_a_target_that_does_not_fit_is_an_error(targets: Any, message: str | None) -> None:
    with pytest.raises((ValueError, IndexError), match=message):
        CAM(torchvision.models.resnet18())(photographs(64), targets)


def test_layers_that_cannot_be_explained_are_errors() -> None:
    model = torchvision.models.resnet18()
    with pytest.raises(ValueError, match="one cell"):
        CAM(model, "avgpool")(photographs(64))
    with pytest.raises(ValueError, match="more than once"):
        CAM(model, "layer4.0.relu")(photographs(64))
    model.add_module("spare", nn.Conv2d(1, 1, 1))
    with pytest.raises(ValueError, match="did not run"):
        CAM(model, "spare")(photographs(64))


def test_a_buffer_that_layers_share_is_shared_in_the_forward_pass_and_not_touched() -> None:
    class Writes(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            self.shared.add_(1)
            return inputs

    class Reads(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs * self.shared

    model = nn.Sequential(Writes(), nn.Conv2d(3, 4, 3), Reads(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for module in (model[0], model[2]):
        module.register_buffer("shared", model[0].shared if module is model[2] else torch.zeros(1))
    inputs = torch.rand(2, 3, 8, 8)
    found = CAM(model, "1")(inputs, 1)
    assert model[0].shared is model[2].shared
    assert float(model[0].shared) == 0
    with torch.no_grad():
        assert torch.equal(found.outputs, model(inputs)), "the first layer's count is what the second reads"
