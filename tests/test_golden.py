"""Logs of earlier versions, kept as they were written: every later version reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam import read_gradcam
from tests.golden.write import pictures, ramp
from tests.viewer.server import tensorboard

GOLDEN = Path(__file__).parent / "golden"


def test_the_log_of_format_1_0_is_read() -> None:
    log = read_gradcam(GOLDEN / "format-1.0")
    assert log.problems == ()
    assert {tag for _, tag, _, _ in log.maps} == {"val", "signed", "rgb", "several", "large", "volume", "broken"}

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


def test_the_kinds_of_maps_of_format_1_0_are_read() -> None:
    maps = {tag: series for (_, tag, _, _), series in read_gradcam(GOLDEN / "format-1.0").maps.items()}
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


@pytest.mark.parametrize("load_fast", ["true", "false"])
def test_the_log_of_format_1_0_is_shown(load_fast: str) -> None:
    with tensorboard(GOLDEN / "format-1.0", load_fast) as server:
        server.wait(lambda server: len(server.get("series").json["runs"]) == 1)
        (run,) = server.get("series").json["runs"]
        assert all(tag["problem"] is None for tag in run["tags"])
        for tag in run["tags"]:
            for maps in tag["maps"]:
                answer = server.get("maps", run=".", tag=tag["tag"], method=maps["method"], layer=maps["layer"])
                assert answer.packet[0]["corrupt"] == []
