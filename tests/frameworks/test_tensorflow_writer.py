"""`tf.summary` writers and the arrays of TensorFlow and JAX, with the real libraries, through both loaders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import GradCAMLogger, add_gradcam, read_gradcam
from tests.viewer.server import Server, tensorboard
from tests.writer import test_crashes

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("room", [0, 100])
def test_a_full_disk_is_an_error_at_the_call_also_where_tensorflow_writes(room: int, tmp_path: Path) -> None:
    """TensorBoard writes a directory's files through TensorFlow where it is installed."""
    test_crashes.test_a_full_disk_is_an_error_at_the_call_and_later_steps_are_written("directory", room, tmp_path)


def test_a_writer_of_tensorflow_says_at_each_call_that_it_has_failed(tmp_path: Path) -> None:
    """Its file may end in half a record, and it can't open another: nothing behind it would be read."""
    outcome = json.loads(test_crashes.run("full_disk", "tensorflow", tmp_path, 100))
    assert [int(step) for step in outcome] == list(range(20, 60))
    assert "File too large" in outcome["20"]
    assert "create a new writer" in outcome["59"]
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == list(range(20))


def test_an_unwritable_directory_is_an_error_at_the_call(tmp_path: Path) -> None:
    test_crashes.test_an_unwritable_directory_is_an_error_at_the_call(tmp_path)


@pytest.mark.parametrize("kind", ["tensorflow", "jax", "jax-bfloat16"])
def test_arrays_of_every_kind_are_read_back_through_both_loaders(kind: str, tmp_path: Path) -> None:
    """Images, maps, scores, labels and ground-truth masks as the library's own arrays; written by `tf.summary`."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (3, 12, 16, 3), dtype=np.uint8)
    maps, outputs = random.random((2, 3, 3, 4), dtype=np.float32), random.random((3, 5), dtype=np.float32)
    masks = np.arange(12 * 16).reshape(12, 16) % 5 == 0
    array = ARRAYS[kind]
    writer = tf.summary.create_file_writer(str(tmp_path / "run"))
    for step in range(2):
        with writer.as_default():
            tf.summary.scalar("loss", 1 / (step + 1), step)
        add_gradcam(
            writer,
            "val",
            array(images),
            {"deep": array(maps[step])},
            step,
            outputs=array(outputs),
            labels=array(np.array([0, 4, 2])),
            truth_masks=[array(masks)] * 3,
            precision="float32",
        )
    exact = 1e-6 if kind != "jax-bfloat16" else 1e-2
    log = read_gradcam(tmp_path)
    series = log.maps["run", "val", "grad_cam", "deep"]
    np.testing.assert_allclose(series.array(), maps, rtol=exact)
    cohort = series.moments[0].cohort
    assert cohort is not None
    for sample, image in zip(cohort.samples, images, strict=True):
        np.testing.assert_array_equal(log.image("run", sample.image), image)
        np.testing.assert_array_equal(sample.mask, masks)
    assert [sample.label for sample in cohort.samples] == [0, 4, 2]
    for load_fast in test_crashes.LOADERS:
        with tensorboard(tmp_path, load_fast) as server:
            server.wait(lambda server: len(steps(server)) == 2)
            header, arrays = server.get("maps", run="run", tag="val", method="grad_cam", layer="deep").packet
            np.testing.assert_allclose(arrays["values"].reshape(maps.shape), maps, rtol=exact)
            assert header["corrupt"] == []
            scalars = server.ask("/data/plugin/scalars/tags").json
            assert "loss" in scalars["run"]


@pytest.mark.parametrize("engine", ["torch", "keras"])
def test_the_logger_writes_through_a_writer_of_tensorflow(engine: str, tmp_path: Path) -> None:
    """In a training with `GradientTape`, and in one of torch; the user's scalars stand in the same file."""
    writer = tf.summary.create_file_writer(str(tmp_path / "run"))
    logger, photos = (
        GradCAMLogger(writer, MODELS[engine]()),
        np.random.default_rng(0).random((3, 12, 16, 3), np.float32),
    )
    inputs = photos if engine == "keras" else torch.tensor(photos).permute(0, 3, 1, 2)
    probe = logger.probe("val", inputs, labels=[0, 1, 0])
    for step in range(3):
        with writer.as_default(step):
            tf.summary.scalar("loss", step)
        assert probe.log(step)
    for load_fast in test_crashes.LOADERS:
        with tensorboard(tmp_path, load_fast) as server:
            server.wait(lambda server: predicted(server) == [0, 1, 2])
            assert server.ask("/data/plugin/scalars/tags").json["run"].keys() == {"loss"}


def predicted(server: Server) -> list[int]:
    answer = server.get("predictions", run="run", tag="val")
    return [] if answer.status == 404 else answer.packet[1]["steps"].tolist()


def _keras() -> Any:
    import keras

    from tensorboard_plugin_gradcam.integrations.keras import KerasCAM

    layers = keras.layers
    return KerasCAM(
        keras.Sequential([keras.Input((12, 16, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    )


MODELS = {
    "torch": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(560, 2)),
    "keras": _keras,
}


def steps(server: Server) -> list[int]:
    answer = server.get("maps", run="run", tag="val", method="grad_cam", layer="deep")
    return [] if answer.status == 404 else answer.packet[1]["steps"].tolist()


def _jax(array: Any, dtype: Any = None) -> Any:
    import jax.numpy as jnp

    is_float = array.dtype.kind == "f"
    return jnp.asarray(array, dtype=dtype if is_float else None)


ARRAYS = {
    "tensorflow": tf.constant,
    "jax": _jax,
    "jax-bfloat16": lambda array: _jax(array, "bfloat16"),
}
