"""Measures in a log: what a training writes beside its maps, and what is read from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.measures import evidence_shares, steadiness

IMAGES = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(1))
PICTURES = (IMAGES.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
MAPS = np.random.default_rng(0).normal(size=(4, 5, 3, 4)).astype(np.float32)
ALL = ("gain_head", "class_sensitivity", "concentration", "randomisation", "steadiness")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))


def test_numbers_of_each_method_layer_and_target_stand_beside_the_maps(tmp_path: Path) -> None:
    model = network().eval()
    with GradCAMLogger(
        tmp_path, model, layers=["0", "1"], methods=["grad_cam", "eigen_cam"], measures=ALL, metrics=True,
        batch_size=2, on_error="raise",
    ) as logger:  # fmt: skip
        probe = logger.probe("val", IMAGES, targets=[[0, 1], [2], [3], [0], [1]])
        for step in range(3):
            probe.log(step)
            with torch.no_grad():
                model[0].weight.add_(0.05)
    log = read_gradcam(tmp_path)
    numbers = {(name, method, layer): series for (_, _, name, method, layer), series in log.numbers.items()}
    names = [*ALL, "gain_head_logits", "randomisation_entropy"]
    assert set(numbers) == {(name, m, at) for name in names for m in ("grad_cam", "eigen_cam") for at in ("0", "1")}
    assert numbers["gain_head", "grad_cam", "1"].array().shape == (3, 6)
    assert numbers["gain_head", "grad_cam", "1"].targets()[0].tolist() == [0, 1, 2, 3, 0, 1]
    assert np.isnan(numbers["randomisation", "grad_cam", "1"].array()[0]).all()
    scalars = EventAccumulator(str(tmp_path)).Reload()
    mean = scalars.Scalars("gradcam:val/grad_cam/1/class_sensitivity")[2].value
    assert mean == pytest.approx(np.nanmean(numbers["class_sensitivity", "grad_cam", "1"].array()[2]), abs=1e-6)

    with torch.no_grad():
        model[0].weight.sub_(0.05)  # as it was at the last step
    result = CAM(model, ["0", "1"], measures="gain_head_logits"[:9])(IMAGES, [[0, 1], [2], [3], [0], [1]])
    expected = result.measures["gain_head_logits"]["grad_cam", "1"]
    np.testing.assert_allclose(numbers["gain_head_logits", "grad_cam", "1"].array()[2], expected, atol=1e-5)


def test_comparisons_over_time_are_those_of_the_stored_maps(tmp_path: Path) -> None:
    predictions = np.zeros((4, 5), int)
    predictions[2, 3] = 1
    for step in range(4):
        add_gradcam(
            tmp_path, "val", PICTURES, MAPS[step], step, predictions=predictions[step],
            measures=("randomisation", "steadiness"), on_error="raise",
        )  # fmt: skip
    log = read_gradcam(tmp_path)
    stored = log.maps[".", "val", "grad_cam", ""].array()
    found = {key[2]: series.array() for key, series in log.numbers.items()}
    for step in range(1, 4):
        expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(stored[step], stored[0], strict=True)]
        np.testing.assert_allclose(found["randomisation"][step], expected, atol=1e-5)
        steady = steadiness(evidence_shares(stored[step]), evidence_shares(stored[step - 1]))
        steady[predictions[step] != predictions[step - 1]] = np.nan
        np.testing.assert_allclose(found["steadiness"][step], steady, atol=1e-5)
    assert np.isnan(found["steadiness"][2:, 3]).all()


def test_a_call_that_is_repeated_compares_with_the_step_before(tmp_path: Path) -> None:
    for step, at in ((0, 0), (1, 1), (1, 2)):
        add_gradcam(tmp_path, "val", PICTURES, MAPS[at], step, measures="steadiness", on_error="raise")
    log = read_gradcam(tmp_path)
    stored = log.maps[".", "val", "grad_cam", ""].array()
    expected = steadiness(evidence_shares(stored[1]), evidence_shares(stored[0]))
    np.testing.assert_allclose(log.numbers[".", "val", "steadiness", "grad_cam", ""].array()[1], expected, atol=1e-5)


def test_a_training_that_goes_on_compares_with_the_runs_first_step(tmp_path: Path) -> None:
    for step in (0, 1):
        add_gradcam(tmp_path, "val", PICTURES, MAPS[step], step, measures="randomisation", on_error="raise")
    again = f"""
