"""Score-CAM against grad-cam; what became of it, CAM, FullGrad and the baseline against plain loops and grad-cam."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_grad_cam import FEM, FullGrad, GradCAMElementWise, ScoreCAM
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes, Probability
from tensorboard_plugin_gradcam.cam.methods.formulas import random_cam
from tensorboard_plugin_gradcam.cam.methods.masking import is_cam, ss_cam
from tests.cam.networks import convnet, out_of_place, photographs
from tests.cam.peers import peer_masks


def with_constant_channels(model: nn.Sequential) -> nn.Sequential:
    """Silence two channels of the last ReLU."""
    with torch.no_grad():
        model[6].weight[:2] = 0
        model[6].bias[:2] = -1.0
    return model


@pytest.mark.parametrize("layer", ["7", "3.bn"])
def test_score_cam_equals_grad_cams(layer: str) -> None:
    inputs = photographs(40)
    model = with_constant_channels(convnet(inputs))
    found = CAM(model, layer, "score_cam", batch_size=5)(inputs, [4, 0, 2])
    masks = peer_masks(ScoreCAM, model, [layer], inputs, [4, 0, 2])
    assert float(found.maps["score_cam", layer].abs().max()) > 1e-3
    np.testing.assert_allclose(found.masks().numpy(), masks, atol=1e-5)


def test_constant_channels_share_one_pass() -> None:
    inputs = photographs(40, 1)
    model = with_constant_channels(convnet(inputs))
    images: list[int] = []
    model.register_forward_hook(lambda module, args, output: images.append(len(output)))
    CAM(model, "7", "score_cam")(inputs, 1)
    assert sum(images) == 1 + 1 + 10, "the image, the blank one, and one for each of 10 channels of 12"


@pytest.mark.parametrize(("layer", "peer", "method"), [("7", FEM, "fem"), ("4", GradCAMElementWise, None)])
def test_methods_of_a_layer_equal_grad_cams(layer: str, peer: type, method: str | None) -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    name = method or "grad_cam_element_wise"
    found = CAM(model, layer, name)(inputs, [4, 0, 2])
    assert float(found.maps[name, layer].abs().max()) > 1e-3
    np.testing.assert_allclose(found.masks().numpy(), peer_masks(peer, model, [layer], inputs, [4, 0, 2]), atol=1e-5)


def test_full_grad_equals_grad_cams() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    found = CAM(model, methods="full_grad")(inputs, [4, 0, 2])
    masks = peer_masks(FullGrad, model, [], inputs, [4, 0, 2])
    np.testing.assert_allclose(found.masks().numpy(), masks, atol=2e-5)
    assert np.abs(masks[0] - masks[1]).max() > 0.05


class Fused(nn.Module):
    """A frozen network of two inputs, in which one convolution never sees the images."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.depth = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)
        self.is_off = False

    def forward(self, image: Tensor, depth: Tensor) -> Tensor:
        with torch.set_grad_enabled(not self.is_off):
            seen = self.image(image)
        return (seen.relu() * self.depth(depth).relu()).mean((2, 3))


def test_full_grad_of_a_frozen_network_of_two_inputs_and_of_one_without_gradients() -> None:
    torch.manual_seed(0)
    model, inputs = Fused(), (photographs(20), torch.rand(3, 1, 20, 20))
    expected = CAM(model, methods="full_grad")(inputs, 1).maps["full_grad", "input"]
    found = CAM(model.requires_grad_(False), methods="full_grad")(inputs, 1).maps["full_grad", "input"]
    torch.testing.assert_close(found, expected)
    model.is_off = True
    with pytest.raises(ValueError, match="got none at 'image'"):
        CAM(model, methods="full_grad")(inputs, 1)


def mask_of(channel: Tensor) -> Tensor:
    mask = interpolate(channel[None, None], size=(40, 40), mode="bilinear", align_corners=True)[0, 0]
    return (mask - mask.min()) / (mask.max() - mask.min() + 1e-8)


