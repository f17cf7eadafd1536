"""Ablation-CAM against grad-cam and plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pytorch_grad_cam import AblationCAM
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes, scene
from tensorboard_plugin_gradcam.cam.methods.ablation import FAR_BELOW
from tests.cam.networks import convnet, photographs
from tests.cam.peers import peer_masks


# After a ReLU; below zero, where an in-place addition of the input follows; across a concatenation; whole blocks.
@pytest.mark.parametrize("layer", ["7", "3.bn", "4.right", "3", "6"])
@pytest.mark.parametrize("count", [1, 3])
def test_ablation_cam_equals_grad_cams(layer: str, count: int) -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    classes = [4, 0, 2][:count]
    found = CAM(model, layer, "ablation_cam")(inputs[:count], classes)
    masks = peer_masks(AblationCAM, model, [layer], inputs[:count], classes)
    assert float(found.maps["ablation_cam", layer].abs().max()) > 1e-3
    assert masks.max() > 0.5
    np.testing.assert_allclose(found.masks().numpy(), masks, atol=1e-5)


@pytest.mark.parametrize("layer", ["7", "3.bn", "4.right", "3"])
@pytest.mark.parametrize("copies", [1, 5, 7])
def test_maps_do_not_depend_on_how_many_copies_are_asked_at_once(
    layer: str, copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = photographs(40)
    cam = CAM(convnet(inputs), layer, "ablation_cam")
    together = cam(inputs, [4, 0, 2]).maps["ablation_cam", layer]
    monkeypatch.setattr(scene, "COPIES_BYTES", copies * together[0].numel() * 4 * 12)
    apart = cam(inputs, [4, 0, 2]).maps["ablation_cam", layer]
    torch.testing.assert_close(apart, together, rtol=1e-4, atol=1e-6 * float(together.abs().max()))


class Tokens(nn.Module):
    """Patches and a class token through one transformer block; the scores read every token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, stride=8)
        self.norm1 = nn.LayerNorm(8)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([torch.ones_like(tokens[:, :1]), tokens], dim=1)
        normal = self.norm1(tokens)
        return self.head((tokens + self.attn(normal, normal, normal)[0]).tanh().mean(1))


def test_of_tokens_the_patches_are_ablated_and_several_classes_share_the_passes() -> None:
    torch.manual_seed(0)
    model, inputs = Tokens().eval(), photographs(40, 2)
    found = CAM(model, "norm1", "ablation_cam")(inputs, Classes(3, 1))
    expected = []
    with torch.no_grad():
        tokens = model.patches(inputs).flatten(2).transpose(1, 2)
        tokens = torch.cat([torch.ones_like(tokens[:, :1]), tokens], dim=1)
        normal = model.norm1(tokens)

        def head(normal: Tensor) -> Tensor:
            return model.head((tokens + model.attn(normal, normal, normal)[0]).tanh().mean(1))

        for image in range(2):
            for index in (3, 1):
                before = head(normal)[image, index]
                map_ = torch.zeros(25)
                for channel in range(8):
                    ablated = normal.clone()
                    ablated[image, 1:, channel] = normal[image, 1:].min() - FAR_BELOW
                    map_ += (before - head(ablated)[image, index]) / before * normal[image, 1:, channel]
                expected.append(map_.view(5, 5))
    torch.testing.assert_close(found.maps["ablation_cam", "norm1"], torch.stack(expected), rtol=1e-4, atol=1e-4)


def test_what_precedes_the_layer_runs_once_for_one_image() -> None:
    inputs = photographs(40, 1)
    model = convnet(inputs)
    runs = 0
    original = nn.Conv2d.forward

    def counted(module: nn.Conv2d, x: Tensor) -> Tensor:
        nonlocal runs
        runs += module is model[0]
        return original(module, x)

    nn.Conv2d.forward = counted  # a hook would be a reason to run again
    try:
        CAM(model, "7", "ablation_cam")(inputs, 1)
    finally:
        nn.Conv2d.forward = original
    assert runs == 1


def by_hand(model: nn.Module, layer: nn.Module, inputs: Tensor, index: int) -> Tensor:
    """Return the map of one image for a class, from a whole pass for each channel of a layer that is below zero."""
    activations: list[Tensor] = []
    with layer.register_forward_hook(lambda module, args, output: activations.append(output)), torch.no_grad():
        before = model(inputs)[0, index]
    (normal,) = activations
    map_ = torch.zeros(normal.shape[2:])
    for channel in range(normal.shape[1]):
        ablated = normal.clone()
        ablated[:, channel] = normal.min() - FAR_BELOW
        with layer.register_forward_hook(lambda *call, ablated=ablated: ablated), torch.no_grad():
            map_ += (before - model(inputs)[0, index]) / before * normal[0, channel]
    return map_


