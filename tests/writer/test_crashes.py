"""Nothing that was logged is lost: killed writers, full disks, resumed runs; read by both loaders of TensorBoard."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tests.viewer.server import Server, tensorboard

ROOT = Path(__file__).resolve().parents[2]
SERIES = {"tag": "val", "method": "grad_cam", "layer": "layer4"}
LOADERS = ("true", "false")
KINDS = ("torch", "tensorboardX", "directory")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.writer.victim", *map(str, arguments)]


def run(*arguments: object) -> str:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def steps_of(server: Server, run_name: str) -> list[int]:
    answer = server.get("maps", run=run_name, **SERIES)
    return [] if answer.status == 404 else [int(step) for step in answer.packet[1]["steps"]]


def killed(kind: str, folder: Path, chance: random.Random) -> list[int]:
    """Let a process log until it is killed at a random moment; return the steps that it told to be written."""
    process = subprocess.Popen(command("endless", kind, folder), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(chance.random() * 0.2)
    process.kill()
    told = [first, *process.stdout]
    process.stdout.close()
    process.wait()
    return [int(line) for line in told if line.endswith("\n")]


def check_killed(folder: Path, kills: int) -> None:
    """Kill writers, then look for what they told with the reader and both loaders."""
    chance = random.Random(kills)
    told = {f"run{n}": killed(KINDS[n % 3], folder / f"run{n}", chance) for n in range(kills)}
    assert all(told.values())
    log = read_gradcam(folder)
    assert log.problems == ()
    for name, steps in told.items():
        series = log.maps[name, "val", "grad_cam", "layer4"]
        # The last record may have reached the disk although nobody was told any more.
        assert series.steps.tolist()[: len(steps)] == steps
        assert len(series) <= len(steps) + 1
        np.testing.assert_array_equal(series.array()[:, 0, 0, 0], series.steps)
        assert (log.predictions[name, "val"].steps[: len(steps)] == steps).all()
        assert {sample.image for sample in series.moments[0].cohort.samples} == {d for r, d in log.files if r == name}
    for load_fast in LOADERS:
        with tensorboard(folder, load_fast, "--samples_per_plugin", "gradcam=100000") as server:
            for name, steps in told.items():
                server.wait(lambda server, name=name, steps=steps: steps_of(server, name)[: len(steps)] == steps)
                header, _ = server.get("maps", run=name, **SERIES).packet
                assert header["corrupt"] == []


def test_what_killed_writers_flushed_is_shown(tmp_path: Path) -> None:
    check_killed(tmp_path, 5)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_what_a_hundred_killed_writers_flushed_is_shown(tmp_path: Path) -> None:
    check_killed(tmp_path, 100)


def test_a_resumed_run_reads_the_same_through_both_loaders(tmp_path: Path) -> None:
    """Steps 0 to 50, then on from 30: by torch and tensorboardX with `purge_step` and without, and by a directory."""
    runs = {f"{kind}-{purge}": (kind, purge) for kind in KINDS[:2] for purge in ("", "30")} | {"plain": ("plain", "")}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: run("steps", runs[name][0], tmp_path / name, 0, 50, 10, 1), runs))
        time.sleep(1.1)  # event files are read in the order of their names, which tell whole seconds
        list(pool.map(lambda name: run("steps", runs[name][0], tmp_path / name, 30, 70, 10, 2, runs[name][1]), runs))
    expected = [0, 10, 20, 30, 40, 50, 60, 70], [1.0] * 3 + [2.0] * 5
    log = read_gradcam(tmp_path)
    for name in runs:
        series = log.maps[name, "val", "grad_cam", "layer4"]
        assert (series.steps.tolist(), series.array()[:, 0, 0, 0].tolist()) == expected, name
        assert {sample.image for sample in series[70].cohort.samples} == {d for r, d in log.files if r == name}
    for load_fast in LOADERS:
        with tensorboard(tmp_path, load_fast) as server:
            for name in runs:
                server.wait(lambda server, name=name: steps_of(server, name)[-1:] == [70])
                header, arrays = server.get("maps", run=name, **SERIES).packet
                values = arrays["values"].reshape(8, 4, 49)[:, 0, 0].tolist()
                assert (steps_of(server, name), values) == expected, (name, load_fast)
                (cohort,) = header["cohorts"]
                for sample in server.get("cohort", run=name, digest=cohort).json["samples"]:
                    assert server.get("image", run=name, digest=sample["image"]).status == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("room", [0, 100])
def test_a_full_disk_is_an_error_at_the_call_and_later_steps_are_written(kind: str, room: int, tmp_path: Path) -> None:
    outcome = {int(step): text for step, text in json.loads(run("full_disk", kind, tmp_path, room)).items()}
    assert set(range(21, 40)) <= set(outcome) <= set(range(20, 40))
    assert all("File too large" in text for text in outcome.values())
    log = read_gradcam(tmp_path)
    assert log.problems == ()
    (series,) = log.maps.values()
    found = set(series.steps.tolist())
    assert set(range(60)) - set(outcome) <= found
    assert {sample.image for sample in series[59].cohort.samples} == {digest for _, digest in log.files}
    for load_fast in LOADERS:
        with tensorboard(tmp_path, load_fast) as server:
            server.wait(lambda server: steps_of(server, ".")[-1:] == [59])
            assert set(range(60)) - set(outcome) <= set(steps_of(server, "."))


def test_an_unwritable_directory_is_an_error_at_the_call(tmp_path: Path) -> None:
    """Below a file, for root may write anywhere else; later logging, once it can be written, goes on."""
    (tmp_path / "file").write_text("")
    for _ in range(2):
        with pytest.raises(OSError, match="file"):
            add_gradcam(tmp_path / "file" / "log", "val", None, np.ones((1, 2, 2)), 0, on_error="raise")
    (tmp_path / "file").unlink()
    add_gradcam(tmp_path / "file" / "log", "val", None, np.ones((1, 2, 2)), 1)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [0, 1]  # what could not be written is, too


def test_one_directory_by_two_names_is_one_log(tmp_path: Path) -> None:
    writers: Any = [tmp_path / "run", str(tmp_path / "run" / "." / "")]
    for step, writer in enumerate(writers):
        add_gradcam(writer, "val", None, np.ones((1, 2, 2)), step)
    assert len(list((tmp_path / "run").iterdir())) == 1
