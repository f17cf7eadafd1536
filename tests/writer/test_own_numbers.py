"""Numbers of the user's own come back by their samples and names; what is none is left out in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, read_gradcam

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
VALUES = np.array([0.5, np.nan, -2], np.float32)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


def test_numbers_come_back_however_they_were_logged(tmp_path: Path) -> None:
    images, model = torch.rand(3, 3, 12, 12), network()
    with GradCAMLogger(tmp_path, model, layers="0", on_error="raise", batch_size=2) as logger:
        logger.probe("probe", images).log(4, numbers={"sureness": VALUES})
        logger.log("log", images, 4, numbers={"sureness": torch.tensor(VALUES)})
        for part in (slice(0, 2), slice(2, 3)):
            result = CAM(model, layers="0")(images[part])
            logger.add("add", images[part], result, 4, numbers={"sureness": VALUES[part].tolist()})
    add_gradcam(tmp_path, "own", PICTURES, np.ones((3, 2, 2)), 4, numbers={"sureness": VALUES, "seen": VALUES > 0})
    log = read_gradcam(tmp_path)
    assert {(key[1], key[2]) for key in log.numbers} == {
        ("probe", "sureness"), ("log", "sureness"), ("add", "sureness"), ("own", "sureness"), ("own", "seen"),
    }  # fmt: skip
    for (_, _, name, *place), series in log.numbers.items():
        assert series.steps.tolist() == [4]
        assert place == ["", ""]
        np.testing.assert_array_equal(series.array(), [VALUES if name == "sureness" else [1, 0, 0]])
        assert len(series.samples) == 3


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"sureness": VALUES[:2]}, "numbers\\['sureness'\\] of shape \\(3,\\), got \\(2,\\)"),
        ({"sureness": ["a", "b", "c"]}, "to be an array of numbers"),
        ({1: VALUES}, "names of numbers as text, got 1"),
        ({"": VALUES}, "names of numbers as text"),
        (VALUES, "mapping from names"),
        ({str(i): VALUES for i in range(101)}, "at most 100 names, got 101"),
    ],
)
def test_what_are_no_numbers_is_told_and_the_rest_is_logged(tmp_path: Path, numbers: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        add_gradcam(tmp_path / "own", "val", PICTURES, np.ones((3, 2, 2)), 0, numbers=numbers)
    with GradCAMLogger(tmp_path, network(), layers="0") as logger, pytest.warns(UserWarning, match=message):
        logger.probe("val", torch.rand(3, 3, 12, 12)).log(0, numbers=numbers)
    log = read_gradcam(tmp_path)
    ((step,),) = ([*series] for series in log.maps.values())
    assert len(step.record.blocks[0].values) == 3
    assert any("numbers" in note for series in log.predictions.values() for one in series for note in one.notes)


def test_numbers_of_samples_that_come_later_are_joined_by_sample(tmp_path: Path) -> None:
    for step, order in ((0, [0, 1, 2]), (1, [2, 0, 1])):
        add_gradcam(
            tmp_path, "val", PICTURES[order], np.ones((3, 2, 2)), step, numbers={"place": np.arange(3.0)[order]}
        )
    (series,) = read_gradcam(tmp_path).numbers.values()
    np.testing.assert_array_equal(series.array(), [[0, 1, 2], [0, 1, 2]])


@pytest.mark.parametrize("mode", ["append", "", 1])
def test_a_mode_that_is_none_is_told_at_once(tmp_path: Path, mode: Any) -> None:
    with pytest.raises(ValueError, match="expected mode 'add', 'resume' or None"):
        add_gradcam(tmp_path, "val", None, np.ones((1, 2, 2)), 0, mode=mode)
    with pytest.raises(ValueError, match="expected mode 'add', 'resume' or None"):
        GradCAMLogger(tmp_path, mode=mode)


@pytest.mark.parametrize(("mode", "steps"), [("add", [0, 5, 10, 20]), ("resume", [0, 5]), (None, [0, 5])])
def test_a_logger_adds_or_resumes_as_it_is_told(tmp_path: Path, mode: Any, steps: list[int]) -> None:
    images, model = torch.rand(3, 3, 12, 12), network()
    for how, logged in ((None, (0, 10, 20)), (mode, (5,))):
        with GradCAMLogger(tmp_path, model, layers="0", mode=how, on_error="raise") as logger:
            probe = logger.probe("val", images)
            for step in logged:
                probe.log(step)
    log = read_gradcam(tmp_path)
    for series in [*log.maps.values(), *log.predictions.values()]:
        assert series.steps.tolist() == steps