def by_hand(model: nn.Module, image: Tensor, index: int, masks_of: list) -> Tensor:
    """The papers' sum, mask for mask: the mean score of several versions of a channel's mask, then softmax."""
    activations: list[Tensor] = []
    with torch.no_grad(), model[7].register_forward_hook(lambda module, args, output: activations.append(output[0])):
        model(image[None])
        channels = activations[0].clone()
        means = torch.tensor(
            [
                sum(float(model((image * version(mask_of(channel)))[None])[0, index]) for version in versions)
                / len(versions)
                for channel, versions in zip(channels, masks_of, strict=True)
            ]
        )
    return (means.softmax(0)[:, None, None] * channels).sum(0)


def test_is_cam_equals_the_papers_sum() -> None:
    inputs = photographs(40, 2)
    model = convnet(inputs)
    found = CAM(model, "7", is_cam)(inputs, Classes(1, 3)).maps["is_cam", "7"]
    versions = [[lambda mask, share=step / 10: mask * share for step in range(1, 11)]] * 12
    for row, (image, index) in enumerate([(0, 1), (0, 3), (1, 1), (1, 3)]):
        expected = by_hand(model, inputs[image], index, versions)
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)


def test_ss_cam_equals_the_papers_sum_with_the_same_noise() -> None:
    inputs = photographs(40, 1)
    model = convnet(inputs)
    found = CAM(model, "7", ss_cam, batch_size=12)(inputs, 1).maps["ss_cam", "7"]
    generator = torch.Generator().manual_seed(0)
    noise = [torch.randn(12, 1, 40, 40, generator=generator) * 2 for _ in range(35)]
    versions = [[lambda mask, more=one[channel, 0]: mask + more for one in noise] for channel in range(12)]
    torch.testing.assert_close(found[0], by_hand(model, inputs[0], 1, versions), rtol=1e-4, atol=1e-4)


def test_cam_weights_channels_by_the_classifier() -> None:
    inputs = photographs(40, 2)
    model = convnet(inputs)
    found = CAM(model, "7", ["cam", "grad_cam"])(inputs, [2, 0]).maps
    activations: list[Tensor] = []
    with torch.no_grad(), model[7].register_forward_hook(lambda module, args, output: activations.append(output)):
        model(inputs)
    for row, index in enumerate([2, 0]):
        expected = sum(
            float(weight) * channel
            for weight, channel in zip(model[10].weight[index], activations[0][row], strict=True)
        )
        torch.testing.assert_close(found["cam", "7"][row], expected)
    cells = activations[0][0, 0].numel()
    torch.testing.assert_close(found["cam", "7"] / cells, found["grad_cam", "7"])  # Selvaraju et al., 2017, sec. 3.1


@pytest.mark.parametrize(
    ("layer", "targets", "message"), [("4", 1, "last linear layer of 16 inputs"), ("7", lambda o: o[0], "classes of 5")]
)
def test_cam_refuses_what_it_cannot_explain(layer: str, targets: object, message: str) -> None:
    inputs = photographs(40, 1)
    with pytest.raises(ValueError, match=message):
        CAM(convnet(inputs), layer, "cam")(inputs, targets)


def test_the_baseline_is_the_same_at_each_call_and_draws_from_no_other_state() -> None:
    torch.manual_seed(0)
    activations = torch.rand(2, 300, 4, 5)
    state = torch.get_rng_state()
    maps = random_cam(activations)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(maps[:1], random_cam(activations[:1]))
    assert not torch.equal(maps, random_cam(activations, seed=1))
    basis = torch.eye(300)[:, :, None, None]  # one channel at a time: its map is its weight
    weights = random_cam(basis.diagonal()[:1].new_ones(1, 300, 1, 1).expand(1, 300, 1, 300) * torch.eye(300)[:, None])
    assert float(weights.min()) < -0.95
    assert float(weights.max()) > 0.95
    assert abs(float(weights.mean())) < 0.1
    torch.testing.assert_close(maps[0], (weights[0, 0][:, None, None] * activations[0]).sum(0))


def test_targets_other_than_classes_are_scored_one_by_one() -> None:
    inputs = photographs(40, 1)
    model = out_of_place(convnet(inputs))
    found = CAM(model, "7", "ablation_cam")(inputs, Probability(2)).maps["ablation_cam", "7"][0]
    softmax = nn.Sequential(model, nn.Softmax(dim=1))
    expected = CAM(softmax, "0.7", "ablation_cam")(inputs, 2).maps["ablation_cam", "0.7"][0]
    torch.testing.assert_close(found, expected)
