"""What people label and predict: sets of classes, single logits, values, segmentations, boxes, volumes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, prepare_samples, read_gradcam
from tensorboard_plugin_gradcam.cam import DetectedBox
from tensorboard_plugin_gradcam.writer import tasks
from tests.writer.test_batch import Detector

IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.5
MAPS = np.ones((4, 2, 2), np.float32)


def network(outputs: int) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outputs)]
    return nn.Sequential(*layers).eval()


def logged(folder: Path, model: nn.Module, labels: Any, **options: Any) -> tuple[Any, Any, Any]:
    """Log a probe; return its samples, predictions and maps."""
    known = {name: options.pop(name) for name in ("targets", "truth_masks", "boxes", "box_classes") if name in options}
    with GradCAMLogger(folder, model, on_error="raise", **options) as logger:
        logger.probe("val", IMAGES, labels=labels, **known).log(0)
    log = read_gradcam(folder)
    (series,), (said,) = log.maps.values(), log.predictions.values()
    assert series[0].cohort is not None
    return series[0].cohort.samples, said[0].record, series[0].record.blocks[0]


SETS: dict[str, Any] = {
    "multi-hot": torch.tensor([[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1]]).float(),
    "bool": torch.tensor([[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1]]).bool(),
    "lists": [[0, 1], [3], [], [0, 2, 3]],
    "tensors": [torch.tensor([1, 0]), torch.tensor([3]), torch.tensor([], dtype=torch.int64), torch.tensor([0, 2, 3])],
}


@pytest.mark.parametrize("kind", SETS)
def test_labels_and_predictions_of_several_classes_are_sets(kind: str, tmp_path: Path) -> None:
    model = network(4)
    samples, said, block = logged(tmp_path, model, SETS[kind], targets="label")
    assert [sample.labels for sample in samples] == [(0, 1), (3,), (), (0, 2, 3)]
    assert [sample.label for sample in samples] == [None] * 4
    assert said.task == "multilabel"
    assert said.prediction is None
    scores = model(IMAGES).detach().double()
    for index, (classes, chances) in enumerate(zip(said.set_classes, said.set_probabilities, strict=True)):
        assert sorted(classes) == [0, 1, 2, 3]
        for of_class, chance in zip(classes, chances, strict=True):
            assert chance == pytest.approx(1 / (1 + math.exp(-scores[index, of_class])), rel=1e-4)
        assert list(chances) == sorted(chances, reverse=True)
    top = int(scores[2].argmax())
    assert block.sample_indices.tolist() == [0, 0, 1, 2, 3, 3, 3]
    assert block.targets.tolist() == [0, 1, 3, top, 0, 2, 3]


def test_one_label_each_is_a_set_where_the_task_says_so(tmp_path: Path) -> None:
    samples, said, _ = logged(tmp_path, network(3), torch.eye(3)[[0, 1, 2, 0]], task="multilabel")
    assert [sample.labels for sample in samples] == [(0,), (1,), (2,), (0,)]
    assert said.task == "multilabel"


def test_of_many_classes_the_most_probable_and_the_labels_are_told() -> None:
    chances = np.linspace(0, 1, 100)[None]
    found = tasks.multilabel(chances, [[5]])
    assert found["set_classes"][0].tolist() == [*range(99, 79, -1), 5]
    assert np.isnan(tasks.multilabel(chances * np.nan, [[5]])["set_classes"]).sum() == 0


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_one_logit_is_class_1_against_class_0(shape: tuple[int, ...], tmp_path: Path) -> None:
    logits = np.array([-3.0, 2.0, 0.1, -0.1])
    add_gradcam(tmp_path, "val", IMAGES, MAPS, 0, outputs=logits.reshape(shape), labels=[0.0, 1.0, 0.0, 1.0])
    (said,) = read_gradcam(tmp_path).predictions.values()
    record = said[0].record
    assert record.prediction is not None
    assert record.prediction.tolist() == [0, 1, 1, 0]
    right = 1 / (1 + np.exp(-np.array([3.0, 2.0, -0.1, -0.1])))
    np.testing.assert_allclose(record.label_probability, right, rtol=1e-5)


@pytest.mark.parametrize("width", [None, 2])
def test_a_regression_has_values_in_place_of_classes(width: int | None, tmp_path: Path) -> None:
    truth = torch.tensor([0.5, -1.25, 3.0, 8.0])
    labels = truth if width is None else torch.stack([truth] * width, 1)
    model = network(width or 1)
    samples, said, block = logged(tmp_path, model, labels, task="regression")
    assert said.task == "regression"
    assert [sample.values for sample in samples] == [(value,) * (width or 1) for value in truth.tolist()]
    assert (said.prediction, said.probability) == (None, None)
    np.testing.assert_allclose(said.values, model(IMAGES).detach().numpy(), rtol=1e-5)
    assert block.size == 4


class Segmenter(nn.Module):
    """Scores of C classes in each pixel."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.head = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, classes, 1)

    def forward(self, images: Any) -> dict[str, Any]:
        scores = self.head(self.trunk(images).relu())
        return {"out": nn.functional.interpolate(scores, images.shape[2:], mode="bilinear")}


