"""Logs of earlier versions, kept as they were written: every later version reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam import read_gradcam
from tests.golden.write import MEASURES, numbers_of, pictures, ramp
from tests.viewer.server import tensorboard

GOLDEN = Path(__file__).parent / "golden"


VERSIONS = ("format-1.0", "format-1.1")
BOTH = {"val", "signed", "rgb", "several", "large", "volume", "broken"}
LATER = {"trained", "shuffled", "kinds", "sets", "values", "measured", "summed"}


@pytest.mark.parametrize("version", VERSIONS)
def test_logs_of_all_formats_are_read(version: str) -> None:
    log = read_gradcam(GOLDEN / version)
    assert log.problems == ()
    assert {tag for _, tag, _, _ in log.maps} == BOTH | (LATER if version == "format-1.1" else set())

    series, said = log.maps[".", "val", "grad_cam", "layer4"], log.predictions[".", "val"]
    assert series.steps.tolist() == [0, 10]
    assert series.epochs.tolist() == [0, 2.5]
    assert series.wall_times.tolist() == [1.7e9, 1.7e9 + 10]
    np.testing.assert_allclose(series.array(), [ramp(3, 2, 3), ramp(3, 2, 3, start=10)], atol=2.5 / 510)
    assert series.targets().tolist() == [[1, 0, 0]] * 2
    assert series.scores().tolist() == [[1.5, 2.5, -1]] * 2
    assert said.array("prediction").tolist() == [[1, 0, 0]] * 2
    assert said.array("probability").tolist() == [[0.75, 1, 0.5]] * 2
    assert said.array("label_probability")[0, :2].tolist() == [0.75, 1]
    assert said.array("top_classes").tolist() == [[[1, 0], [0, 1], [0, 1]]] * 2
    assert said.array("loss").tolist() == [[0.5, 0, 2]] * 2

    cohort = series[0].cohort
    assert cohort is not None
    assert cohort.class_names == ("cat", "dog")
    assert [(s.label, s.id, s.caption) for s in cohort.samples] == [(1, "a", "one"), (0, "b", ""), (None, "c", "é")]
    assert cohort.samples[0].boxes == ((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1))
    assert cohort.samples[1].mask is not None
    assert cohort.samples[1].mask.tolist() == [[0, 1], [0, 0]]
    np.testing.assert_array_equal([log.image(".", s.image) for s in cohort.samples], pictures())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_kinds_of_maps_are_read(version: str) -> None:
    maps = {tag: series for (_, tag, _, _), series in read_gradcam(GOLDEN / version).maps.items()}
    assert [maps[tag].kind for tag in ("signed", "rgb", "val")] == ["signed", "rgb", "positive"]
    np.testing.assert_array_equal(maps["signed"].array()[0], ramp(3, 2, 2, start=-4))
    np.testing.assert_array_equal(maps["rgb"].array()[0], ramp(3, 2, 2, 3, start=-4))
    (block,) = maps["several"][0].record.blocks
    assert block.sample_indices.tolist() == [0, 0, 1, 1, 2, 2]
    assert block.names == ("x", "y") * 3
    np.testing.assert_allclose(maps["large"].array()[0, 2], ramp(40, 40), atol=800 / 510)
    np.testing.assert_allclose(maps["volume"].array()[0], ramp(3, 2, 2, 2), atol=3.5 / 509)
    volume = maps["volume"][0].cohort
    assert volume is not None
    assert [len(sample.slices) for sample in volume.samples] == [2, 2, 2]
    (broken,) = maps["broken"][0].record.blocks
    assert broken.non_finite is not None
    assert broken.non_finite.tolist() == [1, 0, 0]


def test_what_format_1_1_added_is_read() -> None:
    log = read_gradcam(GOLDEN / "format-1.1")
    steps = {key[2]: series.steps.tolist() for key, series in log.maps.items() if key[1] == "trained"}
    assert steps == {"grad_cam": [0, 10, 20, 30, 35], "layer_cam": [5, 20]}
    said = log.predictions[".", "trained"]
    assert said.steps.tolist() == [0, 5, 10, 20, 30, 35]
    assert said.array("prediction")[:, 0].tolist() == [0, 2, 0, 2, 1, 1]
    assert [(one.first, one.last, one.steps) for one in said.replaced] == [(30, 40, 2)]
    numbers = log.numbers[".", "trained", "sureness", "", ""]
    np.testing.assert_array_equal(numbers.array(), [[step, np.nan, -step] for step in range(0, 50, 10)])
    shuffled = log.maps[".", "shuffled", "grad_cam", ""]
    assert [sample.id for sample in shuffled.samples] == ["a", "b", "c"]
    np.testing.assert_allclose(shuffled.array(), [ramp(3, 2, 2)] * 2, atol=1.5 / 509)
    assert {key[2]: series.kind for key, series in log.maps.items() if key[1] == "kinds"} == {
        "ig": "signed", "ig (rgb)": "rgb",
    }  # fmt: skip
    sets, values = (log.predictions[".", tag] for tag in ("sets", "values"))
    assert [sample.labels for sample in sets.samples] == [(0, 2), (), (1,)]
    assert sets.array("set_classes")[0, 0].tolist() == [0, 2, 1]
    assert (sets[0].record.task, values[0].record.task) == ("multilabel", "regression")
    assert values.array("values").tolist() == [[[1], [2], [3]]]
    assert [sample.values for sample in values.samples] == [(0.5,), (1.5,), (2.5,)]


def test_numbers_of_each_method_and_layer_are_read_beside_their_maps() -> None:
    log = read_gradcam(GOLDEN / "format-1.1")
    measured = {key[2:]: series for key, series in log.numbers.items() if key[1] == "measured"}
    places = {("grad_cam", "b"), ("layer_cam", "a")}
    assert set(measured) == {(name, *place) for name in MEASURES for place in places}
    for (name, method, layer), series in measured.items():
        assert series.steps.tolist() == [0, 10]
        assert series.targets().tolist() == [[1, 0] * 3] * 2
        expected = [numbers_of(method, layer, name, step).reshape(-1) for step in (0, 10)]
        np.testing.assert_array_equal(series.array(), expected)
    maps = {key[2:]: series for key, series in log.maps.items() if key[1] == "measured"}
    assert set(maps) == places
    assert all(series.steps.tolist() == [0, 10] for series in maps.values())


def test_sums_stay_where_the_maps_of_a_step_are_gone() -> None:
    log = read_gradcam(GOLDEN / "format-1.1")
    assert log.maps[".", "summed", "grad_cam", "a"].steps.tolist() == [10]
    sums = log.sums[".", "summed", "grad_cam", "a"]
    assert sums.steps.tolist() == [0, 10]
    (first, last) = (moment.record for moment in sums.moments)
    assert first.classes.tolist() == last.classes.tolist() == [-1]  # of all samples: the classes have too few
    assert first.count.tolist() == [3]
    maps = ramp(3, 4)
    np.testing.assert_allclose(first.mean[0], (maps / maps.sum(axis=1, keepdims=True)).mean(axis=0), rtol=1e-2)
    assert last.numbers[0, :3].tolist() == pytest.approx([2 / 3, 0.5, 2])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("load_fast", ["true", "false"])
def test_logs_of_all_formats_are_shown(load_fast: str, version: str) -> None:
    with tensorboard(GOLDEN / version, load_fast) as server:
        server.wait(lambda server: len(server.get("series").json["runs"]) == 1)
        (run,) = server.get("series").json["runs"]
        assert all(tag["problem"] is None for tag in run["tags"])
        for tag in run["tags"]:
            for maps in tag["maps"]:
                answer = server.get("maps", run=".", tag=tag["tag"], method=maps["method"], layer=maps["layer"])
                assert answer.packet[0]["corrupt"] == []
