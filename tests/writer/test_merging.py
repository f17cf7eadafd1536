"""Putting together what several calls log at one step, and samples that come in another order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, prepare_samples, read_gradcam
from tensorboard_plugin_gradcam.cam import MatchedBox
from tensorboard_plugin_gradcam.writer.batch import Batch, Storing, batch_of
from tensorboard_plugin_gradcam.writer.merging import OpenStep
from tensorboard_plugin_gradcam.writer.own_maps import own_maps
from tests.writer.test_batch import Detector

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
DIFFERENT: dict[str, dict[str, Any]] = {
    "label": {"labels": [1]},
    "set of labels": {"labels": [[0, 1, 1]]},
    "id": {"ids": ["a"]},
    "caption": {"captions": ["a"]},
    "boxes": {"boxes": [[(0, 0, 4, 4)]]},
    "classes of boxes": {"boxes": [[(0, 0, 4, 4)]], "box_classes": [[3]]},
    "mask": {"truth_masks": [np.eye(2)]},
    "another mask": {"truth_masks": [np.ones((2, 2))]},
}


def batch(
    picture: int = 0, value: float = 1.0, *, target: Any = None, score: Any = None, outputs: Any = None, **known: Any
) -> Batch:
    """Return a batch of one sample whose map is full of a value."""
    samples = prepare_samples(PICTURES[[picture]], **known)
    explanation = own_maps(
        np.full((1, 2, 2), value, np.float32), 1, 2, method="m", layer="l", kind="positive",
        targets=target, scores=score, names=None, outputs=outputs,
    )  # fmt: skip
    return batch_of(samples, explanation, Storing(precision="float32"))


def merged(*batches: Batch) -> OpenStep:
    step = OpenStep(0)
    for one in batches:
        step.merge(one)
    return step


def values_of(step: OpenStep) -> list[tuple[int, float]]:
    (block,) = step.blocks["m", "l", "positive"]
    return list(zip(block.sample_indices.tolist(), block.values[:, 0, 0].tolist(), strict=True))


@pytest.mark.parametrize("one", DIFFERENT)
@pytest.mark.parametrize("other", [None, *DIFFERENT])
def test_samples_are_the_same_where_all_that_is_known_of_them_is(one: str, other: str | None) -> None:
    first, second = batch(**DIFFERENT[one]), batch(value=2, **({} if other is None else DIFFERENT[other]))
    step = merged(first, second)
    assert len(step.samples) == (1 if one == other else 2)
    assert values_of(step) == ([(0, 2.0)] if one == other else [(0, 1.0), (1, 2.0)])


def test_a_repeated_call_replaces_the_map_of_its_target_alone() -> None:
    step = merged(batch(target=[3], value=1), batch(target=[4], value=2), batch(target=[3], value=5))
    (block,) = step.blocks["m", "l", "positive"]
    assert block.targets is not None
    assert sorted(zip(block.targets.tolist(), block.values[:, 0, 0].tolist(), strict=True)) == [(3, 5.0), (4, 2.0)]
    assert len(step.samples) == 1


def test_equal_samples_of_one_batch_have_a_place_each() -> None:
    twins = prepare_samples(PICTURES[[0, 0]])
    explanation = own_maps(
        np.arange(8, dtype=np.float32).reshape(2, 2, 2), 2, 2, method="m", layer="l", kind="positive",
        targets=None, scores=None, names=None, outputs=None,
    )  # fmt: skip
    both = batch_of(twins, explanation, Storing(precision="float32"))
    step = merged(both, both)
    assert len(step.samples) == 2
    assert [index for index, _ in values_of(step)] == [0, 1]


def test_what_one_batch_does_not_say_is_missing_and_not_0() -> None:
    step = merged(batch(0, target=[2], score=[1.5], outputs=np.array([[0.0, 3.0]])), batch(1))
    (block,) = step.blocks["m", "l", "positive"]
    assert block.targets is not None
    assert block.scores is not None
    assert block.targets.tolist() == [2, -1]
    np.testing.assert_array_equal(block.scores, np.array([1.5, np.nan], np.float32))
    said = step.full_predictions()
    assert said["prediction"].tolist() == [1, -1]
    assert np.isnan(said["probability"][1])
    step = merged(batch(1), batch(0, outputs=np.array([[0.0, 3.0]])))
    assert step.full_predictions()["prediction"].tolist() == [-1, 1]


def test_samples_in_another_order_are_put_into_the_first_ones() -> None:
    places: dict[str, int] = {}
    for order in ([0, 1, 2], [2, 0, 1], [1, 2], [2, 1, 0]):
        step = OpenStep(0)
        for index in order:
            one = batch(index, value=index, target=[index], outputs=np.eye(3)[[index]])
            step.append(replace(one, numbers={"n": np.array([index], np.float32)}))
        step.arrange(places)
        expected = sorted(order)
        assert values_of(step) == [(place, float(index)) for place, index in enumerate(expected)]
        assert step.full_predictions()["prediction"].tolist() == expected
        assert step.full_numbers()["n"].tolist() == expected
        (block,) = step.blocks["m", "l", "positive"]
        assert block.targets is not None
        assert block.targets.tolist() == expected


def test_a_shuffled_loader_shows_each_picture_with_its_own_map_at_every_step(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 2))
    x, y, cam = torch.rand(6, 3, 64, 64), torch.tensor([0, 1, 0, 1, 0, 1]), CAM(model)
    with GradCAMLogger(tmp_path, cam, precision="float32") as logger:
        for epoch in range(3):
            for part in torch.randperm(6).split(3):
                with torch.no_grad(), cam.capture() as capture:
                    model(x[part])
                logger.add("val", x[part], capture.result(targets=y[part]), epoch, labels=y[part])
    log = read_gradcam(tmp_path)
    (series,) = log.maps.values()
    digests = [[sample.image for sample in moment.cohort.samples] for moment in series if moment.cohort]
    assert digests[0] == digests[1] == digests[2]
    maps = series.array()
    np.testing.assert_allclose(maps[1], maps[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(maps[2], maps[0], rtol=1e-4, atol=1e-6)


def test_calls_of_one_step_add_up_in_the_file(tmp_path: Path) -> None:
    for picture in (0, 1):
        add_gradcam(tmp_path, "val", PICTURES[[picture]], np.full((1, 2, 2), picture, np.float32), 0)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.array().shape[:2] == (1, 2)


def notes_of(folder: Path) -> tuple[str, ...]:
    (said,) = read_gradcam(folder).predictions.values()
    notes: tuple[str, ...] = said[0].record.stamp.notes
    return notes


def test_a_detector_that_detects_nothing_yet_ends_no_training(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    torch.manual_seed(0)
    pictures = [torch.rand(3, 120, 160), torch.rand(3, 160, 120)]
    detector = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=91, min_size=160, max_size=192
    )
    with GradCAMLogger(tmp_path, detector) as logger:
        logger.probe("val", pictures).log(0)
    assert "nothing detected in 2 of 2 samples" in notes_of(tmp_path)
    assert not [one for one in recwarn if "Grad-CAM" in str(one.message)]


@pytest.mark.parametrize("targets", [None, [1, 7, 1], [MatchedBox((1, 2, 9, 8)), MatchedBox((10, 10, 12, 12)), None]])
@pytest.mark.parametrize("layers", ["layer", None])
def test_an_image_without_the_box_that_is_asked_for_has_no_map(targets: Any, layers: Any, tmp_path: Path) -> None:
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.5
    if targets is None:
        images[1] = 0.1
    if layers is None:
        images, targets = images.flip(0), None if targets is None else targets[::-1]
    with GradCAMLogger(tmp_path, Detector(), layers="layer") as logger:
        logger.probe("val", images, targets=targets).log(0)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series[0].record.blocks[0].sample_indices.tolist() == [0, 2]
    assert notes_of(tmp_path) == ("nothing detected in 1 of 3 samples",)
    if targets is not None:
        with pytest.raises(ValueError, match="expected a detected"):
            CAM(Detector(), "layer")(images, targets)
