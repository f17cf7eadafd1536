"""Two processes that train one model over gloo: what they log, and that their training stays as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.reader import GradCAMLog
from tests.writer import rank as program

ROOT = Path(__file__).resolve().parents[2]


def run_ranks(mode: str, folder: Path) -> tuple[list[dict[str, Any]], GradCAMLog]:
    """Run both ranks; return what each printed, and the log."""
    command = [sys.executable, "-m", "tests.writer.rank"]
    ranks = [
        subprocess.Popen(
            [*command, str(n), folder / "meeting", mode, folder / "log"], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for n in range(2)
    ]
    try:
        for process in ranks:
            _, problem = process.communicate(timeout=500)
            assert process.returncode == 0, problem
    finally:
        for process in ranks:
            process.kill()
    return [json.loads((folder / f"rank{n}.json").read_text()) for n in range(2)], read_gradcam(folder / "log")


@pytest.mark.parametrize("mode", ["gather", "runs", "full_disk"])
def test_two_ranks_log_and_no_training_changes(mode: str, tmp_path: Path) -> None:
    outcomes, log = run_ranks(mode, tmp_path)
    assert all(outcome["plain"] == outcome["logged"] for outcome in outcomes)
    if mode == "runs":
        check_runs(log, outcomes)
    else:
        check_gathered(log, outcomes, full_disk=mode == "full_disk")


def check_gathered(log: GradCAMLog, outcomes: list[dict[str, Any]], full_disk: bool) -> None:
    assert [bool(outcome["errors"]) for outcome in outcomes] == [full_disk, False]
    assert {run for run, *_ in log.maps} == {"."}
    probe, val = (log.maps[".", tag, "grad_cam", "0"] for tag in ("probe", "val"))
    assert probe.steps.tolist() == val.steps.tolist() == [0, 1, 2]  # nothing is lost, and all errors were rank 0's
    for series, of_rank_0 in ((probe, 3), (val, 4)):  # running statistics of BatchNorm differ between ranks
        expected = np.array(outcomes[0]["maps"][:of_rank_0] + outcomes[1]["maps"][of_rank_0:])
        span = expected.max((1, 2)) - expected.min((1, 2))
        assert (np.abs(series.array()[-1] - expected).max((1, 2)) <= span / 500).all()
        (cohort,) = {moment.cohort for moment in series}
        images = [log.image(".", sample.image) for sample in cohort.samples]
        np.testing.assert_array_equal(images, (program.IMAGES * 255).round().byte().permute(0, 2, 3, 1).numpy())
    assert log.predictions[".", "probe"].array("label_probability").shape == (len(probe), 7)


def check_runs(log: GradCAMLog, outcomes: list[dict[str, Any]]) -> None:
    assert {run for run, *_ in log.maps} == {"rank_0", "rank_1"}
    for rank, part in enumerate((slice(0, 4), slice(4, 7))):
        series = log.maps[f"rank_{rank}", "val", "grad_cam", "0"]
        assert series.steps.tolist() == [0, 1, 2]
        expected = np.array(outcomes[rank]["maps"])[part]
        np.testing.assert_allclose(series.array()[-1], expected, atol=np.ptp(expected) / 500)
        assert log.maps[f"rank_{rank}", "probe", "grad_cam", "0"].array().shape[:2] == (3, 7)
