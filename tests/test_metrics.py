"""Metrics against numbers worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, metrics, read_gradcam
from tensorboard_plugin_gradcam.records import Block, Sample
from tensorboard_plugin_gradcam.writer.scalars import left_out, means, metric_rows
from tests.golden import metrics as golden


def corner(*values: float) -> Any:
    """Return a 2 x 2 map."""
    return np.array(values, float).reshape(2, 2)


@pytest.mark.parametrize(
    ("evidence", "entropy", "coverage"),
    [
        (corner(1, 0, 0, 0), 0, 1 / 4),
        (corner(1, 1, 1, 1), 1, 1),
        (corner(1, 1, 0, 0), 0.5, 1 / 2),  # ln 2 / ln 4
        (corner(2, 1, 0.9, 0.1), None, 1 / 2),  # exactly half of the maximum counts
        (corner(4, 2, 1, 1), 1.75 / 2, 1 / 2),  # in bits: 1/2 + 1/2 + 3/8 + 3/8
    ],
)
def test_entropy_and_coverage(evidence: Any, entropy: float | None, coverage: float) -> None:
    assert metrics.coverage(evidence) == coverage
    if entropy is not None:
        assert metrics.entropy(evidence) == pytest.approx(entropy, abs=1e-12)
        assert metrics.entropy(7 * evidence) == pytest.approx(entropy, abs=1e-12)


def test_against_ground_truth() -> None:
    evidence, left = corner(4, 2, 1, 1), np.array([[True, False], [True, False]])
    assert metrics.pointing_game(evidence, left) == 1
    assert metrics.pointing_game(evidence, ~left) == 0
    assert metrics.energy_inside(evidence, left) == 5 / 8
    assert metrics.energy_inside(evidence, ~left) == 3 / 8
    assert metrics.iou(evidence, left) == 1 / 3  # covered: the upper two; both: one of three
    assert metrics.iou(evidence, np.ones((2, 2), bool)) == 1 / 2


def sample_of(truth: dict[str, Any] | None) -> Sample:
    """Return a sample with a golden case's ground truth."""
    truth = truth or {"boxes": []}
    found = truth.get("mask")
    mask = found and np.array(found["cells"], np.uint8).reshape(found["height"], found["width"])
    return Sample("", boxes=tuple(map(tuple, truth["boxes"])), mask=mask)


def metrics_of(case: dict[str, Any]) -> dict[str, float]:
    """Return what the module measures of a golden case, stored as a log stores it."""
    shape = (case["rows"], case["columns"], *([3] if case["kind"] == "rgb" else []))
    values = np.array(case["values"], np.float32).reshape(1, *shape)
    finite = values[np.isfinite(values)]
    limits = [np.array([edge], np.float32) for edge in (finite.min(initial=0), finite.max(initial=0))]
    (evidence,) = metrics.evidence_of(Block(values, *limits), case["kind"])
    return metrics.of_map(evidence, sample_of(case["truth"])) if evidence.max() > 0 else {}


GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("metrics.json").read_text())


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_metrics_are_the_golden_ones_that_the_tab_shares(case: dict[str, Any]) -> None:
    expected = {name: value for name, value in case["metrics"].items() if value is not None}
    assert metrics_of(case) == pytest.approx(expected, abs=2e-4)


def test_the_golden_file_is_what_plain_loops_work_out() -> None:
    assert json.loads(json.dumps(golden.cases())) == GOLDEN


def test_a_mask_of_a_volume_is_measured_in_the_volume() -> None:
    evidence = np.zeros((2, 3, 4))
    evidence[1, :, :2] = 1
    lower = np.zeros((4, 6, 8), np.uint8)
    lower[2:, :, :4] = 1
    found = metrics.of_map(evidence, Sample("", mask=lower))
    assert found["pointing_game"] == 1
    assert found["iou"] == pytest.approx(1, abs=0.05)
    assert found["energy_inside"] == pytest.approx(7 / 8 * 15 / 16, abs=0.005)  # the linear edges run over
    assert "iou" not in metrics.of_map(evidence, Sample("", mask=lower[0]))


def test_ground_truth_is_none_where_there_is_none() -> None:
    assert metrics.ground_truth(Sample(""), (4, 4)) is None


def test_flat_and_broken_maps_do_not_count() -> None:
    values = np.zeros((3, 2, 2), np.float32)
    values[0, 0, 0] = 1
    values[1] = -1
    low, high = np.array([0, -1, np.nan], np.float32), np.array([1, -1, np.nan], np.float32)
    rows = metric_rows([Sample("")] * 3, [Block(values, low, high)], "positive")
    assert means(rows) == {"entropy": 0.0, "coverage": 0.25}
    assert left_out(rows) == ["2 of 3 maps have no evidence and are left out of all metrics"]
    assert left_out([{"entropy": 1.0, "pointing_game": 0.0}]) == [
        "1 of 1 maps are left out of energy and IoU: their ground truth is too small"
    ]
    assert means([]) == {}
    assert left_out(rows[:1]) == []


def test_the_truth_of_a_mask_of_classes_is_that_of_the_target() -> None:
    classes = np.array([[0, 0], [3, 3]], np.int16)
    evidence = corner(0, 0, 1, 1)
    sample = Sample("", class_mask=classes, mask=(classes != 0).astype(np.uint8))
    assert metrics.of_map(evidence, sample, 3)["pointing_game"] == 1
    assert metrics.of_map(evidence, sample, 0)["pointing_game"] == 0
    assert metrics.of_map(evidence, sample, 7)["pointing_game"] == 0


def test_metrics_are_scalars_beside_the_maps(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    images = torch.rand(5, 3, 12, 12)
    boxes = [[(0, 0, 6, 12)]] * 4 + [None]
    with GradCAMLogger(tmp_path, model, layers="0", metrics=True, precision="float32") as logger:
        probe = logger.probe("val", images, labels=[0, 1, 2, 0, 1], boxes=boxes)
        for step in (3, 4):
            probe.log(step)
    events = EventAccumulator(str(tmp_path)).Reload()
    place = "gradcam:val/grad_cam/0"
    found = {tag: [event.value for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    names = {"entropy", "coverage", "pointing_game", "energy_inside", "iou"}
    said = {"gradcam:val/mean_probability", "gradcam:val/mean_label_probability"}
    assert set(found) == {f"{place}/{name}" for name in names} | said
    raw = CAM(model, layers="0")(images).maps["grad_cam", "0"].clamp(min=0).double().numpy()
    lit = [one for one in raw if one.max() > 0]
    shares = [one.ravel() / one.sum() for one in lit]
    entropies = [-sum(p * math.log(p) for p in share if p > 0) / math.log(100) for share in shares]
    assert found[f"{place}/entropy"] == pytest.approx([np.mean(entropies)] * 2, rel=1e-5)
    covered = [(one >= one.max() / 2).mean() for one in lit]
    assert found[f"{place}/coverage"] == pytest.approx([np.mean(covered)] * 2, rel=1e-5)
    probabilities = model(images).softmax(1).detach().numpy()
    assert found["gradcam:val/mean_probability"] == pytest.approx([probabilities.max(1).mean()] * 2, rel=1e-5)
    frame = read_gradcam(tmp_path).metrics()
    assert frame[frame.step == 3].pointing_game.mean() == pytest.approx(found[f"{place}/pointing_game"][0], rel=1e-6)
