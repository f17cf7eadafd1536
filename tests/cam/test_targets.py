"""What is explained: classes, pixels of a segmentation, detected boxes; and what a model may take and return."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import (
    BinaryScore,
    Classes,
    ClassInMask,
    ClassScore,
    Contrast,
    DetectedBox,
    MatchedBox,
    Probability,
    Similarity,
)

EMBEDDING = torch.rand(5, generator=torch.Generator().manual_seed(1))


class Network(nn.Module):
    """Two convolutions, pooling and a linear layer; wider scores than random weights give."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1))
        self.head = nn.Linear(8, classes)

    def forward(self, images: Tensor) -> Any:
        return self.head(self.features(images).relu().mean((2, 3))) * 9


def by_hand(
    model: nn.Module, layer: str, forward: Callable[[], Any], score: Callable[[Any], Tensor]
) -> tuple[Tensor, Tensor]:
    """Return Grad-CAM's map of a layer by a plain backward pass, and the score."""
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2]))
    value = score(forward())
    handle.remove()
    (gradient,) = torch.autograd.grad(value, kept[0])
    return (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1).detach(), value.detach()


SCORES: dict[str, tuple[Any, Callable[[Tensor], Tensor], int]] = {
    "class": (2, lambda output: output[2], 2),
    "numpy class": (np.int64(2), lambda output: output[2], 2),
    "top class": (None, lambda output: output.max(), -2),
    "score": (ClassScore(2), lambda output: output[2], 2),
    "probability": (Probability(2), lambda output: output.softmax(0)[2], 2),
    "log-probability": (Probability(2, log=True), lambda output: output.softmax(0)[2].log(), 2),
    "contrast": (Contrast(2, 4), lambda output: output[2] - output[4], 2),
    "embedding": (Similarity(EMBEDDING), lambda output: (output / output.norm()) @ (EMBEDDING / EMBEDDING.norm()), -1),
    "callable": (lambda output: output.square().sum(), lambda output: output.square().sum(), -1),
}


@pytest.mark.parametrize("what", SCORES)
def test_a_score_is_explained_as_by_a_plain_backward_pass(what: str) -> None:
    target, formula, index = SCORES[what]
    model, images = Network(), torch.rand(2, 3, 9, 12)
    result = CAM(model, "features")(images, target)
    for sample in range(2):
        expected, score = by_hand(
            model, "features", lambda at=sample: model(images[at : at + 1]), lambda outputs: formula(outputs[0])
        )
        torch.testing.assert_close(result.maps["grad_cam", "features"][sample], expected[0])
        torch.testing.assert_close(result.scores[sample], score)
    tops = result.outputs.argmax(1).tolist()
    assert result.targets.tolist() == (tops if index == -2 else [index, index])


@pytest.mark.parametrize("target", [1, BinaryScore(1), ClassScore(1), Contrast(1, 0)])
@pytest.mark.parametrize("shape", [(2, 1), (2,)])
def test_either_side_of_a_single_logit_can_be_explained(target: Any, shape: tuple[int, ...]) -> None:
    class Binary(Network):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).reshape(shape)

    model, images = Binary(1), torch.rand(2, 3, 8, 8)
    one, other = (CAM(model, "features")(images, index).maps["grad_cam", "features"] for index in (1, 0))
    result = CAM(model, "features")(images, target)
    torch.testing.assert_close(one, -other)
    torch.testing.assert_close(result.maps["grad_cam", "features"], one)
    assert float(one.abs().max()) > 1e-3
    logits = result.outputs.reshape(2)
    assert CAM(model, "features")(images).targets.tolist() == (logits > 0).long().tolist()
    sigmoid = CAM(model, "features")(images, Probability(0))
    torch.testing.assert_close(sigmoid.scores, 1 - logits.sigmoid())


def test_images_may_have_several_targets_each_and_other_ones() -> None:
    model, images = Network(), torch.rand(2, 3, 8, 8)
    cam = CAM(model, "features")
    result = cam(images, [Classes(3, 1), [Contrast(0, 2), 4, None]])
    assert result.samples.tolist() == [0, 0, 1, 1, 1]
    assert result.targets.tolist() == [3, 1, 0, 4, int(result.outputs[1].argmax())]
    for position, (sample, target) in enumerate([(0, 3), (0, 1), (1, Contrast(0, 2)), (1, 4), (1, None)]):
        alone = cam(images[sample : sample + 1], target).maps["grad_cam", "features"][0]
        torch.testing.assert_close(result.maps["grad_cam", "features"][position], alone)


