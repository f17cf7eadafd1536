"""What a model, or the weights that it came from, tells of itself is used where nothing else is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights

from tensorboard_plugin_gradcam import Classes, GradCAMLogger, read_gradcam
from tensorboard_plugin_gradcam.reader import GradCAMLog


class Network(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, classes)

    def forward(self, images: Tensor, scale: Tensor | None = None) -> Any:
        scores = self.fc(self.features(images).relu().mean((2, 3)))
        return scores if scale is None else scores * scale[:, None]


def logged(folder: Path, model: Any, inputs: Any, *, targets: Any = None, **options: Any) -> GradCAMLog:
    with GradCAMLogger(folder, model, **options) as logger:
        logger.log("val", inputs, 0, targets=targets)
    return read_gradcam(folder)


def cohort(log: GradCAMLog) -> Any:
    (series,) = log.maps.values()
    return series.moments[0].cohort


IMAGES = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("classes", [1000, 10])
def test_torchvisions_weights_name_the_classes_unless_the_head_has_others(classes: int, tmp_path: Path) -> None:
    log = logged(tmp_path, Network(classes), IMAGES, transform=ResNet18_Weights.DEFAULT)
    names = cohort(log).class_names
    assert names == (tuple(ResNet18_Weights.DEFAULT.meta["categories"]) if classes == 1000 else ())


def test_class_names_that_were_passed_stand_above_the_models_own(tmp_path: Path) -> None:
    model = Network()
    model.config = type("Config", (), {"id2label": {0: "a", 1: "b", 2: "c"}})()
    assert cohort(logged(tmp_path / "own", model, IMAGES)).class_names == ("a", "b", "c")
    assert cohort(logged(tmp_path / "mine", model, IMAGES, class_names=list("xyz"))).class_names == ("x", "y", "z")
    model.config.id2label = {index: f"LABEL_{index}" for index in range(3)}  # placeholders
    assert cohort(logged(tmp_path / "none", model, IMAGES)).class_names == ()


@pytest.mark.parametrize("is_normalized", [True, False])
def test_a_normalization_of_the_models_own_is_undone_only_where_inputs_look_it(
    is_normalized: bool, tmp_path: Path
) -> None:
    model = Network()
    model.pretrained_cfg = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2)}  # type: ignore[assignment]
    shift = torch.tensor(model.pretrained_cfg["mean"]).view(3, 1, 1)  # type: ignore[index]
    log = logged(tmp_path, model, (IMAGES - shift) / 0.2 if is_normalized else IMAGES)
    found = [log.image(".", sample.image) for sample in cohort(log).samples]
    expected = (IMAGES.permute(0, 2, 3, 1) * 255).round().byte().numpy()
    assert np.abs(np.array(found, int) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["tuple", "mapping"])
def test_several_inputs_are_cut_into_batches_together(kind: str, tmp_path: Path) -> None:
    scale = torch.tensor([1.0, -1.0, 2.0])
    images = IMAGES[:1].repeat(3, 1, 1, 1)
    inputs: Any = (images, scale) if kind == "tuple" else {"images": images, "scale": scale}
    log = logged(tmp_path, Network(), inputs, targets=1, batch_size=2, precision="float32")
    (maps,) = (series.array()[0] for series in log.maps.values())
    assert np.abs(maps).max() > 0
    np.testing.assert_allclose(maps, maps[:1] * scale[:, None, None].numpy(), rtol=1e-4, atol=1e-8)


def test_several_classes_of_as_many_samples_are_several_of_each(tmp_path: Path) -> None:
    log = logged(tmp_path, Network(), IMAGES, targets=Classes(2, 0))
    ((block,),) = (series[0].record.blocks for series in log.maps.values())
    assert block.targets.tolist() == [2, 0, 2, 0]


def test_a_segmentation_is_logged_as_it_is(tmp_path: Path) -> None:
    model = torchvision.models.segmentation.lraspp_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=21
    )
    weights = torchvision.models.segmentation.LRASPP_MobileNet_V3_Large_Weights.DEFAULT
    log = logged(tmp_path, model, torch.rand(2, 3, 32, 48), targets=15, transform=weights)
    assert cohort(log).class_names[15] == "person"
    assert {key[3] for key in log.maps} == {"backbone.16"}


def test_a_detector_is_logged_as_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=91, min_size=64, box_score_thresh=0.0,
        box_detections_per_img=3, rpn_post_nms_top_n_test=10,
    )  # fmt: skip
    weights = torchvision.models.detection.FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.DEFAULT
    images = torch.rand(2, 3, 64, 64)
    with GradCAMLogger(tmp_path, model, class_names=weights.meta["categories"]) as logger:
        logger.log("val", images, 0)
        logger.log("list", list(images), 0)
    log = read_gradcam(tmp_path)
    assert {key[1] for key in log.maps} == {"val", "list"}
    first, second = (series.array()[0] for series in log.maps.values())
    np.testing.assert_array_equal(first, second)
