"""`add_gradcam` through real event files: what is written is what TensorBoard reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorboardX
from torch.utils import tensorboard as torch_tensorboard

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.writer import prepare_samples
from tests.writer.logs import ReadLog

NAMES = ("cat", "dog", "fox")
KEY = ("val", "grad_cam", "layer4")


@contextmanager
def torch_writer(directory: Path) -> Iterator[Any]:
    with torch_tensorboard.SummaryWriter(str(directory)) as writer:
        yield writer


@contextmanager
def x_writer(directory: Path) -> Iterator[Any]:
    with tensorboardX.SummaryWriter(str(directory)) as writer:
        yield writer


@contextmanager
def no_writer(directory: Path) -> Iterator[Any]:
    yield directory


WRITERS = [torch_writer, x_writer, no_writer]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def pictures(random: np.random.Generator, count: int, size: int = 32) -> np.ndarray[Any, Any]:
    return random.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("open_writer", WRITERS)
def test_what_is_logged_is_read_back(open_writer: Any, tmp_path: Path, random: np.random.Generator) -> None:
    images = pictures(random, 4)
    labels = [0, 1, 2, -1]
    boxes = [[(0, 8, 16, 32)], [], None, [(1, 2, 3, 4), (5, 6, 7, 8)]]
    maps = {step: random.normal(0, 5, (4, 7, 7)).astype(np.float32) for step in (10, 20)}
    outputs = {step: random.normal(0, 2, (4, 3)) for step in maps}
    with open_writer(tmp_path) as writer:
        for step in maps:
            add_gradcam(
                writer, "val", images, maps[step], step, layer="layer4", outputs=outputs[step], labels=labels,
                boxes=boxes, ids=["a", "b", "c", "d"], captions=["w", "x", "y", "z"], class_names=NAMES, top_k=2,
                targets=[2, 1, 0, 1],
            )  # fmt: skip
    log = ReadLog(tmp_path)

    assert log.records == {"image": 4, "cohort": 1, "predictions": 2, "maps": 2}
    (cohort,) = log.cohorts.values()
    assert cohort.class_names == NAMES
    for index, sample in enumerate(cohort.samples):
        np.testing.assert_array_equal(log.images[sample.image], images[index])
        assert (sample.width, sample.height) == (32, 32)
    assert [sample.label for sample in cohort.samples] == [0, 1, 2, None]
    assert [sample.id + sample.caption for sample in cohort.samples] == ["aw", "bx", "cy", "dz"]
    assert cohort.samples[0].boxes == ((0, 0.25, 0.5, 1),)
    assert [len(sample.boxes) for sample in cohort.samples] == [1, 0, 0, 2]

    assert set(log.maps) == {KEY}
    for step, raw in maps.items():
        (block,) = log.maps[KEY][step].blocks
        assert block.values.dtype == np.uint8
        spread = (raw.max((1, 2)) - raw.min((1, 2)))[:, None, None]
        assert (np.abs(block.dequantised() - raw) <= spread / 510 * 1.0001).all()
        assert block.targets is not None
        assert block.targets.tolist() == [2, 1, 0, 1]

        exp = np.exp(outputs[step])
        probabilities = exp / exp.sum(1, keepdims=True)
        said = log.predictions["val"][step]
        assert said.prediction is not None
        assert said.label_probability is not None
        np.testing.assert_array_equal(said.prediction, outputs[step].argmax(1))
        np.testing.assert_allclose(said.probability, probabilities.max(1), rtol=1e-5)
        np.testing.assert_allclose(said.label_probability[:3], probabilities[[0, 1, 2], labels[:3]], rtol=1e-5)
        assert np.isnan(said.label_probability[3])
        np.testing.assert_array_equal(said.top_classes, np.argsort(-outputs[step], 1)[:, :2])
        assert said.stamp.cohort in log.cohorts


@pytest.mark.parametrize("open_writer", WRITERS)
def test_a_picture_is_stored_once(open_writer: Any, tmp_path: Path, random: np.random.Generator) -> None:
    images = pictures(random, 3)
    with open_writer(tmp_path) as writer:
        for tag in ("val", "train/hard"):
            for step in range(100, 105):
                add_gradcam(writer, tag, images, random.random((3, 7, 7)), step)
        add_gradcam(writer, "twins", images[[0, 0, 1]], random.random((3, 7, 7)), 100)
    log = ReadLog(tmp_path)
    assert len(log.images) == 3
    assert log.records["image"] == 3
    assert log.records["cohort"] == 2  # of the same three samples in both tags, and of the twins
    assert {tag for tag, _, _ in log.maps} == {"val", "train/hard", "twins"}
    assert sorted(log.maps["val", "grad_cam", ""]) == [100, 101, 102, 103, 104]
    assert log.blob_steps == {0}  # a resumed run's `purge_step` would drop later ones


@pytest.mark.parametrize("open_writer", WRITERS)
def test_a_step_of_16_samples_costs_at_most_100_bytes_a_sample(
    open_writer: Any, tmp_path: Path, random: np.random.Generator
) -> None:
    images = pictures(random, 16, 224)
    sizes = []
    with open_writer(tmp_path) as writer:
        for step in range(0, 2000, 100):
            maps = np.maximum(random.normal(0, 1, (16, 7, 7)), 0).astype(np.float32)
            outputs = random.normal(0, 3, (16, 10)).astype(np.float32)
            add_gradcam(
                writer, "validation", images, maps, step, layer="layer4.2.conv3", outputs=outputs,
                labels=np.arange(16) % 10, targets=outputs.argmax(1), scores=outputs.max(1),
            )  # fmt: skip
            sizes.append(sum(file.stat().st_size for file in tmp_path.rglob("*tfevents*")))
    assert sizes[0] > 16 * 100_000  # the pictures, which noise doesn't compress
    assert np.diff(sizes).max() <= 16 * 100


def test_floating_point_precision_keeps_values(tmp_path: Path, random: np.random.Generator) -> None:
    maps = random.normal(0, 1e4, (2, 5, 9)).astype(np.float32)
    add_gradcam(tmp_path, "val", None, maps, 1, precision="float32")
    (block,) = ReadLog(tmp_path).maps["val", "grad_cam", ""][1].blocks
    np.testing.assert_array_equal(block.dequantised(), maps)


def test_methods_logged_by_several_calls_stand_at_one_step(tmp_path: Path, random: np.random.Generator) -> None:
    samples = prepare_samples(pictures(random, 2), labels=[0, 1])
    for method in ("grad_cam", "hires_cam"):
        add_gradcam(tmp_path, "val", samples, random.random((2, 7, 7)), 3, method=method, layer="layer4")
    log = ReadLog(tmp_path)
    assert set(log.maps) == {("val", "grad_cam", "layer4"), ("val", "hires_cam", "layer4")}
    assert log.records["image"] == 2
    assert log.records["cohort"] == 1


def test_normalized_images_are_undone_or_refused(tmp_path: Path, random: np.random.Generator) -> None:
    images = pictures(random, 2)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    normalized = ((images / 255 - mean) / std).astype(np.float32)
    with pytest.raises(ValueError, match="normalized"):
        add_gradcam(tmp_path, "val", normalized, random.random((2, 7, 7)), 0)
    add_gradcam(tmp_path, "val", normalized, random.random((2, 7, 7)), 0, mean=mean, std=std)
    log = ReadLog(tmp_path)
    (cohort,) = log.cohorts.values()
    for sample, image in zip(cohort.samples, images, strict=True):
        np.testing.assert_array_equal(log.images[sample.image], image)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"labels": [0]}, "labels"),
        ({"ids": ["a"]}, "2 ids"),
        ({"boxes": [[(0, 0, 1)], None]}, "boxes"),
        ({"precision": "int4"}, "precision"),
        ({"image_format": "gif"}, "image_format"),
        ({"global_step": -1}, "global_step"),
        ({"tag": ""}, "tag"),
        ({"maps": np.zeros((3, 7, 7))}, "3"),
        ({"outputs": np.zeros((3, 5))}, r"outputs of 2 samples.*got shape \(3, 5\)"),
        ({"outputs": {"embedding": np.zeros((2, 5))}}, "outputs of 2 samples.*the keys .'embedding'"),
        ({"outputs": [{"boxes": [], "labels": [], "scores": []}]}, "outputs of 2 samples.*got list of 1"),
    ],
)
def test_wrong_arguments_are_told_and_nothing_is_written(
    arguments: dict[str, Any], words: str, tmp_path: Path, random: np.random.Generator
) -> None:
    right = {"tag": "val", "images": pictures(random, 2), "maps": random.random((2, 7, 7)), "global_step": 0}
    with pytest.raises(ValueError, match=words):
        add_gradcam(tmp_path / "log", **(right | arguments))
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    "outputs",
    [
        np.array([[1.0, 3.0], [2.0, 0.0]]),
        [[1.0, 3.0], [2.0, 0.0]],
        ([1.0, 3.0], [2.0, 0.0]),
        [np.array([1.0, 3.0]), np.array([2.0, 0.0])],
        {"logits": np.array([[1.0, 3.0], [2.0, 0.0]])},
        [2.0, -2.0],
    ],
)
def test_outputs_are_read_from_arrays_and_from_lists(outputs: Any, tmp_path: Path, random: np.random.Generator) -> None:
    add_gradcam(tmp_path, "val", pictures(random, 2), random.random((2, 7, 7)), 0, outputs=outputs)
    (series,) = read_gradcam(tmp_path).predictions.values()
    assert series.array("prediction").tolist() == [[1, 0]]