@dataclass
class Named:
    logits: Tensor
    features: Tensor


RETURNED: dict[str, Callable[[Tensor], Any]] = {
    "tuple": lambda scores: (scores, torch.zeros(3)),
    "loss and scores": lambda scores: (torch.tensor(0.5), scores),
    "list": lambda scores: [scores],
    "named tuple": lambda scores: namedtuple("Returned", "embedding logits")(scores * 0, scores),  # type: ignore[call-arg]
    "one entry": lambda scores: {"whatever": scores},
    "logits": lambda scores: {"loss": torch.tensor(0.5), "logits": scores, "hidden": scores * 0},
    "object": lambda scores: Named(scores, scores * 0),
    "nested": lambda scores: ({"out": scores, "aux": scores * 0},),
}


@pytest.mark.parametrize("kind", RETURNED)
def test_scores_are_found_in_what_a_model_returns(kind: str) -> None:
    class Returning(Network):
        def forward(self, images: Tensor) -> Any:
            return RETURNED[kind](super().forward(images))

    images = torch.rand(2, 3, 8, 8)
    (expected,) = CAM(Network(), "features")(images, 2).maps.values()
    (found,) = CAM(Returning(), "features")(images, 2).maps.values()
    torch.testing.assert_close(found, expected)
    assert float(expected.abs().max()) > 1e-3


class TwoInputs(Network):
    def forward(self, images: Tensor, numbers: Tensor | None = None, *, scale: float = 1.0) -> Tensor:  # type: ignore[override]
        assert numbers is not None
        return super().forward(images) * numbers[:, :1] * scale


@pytest.mark.parametrize(
    "arrange",
    [
        lambda images, numbers: (images, numbers),
        lambda images, numbers: {"images": images, "numbers": numbers},
        lambda images, numbers: {"numbers": numbers, "scale": 1.0, "images": images},
    ],
)
@pytest.mark.parametrize("layers", ["features", None])
def test_a_model_may_take_several_inputs(arrange: Callable[[Tensor, Tensor], Any], layers: str | None) -> None:
    images, numbers = torch.rand(3, 3, 8, 10), torch.rand(3, 4)
    cam = CAM(TwoInputs(), layers)
    result = cam(arrange(images, numbers), 2)
    (plain,) = CAM(Network(), cam.layers)(images, 2).maps.values()
    torch.testing.assert_close(next(iter(result.maps.values())), plain * numbers[:, :1, None])
    assert result.masks().shape == (3, 8, 10)
    assert result.inputs is not None
    assert torch.equal(result.inputs, images)


def test_a_capture_finds_the_images_among_several_inputs() -> None:
    model, images, numbers = TwoInputs(), torch.rand(3, 3, 8, 10), torch.rand(3, 4)
    cam = CAM(model)
    with torch.inference_mode(), cam.capture() as capture:
        model(numbers=numbers, images=images)
    expected = cam((images, numbers), 2).maps
    torch.testing.assert_close(capture.result(2).maps, expected)


@pytest.fixture(scope="module")
def segmenter() -> nn.Module:
    torch.manual_seed(0)
    options = {"weights": None, "weights_backbone": None, "num_classes": 4, "aux_loss": True}
    return torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(**options).eval()


@pytest.mark.parametrize("whole", [True, False])
def test_a_class_within_a_mask_is_explained_for_deeplab_as_it_is(segmenter: nn.Module, whole: bool) -> None:
    images = torch.randn(2, 3, 64, 96)
    mask = torch.zeros(64, 96)
    mask[10:40, 50:90] = 1
    cam = CAM(segmenter)
    result = cam(images, 3 if whole else [ClassInMask(3, mask), ClassInMask(3, mask.numpy() > 0)])
    assert cam.layers is not None
    (layer,) = cam.layers

    weights = torch.ones_like(mask) if whole else mask

    def score(outputs: dict[str, Tensor]) -> Tensor:
        return (outputs["out"][:, 3] * weights).sum() / weights.sum()

    expected, value = by_hand(segmenter, layer, lambda: segmenter(images), score)

    assert layer == "backbone.16"
    assert expected.shape == (2, 4, 6), "the layer's own resolution"
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(result.maps["grad_cam", layer], expected, rtol=1e-3, atol=1e-5 * float(expected.max()))
    torch.testing.assert_close(result.scores.sum(), value)
    assert result.masks().shape == (2, 64, 96)
    assert set(result.outputs) == {"out", "aux"}