import numpy as np
from tensorboard_plugin_gradcam import add_gradcam
from tests.writer.test_measures import MAPS, PICTURES
add_gradcam({str(tmp_path)!r}, "val", PICTURES, MAPS[2], 2, measures="randomisation", on_error="raise")
"""
    subprocess.run([sys.executable, "-c", again], check=True, cwd=Path(__file__).parents[2])
    log = read_gradcam(tmp_path)
    stored = log.maps[".", "val", "grad_cam", ""].array()
    expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(stored[2], stored[0], strict=True)]
    found = log.numbers[".", "val", "randomisation", "grad_cam", ""].array()
    np.testing.assert_allclose(found[2], expected, atol=1e-5)


def test_samples_are_followed_in_whatever_order_they_come(tmp_path: Path) -> None:
    order = [3, 1, 4, 0, 2]
    ids = list("abcde")
    add_gradcam(tmp_path, "val", PICTURES, MAPS[0], 0, ids=ids, measures="randomisation")
    mixed = [ids[at] for at in order]
    add_gradcam(tmp_path, "val", PICTURES[order], MAPS[0][order], 1, ids=mixed, measures="randomisation")
    found = read_gradcam(tmp_path).numbers[".", "val", "randomisation", "grad_cam", ""].array()
    np.testing.assert_allclose(found[1], 1, atol=1e-6)


def test_ground_truth_is_measured_map_by_map(tmp_path: Path) -> None:
    boxes: list[Any] = [[(0, 0, 0.5, 0.5)], None, [(0.5, 0, 1, 1)], [(0, 0, 1, 1)], None]
    add_gradcam(
        tmp_path, "val", PICTURES, MAPS[0], 0, boxes=boxes, boxes_in="fractions",
        measures=["energy_inside", "pointing_game", "iou"], on_error="raise",
    )  # fmt: skip
    found = {key[2]: series.array()[0] for key, series in read_gradcam(tmp_path).numbers.items()}
    assert found["energy_inside"][3] == pytest.approx(1)
    assert np.isnan(found["iou"]).tolist() == [False, True, False, False, True]


def test_numbers_of_the_users_own_are_of_their_maps(tmp_path: Path) -> None:
    both = np.stack([MAPS[0], MAPS[1]], axis=1)
    add_gradcam(
        tmp_path, "val", PICTURES, {"a": both, "b": both}, 0, targets=[[0, 1]] * 5,
        measures={"faith": {"a": np.arange(10).reshape(5, 2)}, "other": {"a": np.ones((5, 2)), "b": np.zeros((5, 2))}},
    )  # fmt: skip
    log = read_gradcam(tmp_path)
    assert log.numbers[".", "val", "faith", "grad_cam", "a"].array().tolist() == [list(range(10))]
    assert {key[2:] for key in log.numbers} == {
        ("faith", "grad_cam", "a"),
        ("other", "grad_cam", "a"),
        ("other", "grad_cam", "b"),
    }


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        ("gain", r"measures of maps alone \(randomisation, .*\), got 'gain', which runs the model"),
        ("gane", "expected a measure such as gain"),
        ({"x": [1, 2]}, r"measures\['x'\] of shape \(5,\), got \(2,\)"),
        ({"x": {"layer9": [1] * 5}}, "measures of the maps that are passed"),
    ],
)
def test_measures_that_do_not_fit_are_told(tmp_path: Path, measures: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        add_gradcam(tmp_path, "val", PICTURES, MAPS[0], 0, measures=measures)


def test_a_cam_brings_its_measures_and_lacks_those_it_was_not_made_with(tmp_path: Path) -> None:
    model = network().eval()
    with GradCAMLogger(tmp_path, CAM(model, "1", measures=("gain_head", "steadiness"))) as logger:
        logger.log("val", IMAGES, 0)
    assert {key[2] for key in read_gradcam(tmp_path).numbers} == {"gain_head", "gain_head_logits", "steadiness"}
    with pytest.raises(ValueError, match=r"expected the CAM to be made with measures=\['gain'\]"):
        GradCAMLogger(tmp_path, CAM(model, "1"), measures=("gain", "steadiness", "concentration"))


def test_why_numbers_are_missing_stands_in_the_steps_notes(tmp_path: Path) -> None:
    with GradCAMLogger(
        tmp_path, network().eval(), layers="1", measures="gain_head_own", batch_size=2, on_error="raise"
    ) as logger:
        logger.log("val", IMAGES, 0)
    (moment,) = read_gradcam(tmp_path).predictions[".", "val"].moments
    (note,) = [text for text in moment.record.stamp.notes if "gain_head_own of grad_cam" in text]
    assert "no value for 2 of 2 maps" in note
    assert note.endswith("(in 3 batches)")


def test_merged_and_capped_batches_keep_each_maps_number(tmp_path: Path) -> None:
    model = network().eval()
    cam = CAM(model, "1", measures="class_sensitivity")
    with GradCAMLogger(tmp_path) as logger:
        for start in (0, 2):
            part = IMAGES[start : start + 3] if start else IMAGES[:2]
            logger.add("val", part, cam(part), 0, max_samples=4)
    series = read_gradcam(tmp_path).numbers[".", "val", "class_sensitivity", "grad_cam", "1"]
    all_of_them = cam(IMAGES).measures["class_sensitivity"]["grad_cam", "1"].numpy()
    assert all(np.isclose(all_of_them, value, atol=1e-5).any() for value in series.array()[0])
    assert series.array().shape == (1, 4)
