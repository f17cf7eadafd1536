"""`read_gradcam`: what was logged comes back as arrays."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.records import NewerFormat, Series
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.writer.summaries import record_value

KEY = ("train", "val", "grad_cam", "layer4")
FLOATS = some.floats(-1e6, 1e6, width=32)


def images_of(count: int, size: int = 8) -> np.ndarray[Any, Any]:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@some.composite
def logged(draw: some.DrawFn) -> dict[str, Any]:
    """Draw a whole log: samples, and for each of several steps their maps and what was said of them."""
    count = draw(some.integers(1, 4))
    steps = sorted(draw(some.sets(some.integers(0, 2**40), min_size=1, max_size=4)))
    cells = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=5))
    texts = some.lists(some.text(max_size=5), min_size=count, max_size=count)

    def of_samples(dtype: str, elements: Any, *shape: int) -> Any:
        return draw(arrays.arrays(dtype, (len(steps), count, *shape), elements=elements))

    return {
        "steps": steps,
        "maps": of_samples("float32", FLOATS, *cells),
        "targets": of_samples("int32", some.integers(-1, 1000)),
        "scores": of_samples("float32", FLOATS),
        "outputs": of_samples("float32", some.floats(-30, 30, width=32), 3),
        "losses": of_samples("float32", some.floats(0, 1e6, width=32)),
        "precision": draw(some.sampled_from(["uint8", "float32"])),
        "epoch": draw(some.none() | some.integers(0, 1000).map(lambda n: n / 4)),
        "labels": draw(some.none() | arrays.arrays("int32", count, elements=some.integers(-1, 2))),
        "captions": draw(some.none() | texts),
        "ids": draw(some.none() | texts),
        "images": draw(some.none() | some.just(images_of(count))),
    }


@settings(max_examples=40, deadline=None)
@given(logged())
def test_every_log_comes_back(log: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for index, step in enumerate(log["steps"]):
            of_step = {name: log[name][index] for name in ("targets", "scores", "outputs", "losses")}
            same = {name: log[name] for name in ("precision", "epoch", "labels", "captions", "ids")}
            add_gradcam(
                f"{folder}/train", "val", log["images"], log["maps"][index], step, layer="layer4", **of_step, **same
            )
        found = read_gradcam(folder)
    assert found.problems == ()
    series, said = found.maps[KEY], found.predictions["train", "val"]
    assert series.steps.tolist() == said.steps.tolist() == log["steps"]
    assert {moment.epoch for moment in series} == {log["epoch"]}

    maps = log["maps"].astype(np.float64)
    span = maps.max(axis=(2, 3), keepdims=True) - maps.min(axis=(2, 3), keepdims=True)
    allowed = span / 510 * 1.001 + np.abs(maps) * 1e-6 if log["precision"] == "uint8" else 0
    assert (np.abs(series.array() - maps) <= allowed).all()
    np.testing.assert_array_equal(series.targets(), log["targets"])
    np.testing.assert_array_equal(series.scores(), log["scores"])

    np.testing.assert_array_equal(said.array("loss"), log["losses"])
    np.testing.assert_array_equal(said.array("prediction"), log["outputs"].argmax(2))
    scores = log["outputs"].astype(np.float64)
    probability = 1 / np.exp(scores - scores.max(2, keepdims=True)).sum(2)
    np.testing.assert_allclose(said.array("probability"), probability, rtol=1e-5)

    cohort = series.moments[0].cohort
    assert cohort is not None
    labels = [-1 if sample.label is None else sample.label for sample in cohort.samples]
    assert labels == (log["labels"].tolist() if log["labels"] is not None else [-1] * len(labels))
    assert [sample.caption for sample in cohort.samples] == (log["captions"] or [""] * len(labels))
    assert [sample.id for sample in cohort.samples] == (log["ids"] or [""] * len(labels))
    for sample, image in zip(cohort.samples, log["images"] if log["images"] is not None else (), strict=False):
        np.testing.assert_array_equal(found.image("train", sample.image), image)


def test_every_step_is_read_where_tensorboard_keeps_a_sample(tmp_path: Path) -> None:
    samples = np.zeros((1, 2, 2), np.uint8)
    for step in range(1500):
        add_gradcam(tmp_path, "val", samples, np.ones((1, 1, 1)), step)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == list(range(1500))


def test_a_lower_step_is_a_restart(tmp_path: Path) -> None:
    for value, steps in ((1, range(5)), (2, range(3, 4))):
        with SummaryWriter(str(tmp_path), filename_suffix=f".{value}") as writer:
            for step in steps:
                add_gradcam(writer, "val", None, np.full((1, 1, 1), value), step)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [0, 1, 2, 3]
    assert series.array().ravel().tolist() == [1, 1, 1, 2]


def test_runs_are_named_as_in_tensorboard(tmp_path: Path) -> None:
    for run in ("a", "a/b", "."):
        add_gradcam(tmp_path / run, "val", images_of(1), np.ones((1, 2, 2)), 0)
    assert {run for run, *_ in read_gradcam(tmp_path).maps} == {"a", "a/b", "."}


def test_metrics_are_a_data_frame(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    maps = np.zeros((2, 4, 4))
    maps[0, 0, 0] = 2.0  # within the box
    for step in (0, 7):
        add_gradcam(
            tmp_path, "val", images_of(2), maps, step, labels=[1, -1], losses=[0.5, 1.5], targets=[1, 2],
            boxes=[[(0, 0, 0.5, 0.5)], None], boxes_in="fractions", ids=["x", "y"], epoch=3,
        )  # fmt: skip
    frame = read_gradcam(tmp_path).metrics()
    assert len(frame) == 4
    row = frame[(frame.step == 7) & (frame["sample"] == 0)].iloc[0]
    assert (row.run, row.tag, row.method, row.id) == (".", "val", "grad_cam", "x")
    assert (row.label, row.target, row.loss, row.maximum, row.epoch) == (1, 1, 0.5, 2.0, 3.0)
    assert (row.entropy, row.coverage, row.pointing_game) == (0.0, 1 / 16, 1.0)
    flat = frame[frame["sample"] == 1]
    assert flat.entropy.isna().all()
    assert flat.loss.tolist() == [1.5, 1.5]


def test_damaged_records_are_left_out_and_told(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        add_gradcam(writer, "val", None, np.ones((1, 2, 2)), 1)
        value = record_value(Series("maps", "val", "grad_cam"), b"not a record")
        writer._get_file_writer().add_summary(_summary(value), 2)
    with pytest.warns(UserWarning, match="1 problem "):
        log = read_gradcam(tmp_path)
    assert len(log.problems) == 1
    assert "step 2" in log.problems[0]
    (series,) = log.maps.values()
    assert series.steps.tolist() == [1]


def test_two_writers_of_one_series_at_the_same_time_are_told(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as one, SummaryWriter(str(tmp_path), filename_suffix=".other") as other:
        for step in range(4):
            for writer in (one, other):
                add_gradcam(writer, "val", None, np.ones((1, 2, 2)), step, walltime=1e9 + step)
    with pytest.warns(UserWarning, match="two processes wrote it at the same time"):
        read_gradcam(tmp_path)


def test_a_log_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    message = pb.Series.FromString(Series("maps", "val", "grad_cam").to_bytes())
    message.version.major += 1
    value = record_value(Series("maps", "val", "grad_cam"), b"")
    value.metadata.plugin_data.content = message.SerializeToString()
    with SummaryWriter(str(tmp_path)) as writer:
        writer._get_file_writer().add_summary(_summary(value), 0)
    with pytest.raises(NewerFormat, match="update the package"):
        read_gradcam(tmp_path)


def test_no_directory_is_told_and_an_empty_one_is_an_empty_log(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_gradcam(tmp_path / "nowhere")
    assert read_gradcam(tmp_path).maps == {}


def test_steps_that_differ_in_shape_are_told(tmp_path: Path) -> None:
    add_gradcam(tmp_path, "val", None, np.ones((1, 2, 2)), 0)
    add_gradcam(tmp_path, "val", None, np.ones((1, 3, 3)), 1)
    (series,) = read_gradcam(tmp_path).maps.values()
    with pytest.raises(ValueError, match="one shape"):
        series.array()
    assert series[1].record.blocks[0].dequantised().shape == (1, 3, 3)


def test_reading_needs_no_torch_and_no_pandas(tmp_path: Path) -> None:
    add_gradcam(tmp_path, "val", images_of(1), np.ones((1, 2, 2)), 0)
    code = (
        "import sys; from tensorboard_plugin_gradcam import read_gradcam; print(len(read_gradcam(sys.argv[1]).maps));"
        "print({'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "set()"]


def _summary(value: Any) -> Any:
    from tensorboard.compat.proto import summary_pb2

    return summary_pb2.Summary(value=[value])


def test_samples_that_change_their_order_from_step_to_step_are_followed(tmp_path: Path) -> None:
    """A shuffled validation loader: each picture has its own map, prediction and target at every step."""
    images, random = images_of(6), np.random.default_rng(0)
    orders = [random.permutation(6)[:count] for count in (6, 6, 4)]
    for step, order in enumerate(orders):
        maps = np.stack([np.full((2, 2), 10 * step + index, np.float32) for index in order])
        add_gradcam(
            tmp_path / "train", "val", images[order], maps, step, layer="layer4", labels=order, predictions=order,
            probabilities=order / 10, targets=order, scores=order + 0.5, precision="float32",
        )  # fmt: skip
    log = read_gradcam(tmp_path)
    series, said = log.maps[KEY], log.predictions["train", "val"]
    first = orders[0]
    assert [sample.label for sample in series.samples] == first.tolist()
    assert len({sample.image for sample in series.samples}) == 6
    logged = np.array([[index in order for index in first] for order in orders])
    expected = np.where(logged, [10 * step + first for step in range(3)], np.nan)
    np.testing.assert_array_equal(series.array()[:, :, 0, 0], expected)
    np.testing.assert_array_equal(series.scores(), np.where(logged, first + 0.5, np.nan))
    np.testing.assert_array_equal(series.targets(), np.where(logged, first, -1))
    np.testing.assert_array_equal(said.array("prediction"), np.where(logged, first, -1))
    frame = log.metrics()
    assert len(frame) == 16
    assert (frame.groupby("identity").label.nunique() == 1).all()
    assert (frame.prediction == frame.label).all()


def test_predictions_of_maps_in_another_order_are_joined_by_sample(tmp_path: Path) -> None:
    """Maps that were added afterwards come from a loader of their own."""
    images, order = images_of(3), np.array([2, 0, 1])
    with SummaryWriter(str(tmp_path / "train")) as writer:
        for step in (0, 5):
            add_gradcam(writer, "val", images, np.ones((3, 2, 2)), step, labels=[0, 1, 2], predictions=[0, 1, 2])
    with SummaryWriter(str(tmp_path / "train"), filename_suffix=".later") as writer:
        add_gradcam(writer, "val", images[order], np.ones((3, 2, 2)), 0, method="layer_cam", labels=order)
    frame = read_gradcam(tmp_path).metrics()
    rows = frame[(frame.method == "layer_cam") & (frame.step == 0)]
    assert rows.label.tolist() == [2, 0, 1]
    assert rows.prediction.tolist() == [2, 0, 1]