@pytest.fixture(scope="module")
def detector() -> nn.Module:
    torch.manual_seed(0)
    model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=5, min_size=64, max_size=128,
        box_score_thresh=0.0, box_detections_per_img=6, rpn_post_nms_top_n_test=40,
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.backbone(torch.randn(4, 3, 64, 96))  # calibrates BatchNorm: else the maps vanish
    model.roi_heads.box_predictor.cls_score.weight.data *= 0.3
    return model.eval()


def test_detected_boxes_are_explained_for_faster_rcnn_as_it_is(detector: nn.Module) -> None:
    torch.manual_seed(1)
    images = [torch.rand(3, 64, 96), torch.rand(3, 64, 96)]
    cam = CAM(detector)
    with torch.no_grad():
        found = detector(images)
    box, label = found[1]["boxes"][3], int(found[1]["labels"][3])
    shifted = tuple((box + torch.tensor([1.0, 0, 1, 0])).tolist())
    result = cam(images, [[DetectedBox(0), DetectedBox(4), int(found[0]["labels"][0])], MatchedBox(shifted, label)])
    (layer,) = cam.layers or ()

    assert layer == "backbone.body.16"
    assert result.samples.tolist() == [0, 0, 0, 1]
    assert result.targets.tolist() == [*found[0]["labels"][[0, 4, 0]].tolist(), label]
    assert result.names[3] == f"class {label} in box 3"
    assert result.masks().shape == (4, 64, 96)
    torch.testing.assert_close(cam(images).maps["grad_cam", layer][0], result.maps["grad_cam", layer][0])
    for position, (sample, rank) in enumerate([(0, 0), (0, 4), (0, 0), (1, 3)]):

        def one_score(outputs: Any, sample: int = sample, rank: int = rank) -> Any:
            return outputs[sample]["scores"][rank]

        maps, score = by_hand(detector, layer, lambda: detector(images), one_score)
        expected, scale = maps[sample], float(maps[sample].abs().max())
        assert scale > 1e-6
        torch.testing.assert_close(result.maps["grad_cam", layer][position], expected, rtol=1e-3, atol=1e-4 * scale)
        torch.testing.assert_close(result.scores[position], score)


def test_methods_with_passes_of_their_own_explain_boxes_or_say_why_not(detector: nn.Module) -> None:
    torch.manual_seed(3)
    images = [torch.rand(3, 64, 96), torch.rand(3, 64, 96)]
    methods = ["full_grad", "guided_backprop", "guided_grad_cam", "smooth_grad_cam_plus_plus"]
    maps = CAM(detector, methods=methods)(images).maps
    assert all(len(map_) == 2 and float(map_.abs().max()) > 0 for map_ in maps.values())
    assert maps["full_grad", "input"].shape == (2, 64, 96)
    for method, words in (("finer_cam", "expected classes"), ("shapley_cam", "second derivatives")):
        with pytest.raises(ValueError, match=words):
            CAM(detector, methods=method)(images)


def test_the_padding_of_a_detector_is_taken_off_its_maps(detector: nn.Module) -> None:
    """A wide image beside a high one is padded below; its map is that of its own part of the canvas."""
    torch.manual_seed(2)
    images = [torch.rand(3, 64, 128), torch.rand(3, 128, 64)]
    (layer,) = CAM(detector, "backbone.body.16").layers or ()
    result = CAM(detector, layer)(images)
    padded, _ = by_hand(
        detector, layer, lambda: detector(images), lambda outputs: sum(output["scores"][0] for output in outputs)
    )
    assert padded.shape[1:] == (4, 4)
    wide = interpolate(padded[:1, None, :2], (4, 4), mode="bilinear")[0, 0]  # the rows that 64 of 128 pixels cover
    torch.testing.assert_close(
        result.maps["grad_cam", layer][0, :3], wide[:3], rtol=1e-3, atol=1e-4 * float(padded.abs().max())
    )
    assert result.input_size is None
    assert result.masks(size=(32, 32)).shape == (2, 32, 32)
    with pytest.raises(ValueError, match="size="):
        result.masks()
