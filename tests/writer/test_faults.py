"""A training is never ended: errors of ours are warnings and notes, and what can be shown is logged."""

from __future__ import annotations

import gc
import logging
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.faults import Faults, GradCAMWarning
from tensorboard_plugin_gradcam.reader import GradCAMLog

IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


def notes_of(log: GradCAMLog) -> list[str]:
    (said,) = log.predictions.values()
    return list(said.moments[-1].record.stamp.notes)


BAD_LABELS: dict[str, tuple[Any, list[int | None]]] = {
    "too large": (torch.tensor([2**31, 1, 2, 0]), [None, 1, 2, 0]),
    "negative": ([-5, 1, -1, 0], [None, 1, None, 0]),
    "not a number": (torch.tensor([float("nan"), 1, 2, 0]), [None, 1, 2, 0]),
    "fractions": (torch.tensor([0.5, 1, 2, 0.25]), [None, 1, 2, None]),
    "texts": (["cat", "dog", "cat", "dog"], [None] * 4),
    "too few": ([0, 1], [None] * 4),
    "too many axes": (torch.zeros(4, 2, 2), [None] * 4),
    "an object": (object(), [None] * 4),
    "mappings": ([{"a": 1}] * 4, [None] * 4),
    "some missing": ([0, None, 2, "x"], [0, None, 2, None]),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_labels_that_are_none_are_left_out_and_the_rest_is_logged(kind: str, model: nn.Module, tmp_path: Path) -> None:
    labels, expected = BAD_LABELS[kind]
    with GradCAMLogger(tmp_path, model) as logger:
        result = CAM(model)(IMAGES)
        with pytest.warns(GradCAMWarning, match="labels"):
            logger.add("val", IMAGES, result, 7, labels=labels)
    log = read_gradcam(tmp_path)
    (series,) = log.maps.values()
    cohort = series[7].cohort
    assert cohort is not None
    assert [sample.label for sample in cohort.samples] == expected
    assert "labels" in notes_of(log)[0]
    with pytest.raises((ValueError, TypeError)):
        GradCAMLogger(tmp_path, model).probe("val", IMAGES, labels=labels)
    with pytest.raises((ValueError, TypeError)):
        add_gradcam(tmp_path, "val", IMAGES, np.ones((4, 2, 2)), 0, labels=labels)


GOOD_LABELS: dict[str, tuple[Any, list[int]]] = {
    "(N, 1)": (torch.tensor([[0], [1], [2], [0]]), [0, 1, 2, 0]),
    "list of (1,)": ([torch.tensor([index]) for index in (0, 1, 2, 0)], [0, 1, 2, 0]),
    "list of scalars": ([torch.tensor(index) for index in (0, 1, 2, 0)], [0, 1, 2, 0]),
    "floats": (torch.tensor([0.0, 1.0, 1.0, 0.0]), [0, 1, 1, 0]),
    "bool": (torch.tensor([False, True, True, False]), [0, 1, 1, 0]),
    "bytes": (np.array([0, 1, 2, 0], np.uint8), [0, 1, 2, 0]),
    "one-hot": (torch.eye(3)[[0, 1, 2, 0]], [0, 1, 2, 0]),
    "soft": (torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [1, 0]]), [0, 1, 1, 0]),
    "names": (["a", "b", "c", "a"], [0, 1, 2, 0]),
    "names in an array": (np.array(["a", "b", "c", "a"]), [0, 1, 2, 0]),
}


@pytest.mark.parametrize("kind", GOOD_LABELS)
def test_labels_of_every_form_are_classes(kind: str, model: nn.Module, tmp_path: Path) -> None:
    labels, expected = GOOD_LABELS[kind]
    probe = GradCAMLogger(tmp_path, model, class_names=["a", "b", "c"]).probe("val", IMAGES, labels=labels)
    assert [sample.label for sample in probe.samples.records] == expected


def test_everything_that_can_not_be_read_is_left_out_in_words(model: nn.Module, tmp_path: Path) -> None:
    images = IMAGES.clone()
    images[2] = torch.nan
    shown = [*images]
    bad: dict[str, Any] = {"ids": [1], "captions": 3, "boxes": [[(0, 1)]] * 4, "truth_masks": [np.zeros(3)] * 4}
    with GradCAMLogger(tmp_path, model) as logger:
        result = CAM(model)(IMAGES)
        with pytest.warns(GradCAMWarning):
            logger.add("val", IMAGES, result, 3, images=shown, losses=[1, 2], **bad)
    log = read_gradcam(tmp_path)
    (series,) = log.maps.values()
    assert series.array().shape[:2] == (1, 4)
    cohort = series[3].cohort
    assert cohort is not None
    assert [bool(sample.image) for sample in cohort.samples] == [True, True, False, True]
    notes = notes_of(log)
    for word in ("ids", "captions", "boxes", "truth_masks", "losses", "pictures of 1 of 4 samples"):
        assert any(word in note for note in notes), (word, notes)


