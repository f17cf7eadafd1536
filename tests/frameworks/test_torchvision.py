"""torchvision's ResNet-101 and DeepLabV3, trained, logged, read back and laid over their pictures; grad-cam agrees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, SemanticSegmentationTarget
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.tensorboard import SummaryWriter
from torchvision.models import resnet101
from torchvision.models.segmentation import deeplabv3_resnet50

from tensorboard_plugin_gradcam import GradCAMLogger, heatmap, read_gradcam
from tensorboard_plugin_gradcam.cam import ClassInMask
from tests.frameworks.torch_models import NORMALIZE, photographs

pytestmark = pytest.mark.slow

SIZE = 96
PIXELS, LABELS = photographs(count=4, size=SIZE)
INPUTS = NORMALIZE(PIXELS)
AREA = np.zeros((SIZE, SIZE), np.float32)
AREA[20:60, 30:80] = 1


class ScoresOf(nn.Module):
    """What grad-cam's own tutorial wraps a segmentation in."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)["out"]


def classification() -> tuple[nn.Module, Any, Callable[[nn.Module], Tensor], str]:
    return resnet101(num_classes=2), LABELS, lambda model: cross_entropy(model(INPUTS), LABELS), "layer4"


def segmentation() -> tuple[nn.Module, Any, Callable[[nn.Module], Tensor], str]:
    model = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=3)
    truth = torch.tensor(AREA).long()[None].repeat(4, 1, 1)
    return model, ClassInMask(1, AREA), lambda model: cross_entropy(model(INPUTS)["out"], truth), "backbone"


def oracle(model: nn.Module) -> np.ndarray[Any, Any]:
    if hasattr(model, "backbone"):
        targets: list[Any] = [SemanticSegmentationTarget(1, AREA)] * 4
        with GradCAM(model=ScoresOf(model), target_layers=[model.backbone.layer4]) as cam:
            return cam(INPUTS, targets=targets)
    with GradCAM(model=model, target_layers=[model.layer4]) as cam:
        return cam(INPUTS, targets=[ClassifierOutputTarget(int(label)) for label in LABELS])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [classification, segmentation])
def test_a_log_gives_back_the_overlays_of_grad_cam(make: Callable[[], Any], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, targets, loss, layer = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with SummaryWriter(str(tmp_path)) as writer, GradCAMLogger(writer, model, transform=NORMALIZE) as logger:
        probe = logger.probe("val", INPUTS, labels=LABELS, targets=targets)
        for step in range(2):
            optimizer.zero_grad()
            loss(model).backward()
            optimizer.step()
            writer.add_scalar("loss", loss(model).item(), step)
            probe.log(step)
    assert model.training

    log = read_gradcam(tmp_path)
    (series,) = log.maps.values()
    assert series.steps.tolist() == [0, 1]
    assert series.layer.startswith(layer)
    assert series.targets().tolist() == [LABELS.tolist() if layer == "layer4" else [1] * 4] * 2
    expected = oracle(model.eval())
    cohort = series.moments[-1].cohort
    assert cohort is not None
    for sample, raw, mask in zip(cohort.samples, series.array()[-1], expected, strict=True):
        picture = log.image(".", sample.image)
        assert picture.shape == (SIZE, SIZE, 3)
        # grad-cam scales a map once more after it was resized.
        ours = heatmap.mask(raw, (SIZE, SIZE))
        low, high = float(ours.min()), float(ours.max())
        np.testing.assert_allclose((ours - low) / max(high - low, 1e-7), mask, atol=0.01)
        overlay = heatmap.overlay(picture, raw, alpha="constant").astype(int)
        theirs = heatmap.overlay(picture, mask * (high - low) + low, alpha="constant", limits=(0, 1))
        np.testing.assert_allclose(overlay, theirs, atol=8)
    assert np.ptp(expected, axis=(1, 2)).max() > 0.9, "the oracle has something to show"