@pytest.mark.parametrize("classes", [1, 3])
def test_the_predicted_mask_of_a_segmentation_is_stored_beside_the_truth(classes: int, tmp_path: Path) -> None:
    model = Segmenter(classes)
    truth = torch.randint(0, 3, (4, 16, 16), generator=torch.Generator().manual_seed(1))
    samples, said, _ = logged(
        tmp_path, model, None, task="segmentation", truth_masks=truth, targets=0, layers="trunk", metrics=True
    )
    assert said.task == "segmentation"
    scores = model(IMAGES)["out"].detach()
    expected = scores[:, 0] > 0 if classes == 1 else scores.argmax(1)
    assert said.masks.shape == (4, 128, 128)
    np.testing.assert_array_equal(said.masks[:, 4::8, 4::8], expected.numpy())
    np.testing.assert_array_equal([sample.class_mask for sample in samples], truth.numpy())
    np.testing.assert_array_equal([sample.mask for sample in samples], truth.numpy() != 0)


class Boxes(Detector):
    """Finds three boxes in each image, the second most certain first."""

    def forward(self, images: Any) -> list[dict[str, torch.Tensor]]:
        cells = self.layer(torch.stack(list(images))).relu().mean((1, 2, 3))
        boxes = torch.tensor([[1.0, 2, 9, 8], [0, 0, 16, 16], [4, 4, 8, 12]])
        return [
            {"boxes": boxes, "labels": torch.tensor([1, 2, 3]), "scores": torch.stack([c + 0.1, c + 0.3, c + 0.2])}
            for c in cells
        ]


def test_predicted_boxes_are_stored_and_the_explained_one_is_marked(tmp_path: Path) -> None:
    targets = [None, 1, DetectedBox(1), [3, 2]]
    known: dict[str, Any] = {
        "boxes": [[(0, 0, 8, 8)], None, [], [(1, 1, 2, 2)] * 2],
        "box_classes": [[5], None, [], [1, 2]],
    }
    samples, said, block = logged(tmp_path, Boxes(), None, targets=targets, layers="layer", **known)
    assert said.task == "detection"
    assert said.box_classes.tolist() == [[2, 3, 1]] * 4
    np.testing.assert_allclose(said.boxes[0] * 16, [[0, 0, 16, 16], [4, 4, 8, 12], [1, 2, 9, 8]])
    assert (np.diff(said.box_scores) < 0).all()
    assert block.sample_indices.tolist() == [0, 1, 2, 3, 3]
    assert block.boxes.tolist() == [0, 2, 1, 1, 0]
    assert [sample.box_classes for sample in samples] == [(5,), (), (), (1, 2)]


def test_of_many_boxes_the_most_certain_and_the_explained_are_told() -> None:
    item = {"boxes": np.ones((50, 4)), "labels": np.arange(50), "scores": np.linspace(0, 1, 50)}
    found, places = tasks.detection([item], [(1, 1)], [(0, 3)])
    assert found["box_classes"][0].tolist() == [*range(49, 29, -1), 3]
    assert places == {(0, 3): 20}


def test_boxes_of_detections_of_other_libraries_are_read(tmp_path: Path) -> None:
    found = [
        {"boxes": [[0, 0, 8, 16]], "labels": [1], "scores": [0.5]},
        *[{"boxes": [], "labels": [], "scores": []}] * 3,
    ]
    add_gradcam(tmp_path, "val", IMAGES, MAPS, 0, outputs=found)
    (said,) = read_gradcam(tmp_path).predictions.values()
    np.testing.assert_allclose(said[0].record.boxes[0], [[0, 0, 0.5, 1]])
    assert np.isnan(said[0].record.boxes[1:]).all()
    assert said[0].record.box_classes.tolist() == [[1], [-1], [-1], [-1]]


def test_masks_of_volumes_are_ground_truth(tmp_path: Path) -> None:
    volumes = np.random.default_rng(0).integers(0, 256, (2, 6, 16, 16), dtype=np.uint8)
    masks = np.zeros((2, 6, 16, 16))
    masks[:, 2:4] = 1
    samples = prepare_samples(volumes, truth_masks=masks)
    np.testing.assert_array_equal([sample.mask for sample in samples.records], masks)
    add_gradcam(tmp_path, "val", samples, np.random.default_rng(1).random((2, 3, 4, 4)), 0)
    row = read_gradcam(tmp_path).metrics().iloc[0]
    assert 0 < row.iou < 1
    assert 0 < row.energy_inside < 1


@pytest.mark.parametrize("distributed", ["gather", None])
def test_a_task_survives_parts_and_merging(distributed: Any, tmp_path: Path) -> None:
    labels = SETS["multi-hot"]
    _, said, _ = logged(tmp_path, network(4), labels, batch_size=3, distributed=distributed)
    assert said.task == "multilabel"
    assert said.set_classes.shape == (4, 4)


def test_the_former_name_of_ground_truth_is_told_and_a_cams_masks_are_refused() -> None:
    masks = np.zeros((4, 3, 3))
    masks[0, 1] = 1
    with pytest.warns(UserWarning, match="truth_masks"):
        samples = prepare_samples(IMAGES, masks=masks)
    np.testing.assert_array_equal(samples.records[0].mask, masks[0])
    result = CAM(network(3))(IMAGES)
    with pytest.raises(ValueError, match=r"pass result\.maps as maps"):
        prepare_samples(IMAGES, masks=result.masks())
