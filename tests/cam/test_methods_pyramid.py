"""ODAM against its formula by a plain backward pass, for torchvision's detectors."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import DetectedBox, MatchedBox
from tests.cam.kinds import cnn


@pytest.fixture(scope="module")
def detector() -> nn.Module:
    torch.manual_seed(0)
    model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=5, min_size=64, max_size=128, box_score_thresh=0.0,
        box_detections_per_img=6, rpn_post_nms_top_n_test=40,
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.backbone(torch.randn(4, 3, 64, 96))
    model.roi_heads.box_predictor.cls_score.weight.data *= 0.3
    return model.eval()


@pytest.mark.parametrize("of", ["score", "left", "bottom"])
def test_a_box_has_the_map_of_its_own_level(detector: nn.Module, of: str) -> None:
    torch.manual_seed(1)
    images = [torch.rand(3, 64, 96), torch.rand(3, 64, 96)]
    result = CAM(detector, methods="odam")(images, [DetectedBox(1, of), DetectedBox(0, of)])
    assert result.names[1].startswith("class" if of == "score" else f"{of} side of class")

    levels: dict[str, Tensor] = {}
    handle = detector.backbone.register_forward_hook(lambda module, inputs, output: levels.update(output))
    outputs = detector(images)
    handle.remove()
    kernel = (torch.tensor([1.0, 2, 1])[:, None] * torch.tensor([1.0, 2, 1]) / 16)[None, None]
    expected = []
    for sample, position in enumerate((1, 0)):
        output = outputs[sample]
        at = output["scores"].argsort(descending=True)[position]
        scalar = (
            output["scores"][at] if of == "score" else output["boxes"][at, ["left", "top", "right", "bottom"].index(of)]
        )
        gradients = torch.autograd.grad(scalar, list(levels.values()), retain_graph=True, allow_unused=True)
        by_level = {
            name: (level[sample].detach(), gradient[sample])
            for (name, level), gradient in zip(levels.items(), gradients, strict=True)
            if gradient is not None
        }
        cells, gradient = max(by_level.values(), key=lambda pair: float(pair[1].abs().sum()))
        smooth = conv2d(gradient[:, None], kernel, padding=1)[:, 0]
        expected.append((smooth * cells).sum(0))
    finest = max((map_.shape for map_ in expected), key=lambda shape: shape[0] * shape[1])
    maps = torch.stack([interpolate(map_[None, None], finest, mode="bilinear")[0, 0] for map_ in expected])
    found = result.maps["odam", "pyramid"]
    assert float(maps.abs().max()) > 1e-9
    torch.testing.assert_close(found, maps, rtol=1e-3, atol=1e-4 * float(maps.abs().max()))
    assert result.masks().shape == (2, 64, 96)


def test_what_can_not_be_explained_is_told(detector: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"expected of= to be score, left, top, right, bottom, got 'width'"):
        DetectedBox(0, of="width")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected of="):
        MatchedBox((0, 0, 1, 1), of="width")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected a detector with a pyramid for odam"):
        CAM(cnn(), methods="odam")(torch.rand(2, 3, 32, 48), 1)
