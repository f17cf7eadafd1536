"""The demo: a smaller real training of both runs, and what their logs say about the planted mark."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Maps
from tests.writer.logs import ReadLog

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "demo" / "train.py"
STEPS = 100


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReadLog]:
    """The logs of both runs, by the command that `make demo` runs where CI is set."""
    directory = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(SCRIPT), "--logdir", str(directory), "--steps", str(STEPS), "--every", "20"]
    subprocess.run([*command, "--cells", "16"], check=True, env=os.environ | {"CI": "1"}, cwd=ROOT)
    return {run: ReadLog(directory / run) for run in ("clean", "shortcut")}


def maps_at(log: ReadLog, step: int) -> Maps:
    (steps,) = log.maps.values()
    return steps[step]


def inside_boxes(log: ReadLog, step: int) -> tuple[float, float]:
    """Return the mean share of the rectified maps' sum inside the boxes, and the boxes' mean share of the area."""
    (block,) = maps_at(log, step).blocks
    (cohort,) = log.cohorts.values()
    energies, areas = [], []
    for index, values in zip(block.sample_indices, np.maximum(block.dequantised(), 0), strict=True):
        sample = cohort.samples[index]
        (x0, y0, x1, y1) = sample.boxes[0]
        full = np.maximum(cv2.resize(values, (sample.width, sample.height)), 0)
        rows = slice(round(y0 * sample.height), round(y1 * sample.height))
        columns = slice(round(x0 * sample.width), round(x1 * sample.width))
        energies.append(full[rows, columns].sum() / max(float(full.sum()), 1e-12))
        areas.append((x1 - x0) * (y1 - y0))
    return float(np.mean(energies)), float(np.mean(areas))


def test_the_network_with_the_shortcut_looks_at_the_mark(logs: dict[str, ReadLog]) -> None:
    shortcut, area = inside_boxes(logs["shortcut"], STEPS)
    clean, _ = inside_boxes(logs["clean"], STEPS)
    assert 0.01 < area < 0.05
    assert shortcut >= 3 * area
    assert shortcut >= 2 * clean


def test_both_runs_explain_the_same_marked_pictures(logs: dict[str, ReadLog]) -> None:
    clean, shortcut = logs["clean"], logs["shortcut"]
    assert set(clean.images) == set(shortcut.images)
    assert set(clean.cohorts) == set(shortcut.cohorts)
    (cohort,) = clean.cohorts.values()
    assert cohort.class_names == ("functional", "defective")
    assert [sample.label for sample in cohort.samples] == [0] * 8 + [1] * 8
    for sample in cohort.samples:
        x0, y0, x1, y1 = (round(edge * sample.width) for edge in sample.boxes[0])
        assert (clean.images[sample.image][y0:y1, x0:x1] == 255).all()


def test_everything_else_that_people_log_is_there(logs: dict[str, ReadLog]) -> None:
    for log in logs.values():
        tags: dict[str, Any] = log.events.Tags()
        assert {"loss/training", "accuracy/training", "accuracy/validation"} <= set(tags["scalars"])
        assert len(log.events.Scalars("loss/training")) == STEPS
        assert len(tags["histograms"]) > 10
        assert tags["graph"]
        assert sorted(log.predictions["validation"]) == [20, 40, 60, 80, 100]


def test_no_cell_is_in_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import train

    parts = [{image.numpy().tobytes() for image in cells.images} for cells in train.load_cells()]
    assert not parts[0] & parts[1]
    assert len(parts[1]) > 300
    assert len(parts[0]) > 3 * len(parts[1])


def test_sigterm_stops_the_training_and_tensorboard(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--logdir", str(tmp_path), "--steps", "100000", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        address = next(line for line in demo.stdout if "http://" in line)
        port = int(address.split("localhost:")[1].split("/")[0])
        demo.send_signal(signal.SIGTERM)
        assert demo.wait() == 143
    with socket.socket() as caller:
        assert caller.connect_ex(("localhost", port)) != 0
