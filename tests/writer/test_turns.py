"""Whole data sets: no pictures, sums of every step, and the samples' own maps of the last ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.writer import turns

COUNT = 40
LABELS = np.arange(COUNT) % 2
IDS = [f"picture {index}" for index in range(COUNT)]
PLACE = (".", "val", "grad_cam", "layer4")


def maps(step: int) -> Any:
    found = np.random.default_rng(step).gamma(0.5, size=(COUNT, 7, 7)).astype(np.float32)
    found[1::2, 0, 0] += 5 * step
    return found


def log(folder: Path, step: int, keep_maps: int | None = 3) -> None:
    add_gradcam(
        str(folder), "val", None, maps(step), step, layer="layer4", labels=LABELS, ids=IDS, predictions=LABELS,
        keep_maps=keep_maps,
    )  # fmt: skip


def test_maps_of_the_last_steps_are_kept_and_sums_of_all(tmp_path: Path) -> None:
    for step in range(7):
        log(tmp_path, step)
    read = read_gradcam(tmp_path)
    assert read.problems == ()
    assert read.maps[PLACE].steps.tolist() == [4, 5, 6]
    assert read.sums[PLACE].steps.tolist() == list(range(7))
    spread = maps(5).max(axis=(1, 2)) - maps(5).min(axis=(1, 2))
    error = np.abs(read.maps[PLACE].array()[1] - maps(5)).max(axis=(1, 2))
    assert (error <= spread / 509).all()


def test_findings_of_a_whole_data_set_are_those_of_all_its_maps(tmp_path: Path) -> None:
    for step in range(7):
        log(tmp_path / "turns", step)
        log(tmp_path / "all", step, keep_maps=None)
    read = read_gradcam(tmp_path)
    of_all, of_turns = read.sources()
    assert (of_all.run, of_turns.run) == ("all", "turns")
    for mine, theirs in zip(of_all.summary.steps, of_turns.summary.steps, strict=True):
        for group, one in mine.groups.items():
            for name in one.__slots__:
                np.testing.assert_allclose(
                    getattr(one, name), getattr(theirs.groups[group], name), rtol=1e-6, atol=1e-7
                )
    found = {finding.run: finding for finding in read.findings() if finding.kind == "hot_spot"}
    assert found["all"].samples == found["turns"].samples
    assert len(found["turns"].samples) >= 15


def test_mean_and_square_are_those_of_the_attention(tmp_path: Path) -> None:
    log(tmp_path, 3)
    read = read_gradcam(tmp_path)
    (moment,), (own,) = read.sums[PLACE], read.maps[PLACE]
    shares = own.record.blocks[0].dequantised().reshape(COUNT, -1).clip(0)
    shares /= shares.sum(axis=1, keepdims=True)
    for row, members in enumerate((LABELS == 0, LABELS == 1, LABELS >= 0)):
        np.testing.assert_allclose(moment.record.mean[row], shares[members].mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(moment.record.square[row], (shares[members] ** 2).mean(axis=0), atol=1e-6)


def test_a_step_that_is_written_again_counts_once(tmp_path: Path) -> None:
    for step in (0, 1, 1, 2):
        log(tmp_path, step)
    read = read_gradcam(tmp_path)
    assert read.sums[PLACE].steps.tolist() == [0, 1, 2]
    moved = [float(moment.record.numbers[-1, 5]) for moment in read.sums[PLACE]]
    assert np.isnan(moved[0])
    assert min(moved[1:]) > 0.01  # since the step before, not since the same one


def test_a_training_that_goes_on_from_an_earlier_step_replaces_sums_and_maps(tmp_path: Path) -> None:
    for step in (*range(6), 3):
        log(tmp_path, step)
    read = read_gradcam(tmp_path)
    assert read.sums[PLACE].steps.tolist() == [0, 1, 2, 3]
    assert read.maps[PLACE].steps.tolist() == [3]  # those of 0 to 2 gave their turns to 3 to 5
    log(tmp_path, 4)
    assert read_gradcam(tmp_path).maps[PLACE].steps.tolist() == [3, 4]


@pytest.mark.parametrize(("limit", "steps"), [(COUNT - 1, [2, 3]), (COUNT, [0, 1, 2, 3])])
def test_large_steps_take_turns_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, steps: list[int]
) -> None:
    monkeypatch.setattr(turns, "WHOLE", limit)
    monkeypatch.setattr(turns, "KEPT", 2)
    for step in range(4):
        log(tmp_path, step, keep_maps=None)
    assert read_gradcam(tmp_path).maps[PLACE].steps.tolist() == steps


def test_volumes_are_kept_of_all_steps(tmp_path: Path) -> None:
    for step in range(3):
        add_gradcam(str(tmp_path), "val", None, np.ones((2, 3, 4, 4)), step, keep_maps=1)
    read = read_gradcam(tmp_path)
    assert read.maps[".", "val", "grad_cam", ""].steps.tolist() == [0, 1, 2]
    assert not read.sums


def test_a_number_of_steps_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep_maps"):
        log(tmp_path, 0, keep_maps=0)


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    return torch.nn.Sequential(*layers, torch.nn.Linear(4, 2)).eval()


def validate(folder: Path, model: torch.nn.Module, **known: Any) -> None:
    images = torch.rand(6, 3, 80, 40)
    cam = CAM(model, "1")
    with GradCAMLogger(str(folder), model, on_error="raise") as logger:
        for step in range(2):
            for part in (slice(0, 4), slice(4, 6)):
                ids = [f"{index}.png" for index in range(6)[part]]
                logger.add("val", images[part], cam(images[part]), step, labels=[0] * len(ids), ids=ids, **known)


def test_without_images_no_pictures_are_stored(tmp_path: Path, model: torch.nn.Module) -> None:
    validate(tmp_path, model, images=None)
    read = read_gradcam(tmp_path)
    assert read.files == {}
    (series,) = read.maps.values()
    assert [sample.id for sample in series.samples] == [f"{index}.png" for index in range(6)]
    assert {sample.image for sample in series.samples} == {""}
    assert series.steps.tolist() == [0, 1]


def test_thumbnails_are_small_pictures_of_the_inputs(tmp_path: Path, model: torch.nn.Module) -> None:
    validate(tmp_path, model, images=None, thumbnails=64)
    read = read_gradcam(tmp_path)
    (series,) = read.maps.values()
    assert {read.image(".", sample.image).shape for sample in series.samples} == {(64, 32, 3)}
    assert {bytes(file[:2]) for file in read.files.values()} == {b"\xff\xd8"}  # JPEG


@pytest.mark.parametrize("known", [{"thumbnails": 65, "images": None}, {"thumbnails": 32}])
def test_thumbnails_are_small_and_in_place_of_pictures(tmp_path: Path, model: torch.nn.Module, known: Any) -> None:
    with pytest.raises(ValueError, match="expected thumbnails of at most 64 pixels with images=None"):
        validate(tmp_path, model, **known)
