"""How two runs differ, against plain loops over their arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam import compare_runs, read_gradcam
from tensorboard_plugin_gradcam.cli import main
from tests.marked import write_marked
from tests.viewer.eventlog import write_run


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log")
    write_marked(path)
    return path


def test_the_overlap_of_a_sample_is_what_both_maps_have_in_common(logdir: Path) -> None:
    found = compare_runs(logdir / "clean", logdir / "marked")
    log = read_gradcam(logdir)
    a, b = (log.maps[run, "val", "grad_cam", "layer4"].array()[-1] for run in ("clean", "marked"))
    expected = {
        f"photo {at}": sum(min(p / one.sum(), q / two.sum()) for p, q in zip(one.flat, two.flat, strict=True))
        for at, (one, two) in enumerate(zip(a, b, strict=True))
    }
    assert (found.runs, found.tag, found.layer, found.step) == (("clean", "marked"), "val", "layer4", 30)
    for sample in found.samples:
        assert sample.overlap == pytest.approx(expected[sample.sample], abs=1e-5)
        assert sample.predictions == (sample.label, sample.label)
    overlaps = [one.overlap for one in found.samples]
    assert overlaps == sorted(overlaps)
    dogs = [expected[f"photo {at}"] for at in range(1, 24, 2)]
    assert found.classes["dog"] == pytest.approx(np.mean(dogs), abs=1e-5)
    assert found.layers["layer3"] > 0.5 > found.classes["dog"]
    assert list(found.steps) == [0, 10, 20, 30]
    assert found.steps[10] > 0.5 > found.steps[20] - 0.1


def test_the_command_prints_tables_and_json_and_a_link(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(logdir / "clean"), str(logdir / "marked")]
    assert main(["compare", *runs, "--most", "3", "--step", "20"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("clean and marked, val/grad_cam/layer4, step 20: 24 samples, overlap ")
    assert out.count("photo ") == 3
    assert main(["compare", *runs, "--json", "--url", "page.html"]) == 0
    assert "p.gradcam.runs=clean%2Cmarked&p.gradcam.view=compare" in json.loads(capsys.readouterr().out)["link"]


def test_runs_that_can_not_be_compared_are_told(logdir: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "other", [30], layers=("layer4",))
    with pytest.raises(ValueError, match=r"expected samples that .* share, got none"):
        compare_runs(logdir / "clean", tmp_path / "other")
    with pytest.raises(ValueError, match="expected a step that both runs have, got 7; the nearest is"):
        compare_runs(logdir / "clean", logdir / "marked", step=7)
    with pytest.raises(ValueError, match="tag='nothing', got none"):
        compare_runs(logdir / "clean", logdir / "marked", tag="nothing")
    with pytest.raises(ValueError, match="the directory of one run, got one with 2"):
        compare_runs(logdir, logdir / "marked")
    with pytest.raises(ValueError, match="expected two runs"):
        compare_runs(logdir / "clean", logdir / "clean")