def test_a_failing_model_ends_no_training_and_is_noted(model: nn.Module, tmp_path: Path) -> None:
    with GradCAMLogger(tmp_path, model) as logger:
        probe = logger.probe("val", IMAGES)
        probe.log(0)
        good, model[0] = model[0], nn.Conv2d(7, 4, 3)
        with pytest.warns(GradCAMWarning, match="step 1 of 'val' not explained"):
            probe.log(1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            probe.log(2)  # the same cause is warned of once
        model[0] = good
        probe.log(3)
        with pytest.warns(GradCAMWarning, match="2 times"):
            logger.close()
    log = read_gradcam(tmp_path)
    assert [series.steps.tolist() for series in log.maps.values()] == [[0, 3]]
    (said,) = log.predictions.values()
    assert said.steps.tolist() == [0, 1, 2, 3]
    assert "4 samples left out" in said[1].record.stamp.notes[0]


@pytest.mark.parametrize("call", ["tag", "step", "other result", "unknown argument", "no result", "inputs"])
def test_calls_that_are_wrong_end_no_training(call: str, model: nn.Module, tmp_path: Path) -> None:
    result: Any = CAM(model)(IMAGES)
    calls: dict[str, Any] = {
        "tag": lambda logger: logger.add(None, IMAGES, result, 0),
        "step": lambda logger: logger.add("val", IMAGES, result, None),
        "other result": lambda logger: logger.add("val", IMAGES[:2], result, 0),
        "unknown argument": lambda logger: logger.add("val", IMAGES, result, 0, lables=[0, 1, 2, 0]),
        "no result": lambda logger: logger.add("val", IMAGES, {"maps": 3}, 0),
        "inputs": lambda logger: logger.log("val", "a text", 0),
    }
    with GradCAMLogger(tmp_path / "warned", model) as logger, pytest.warns(GradCAMWarning):
        calls[call](logger)
    if call != "other result":
        with GradCAMLogger(tmp_path / "raised", model, on_error="raise") as logger, pytest.raises(Exception):  # noqa: B017
            calls[call](logger)


def test_no_filter_turns_a_warning_into_an_error(
    model: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        with GradCAMLogger(tmp_path, model) as logger:
            logger.log("val", IMAGES, -3)
    assert "expected step from 0 to 2^53, got -3" in caplog.text


def test_a_warning_is_told_at_the_users_own_line(model: nn.Module, tmp_path: Path) -> None:
    with pytest.warns(GradCAMWarning) as found:
        GradCAMLogger(tmp_path, model).log("val", IMAGES, -1)
    assert [Path(str(one.filename)) for one in found] == [Path(__file__)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes(error: type[BaseException], model: nn.Module, tmp_path: Path) -> None:
    def interrupt(*_: Any) -> None:
        raise error

    handle = model[0].register_forward_hook(interrupt)
    probe = GradCAMLogger(tmp_path, model).probe("val", IMAGES)
    with pytest.raises(error):
        probe.log(0)
    handle.remove()
    assert probe.log(1)


STEPS: list[tuple[Any, str]] = [
    (0.25, "pass epoch="),
    (2**60, "2\\^53"),
    (-1, "-1"),
    (None, "None"),
    ("3", "whole number"),
    (True, "True"),
    (float("nan"), "nan"),
]


@pytest.mark.parametrize(("step", "words"), STEPS)
def test_a_step_is_a_whole_number(step: Any, words: str, model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        add_gradcam(tmp_path / "own", "val", IMAGES, np.ones((4, 2, 2)), step)
    with GradCAMLogger(tmp_path / "log", model) as logger:
        probe = logger.probe("probe", IMAGES)
        for index, call in enumerate((probe.log, lambda at: logger.log("log", IMAGES, at))):
            with pytest.warns(GradCAMWarning, match=words) if index == 0 else warnings.catch_warnings():
                call(step)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("step", [3, np.int64(3), torch.tensor(3), 3.0, np.array(3)])
def test_whole_numbers_of_every_library_are_steps(step: Any, tmp_path: Path) -> None:
    add_gradcam(tmp_path, "val", IMAGES, np.ones((4, 2, 2)), step)
    assert [series.steps.tolist() for series in read_gradcam(tmp_path).maps.values()] == [[3]]


def add_three(folder: Path, model: nn.Module) -> GradCAMLogger:
    cam, logger = CAM(model), GradCAMLogger(folder)
    for step in range(3):
        logger.add("val", IMAGES, cam(IMAGES), step)
    return logger


@pytest.mark.parametrize("how", ["out of scope", "closed", "in a cycle"])
def test_the_last_step_of_add_is_written_however_a_logger_ends(how: str, model: nn.Module, tmp_path: Path) -> None:
    logger: Any = add_three(tmp_path, model)
    if how == "closed":
        logger.close()
    if how == "in a cycle":
        logger.itself = logger
    del logger
    gc.collect()
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [0, 1, 2]


def test_the_last_step_of_add_is_written_at_the_end_of_the_process(tmp_path: Path) -> None:
    code = (
        "import sys, torch; from torch import nn; from tensorboard_plugin_gradcam import CAM, GradCAMLogger\n"
        "model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))\n"
        "logger = GradCAMLogger(sys.argv[1])\n"
        "x = torch.rand(2, 3, 8, 8)\n"
        "logger.add('val', x, CAM(model)(x), 5)\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=True)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [5]


def test_at_most_max_samples_are_kept_and_always_the_same(model: nn.Module, tmp_path: Path) -> None:
    images, cam = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(1)), CAM(model)
    chosen = []
    with GradCAMLogger(tmp_path, model) as logger:
        for step in range(3):
            order = torch.randperm(40, generator=torch.Generator().manual_seed(step))
            for part in order.split(8):
                logger.add("val", images[part], cam(images[part]), step, labels=part % 3, max_samples=10)
    log = read_gradcam(tmp_path)
    (series,) = log.maps.values()
    for moment in series:
        assert moment.cohort is not None
        (block,) = moment.record.blocks
        assert block.size == len(moment.cohort.samples) == 10
        chosen.append({sample.image for sample in moment.cohort.samples})
        for index, map_ in zip(block.sample_indices, block.dequantised(), strict=True):
            picture = torch.tensor(log.image(".", moment.cohort.samples[index].image)).permute(2, 0, 1) / 255
            (expected,) = (i for i, one in enumerate(images) if (one - picture).abs().max() < 0.01)
            own = cam(images[expected : expected + 1]).maps["grad_cam", series.layer][0].numpy()
            np.testing.assert_allclose(map_, own, atol=float(np.ptp(own)) / 400)
            assert moment.cohort.samples[index].label == expected % 3
    assert chosen[0] == chosen[1] == chosen[2]
    assert len(log.files) == 10


def test_add_gradcam_warns_of_a_storage_and_raises_for_arguments(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    arguments: tuple[Any, ...] = (tmp_path / "file" / "log", "val", IMAGES, np.ones((4, 2, 2)), 0)
    with pytest.warns(GradCAMWarning, match="could not be written"):
        add_gradcam(*arguments)
    with pytest.raises(OSError, match="file"):
        add_gradcam(*arguments, on_error="raise")


def test_what_a_storage_refused_add_gradcam_writes_at_its_next_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    maps = np.ones((4, 2, 2))
    for step in (0, 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            add_gradcam(tmp_path / "file" / "log", "val", IMAGES, maps * step, step)
    (tmp_path / "file").unlink()
    add_gradcam(tmp_path / "file" / "log", "val", IMAGES, maps * 2, 2)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [0, 1, 2]
    assert series.array()[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_a_directory_that_was_deleted_after_the_last_step_is_nothing_to_warn_of(
    model: nn.Module, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    logger = GradCAMLogger(tmp_path / "log", model)
    logger.log("val", IMAGES, 0)
    shutil.rmtree(tmp_path / "log")
    del logger
    gc.collect()
    assert [str(one.message) for one in recwarn if issubclass(one.category, GradCAMWarning)] == []


def test_causes_are_told_apart_by_their_words_and_not_their_numbers() -> None:
    faults = Faults()

    def fail(text: str) -> None:
        with faults.caught("here"):
            raise ValueError(text)

    with pytest.warns(GradCAMWarning) as found:
        [fail(text) for text in ("3 of 4", "5 of 6", "another")]
    assert len(found) == 2
    with pytest.raises(ValueError, match="on_error"):
        Faults("ignore")  # type: ignore[arg-type]