class Mutating(nn.Module):
    """Reads what its first layer returns twice, and changes it in between."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        read = x.sigmoid()
        return self.head(
            self.second(read + (x.sub_(1) if self.in_place else x - 1)).relu().mean((2, 3)) + read.mean((2, 3))
        )


@pytest.mark.parametrize(("in_place", "hook"), [(True, None), (False, lambda module, args, output: output * 2)])
def test_a_module_runs_again_whose_output_is_changed_in_place_or_by_a_hook(in_place: bool, hook: Any) -> None:
    torch.manual_seed(0)
    model, inputs = Mutating(in_place), photographs(20, 1)
    if hook is not None:
        model.first.register_forward_hook(hook)
    found = CAM(model, "second", "ablation_cam")(inputs, 1).maps["ablation_cam", "second"]
    torch.testing.assert_close(found[0], by_hand(model, model.second, inputs, 1), rtol=1e-4, atol=1e-4)


class Asking(nn.Module):
    """Does with its inputs, and with what stands in front of the layer, what keeps one image from standing for many."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.first, self.layer = way, nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 3)
        self.key, self.table = nn.Parameter(torch.rand(1, 4)), nn.Linear(4, 8 * 36)
        self.head = nn.Linear(8 * 36 + (4 * 64 if way == "concatenates" else 0), 5)

    def forward(self, x: Tensor) -> Tensor:
        table, front = self.table(self.key), self.first(x)
        behind = self.layer(front.relu()).relu()
        if self.way == "views as its inputs":
            return self.head(behind.view(x.shape[0], -1))
        if self.way == "concatenates":
            return self.head(torch.cat([behind.flatten(1), front.flatten(1)], 1))
        return self.head(behind.view(x.shape[0], -1) + table.sum(0))


@pytest.mark.parametrize("way", ["views as its inputs", "concatenates", "sums a table"])
def test_what_is_in_front_is_repeated_where_one_image_can_not_stand_for_many(way: str) -> None:
    torch.manual_seed(0)
    model, inputs, runs = Asking(way), photographs(10, 1), 0
    original = nn.Conv2d.forward

    def counted(module: nn.Conv2d, x: Tensor) -> Tensor:
        nonlocal runs
        runs += len(x) if module is model.first else 0
        return original(module, x)

    nn.Conv2d.forward = counted
    try:
        found = CAM(model, "layer", "ablation_cam")(inputs, 1).maps["ablation_cam", "layer"]
    finally:
        nn.Conv2d.forward = original
    torch.testing.assert_close(found[0], by_hand(model, model.layer, inputs, 1), rtol=1e-4, atol=1e-4)
    assert runs == 2 + 8 if way.startswith("sums") else runs <= 3  # the map's, one to record, one to compare with


class Quadrants(nn.Module):
    """Detects what is brighter than a threshold in the quarters of the last convolution's maps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2)
        self.head = nn.Conv2d(6, 2, 1)
        self.threshold = 0.0

    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        found = []
        for scores in adaptive_avg_pool2d(self.head(self.conv(x).relu()), 2).flatten(1).sigmoid():
            kept = (scores > self.threshold).nonzero()[:, 0]
            kept = kept[scores[kept].argsort(descending=True)]
            corners = torch.stack([kept % 4 % 2, kept % 4 // 2], dim=1).float()
            boxes = torch.cat([corners, corners + 1], dim=1) * 20
            found.append({"boxes": boxes, "labels": kept // 4, "scores": scores[kept]})
        return found


def test_of_a_detector_the_box_is_looked_for_again_and_counts_as_0_where_it_is_gone() -> None:
    torch.manual_seed(4)
    model, inputs = Quadrants().eval(), photographs(40, 2)
    model.threshold = 0.998 * min(output["scores"][0].item() for output in model(inputs))
    found = CAM(model, "conv", "ablation_cam")(inputs)
    lost = 0
    for image, maps, score in zip(inputs, found.maps["ablation_cam", "conv"], found.scores, strict=True):
        with torch.no_grad():
            activations = model.conv(image[None])
            box, label = (model(image[None])[0][name][0] for name in ("boxes", "labels"))
            expected = torch.zeros_like(maps)
            for channel in range(6):
                ablated = activations.clone()
                ablated[:, channel] = float(activations.min()) - FAR_BELOW
                replace = model.conv.register_forward_hook(lambda *call, ablated=ablated: ablated)
                (output,) = model(image[None])
                replace.remove()
                again = [
                    float(score)
                    for at, of, score in zip(output["boxes"], output["labels"], output["scores"], strict=True)
                    if torch.equal(at, box) and of == label
                ]
                lost += not again
                expected += (score - sum(again)) / score * activations[0, channel]
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-5)
    assert 0 < lost < 12, "some channels are what the box was found by"
