"""A replay from checkpoints to a log, alone and in shares."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, read_gradcam, replay
from tensorboard_plugin_gradcam.writer import turns
from tests.replaying.saved import IMAGES, LABELS, network, save_epochs, trained, written_at


def files(folder: Path) -> dict[str, bytes]:
    """Return the event files of a run."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if "tfevents" in path.name}


def test_a_replay_is_what_a_live_log_would_have_been(tmp_path):
    models = save_epochs(tmp_path / "checkpoints", 3)
    measures = ("concentration", "class_sensitivity", "steadiness", "randomisation")
    options = {"class_names": ("a", "b", "c"), "top_k": 2, "precision": "float32", "measures": measures}
    found = replay(
        network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "log", tag="val", methods=["grad_cam", "fem"],
        steps_per_epoch=10, metrics=True, batch_size=2, **options,
    )  # fmt: skip
    for step, model in zip((10, 20, 30), models, strict=True):
        live_options = {"methods": ["grad_cam", "fem"], "metrics": True, "batch_size": 2, **options}
        with GradCAMLogger(tmp_path / "live", model, **live_options) as log:
            log.log("val", IMAGES, step, labels=LABELS, epoch=step // 10 - 1)

    assert list(found.steps.values()) == [10, 20, 30]
    ours, live = read_gradcam(tmp_path / "log"), read_gradcam(tmp_path / "live")
    assert ours.maps.keys() == live.maps.keys()
    for key, series in ours.maps.items():
        assert series.steps.tolist() == [10, 20, 30]
        assert series.wall_times.tolist() == [1.7e9, 1.7e9 + 60, 1.7e9 + 120]
        assert series.epochs.tolist() == [0, 1, 2]
        assert np.array_equal(series.array(), live.maps[key].array())
        assert [vars(one) for one in series.samples] == [vars(one) for one in live.maps[key].samples]
    assert ours.numbers.keys() == live.numbers.keys()
    assert {"concentration", "steadiness", "randomisation"} <= {part for key in ours.numbers for part in key}
    for key, numbers in ours.numbers.items():
        assert np.array_equal(numbers.array(), live.numbers[key].array(), equal_nan=True)
    ours_said, live_said = ours.predictions[".", "val"], live.predictions[".", "val"]
    for name in ("prediction", "probability", "label_probability", "top_classes"):
        assert np.array_equal(ours_said.array(name), live_said.array(name))
    assert ours.problems == ()


@pytest.mark.slow
def test_a_replay_of_a_whole_data_set_keeps_the_maps_of_the_last_checkpoints_and_the_sums_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WHOLE", len(IMAGES) - 1)
    monkeypatch.setattr(turns, "KEPT", 2)
    for count, methods in ((3, ["grad_cam"]), (5, ["grad_cam"]), (5, ["grad_cam", "hires_cam"])):
        save_epochs(tmp_path / "checkpoints", count)
        replay(
            network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "log", methods=methods, steps_per_epoch=10
        )
        read = read_gradcam(tmp_path / "log")
        steps = list(range(10, 10 * count + 1, 10))
        assert {key[2]: series.steps.tolist() for key, series in read.maps.items()} == dict.fromkeys(
            methods, steps[-2:]
        )
        assert {key[2]: series.steps.tolist() for key, series in read.sums.items()} == dict.fromkeys(methods, steps)
        assert read.problems == ()


def test_maps_are_those_of_the_model_bit_for_bit(tmp_path):
    models = save_epochs(tmp_path / "checkpoints", 2)
    replay(network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "log", precision="float32", batch_size=5)
    (series,) = read_gradcam(tmp_path / "log").maps.values()
    for row, model in zip(series.array(), models, strict=True):
        ((_, maps),) = CAM(model)(IMAGES).maps.items()
        assert np.array_equal(row, maps.numpy())


def test_what_does_not_fit_is_named_and_the_rest_goes_on(tmp_path):
    folder = tmp_path / "checkpoints"
    save_epochs(folder, 2)
    torch.save({"model": torch.nn.Linear(2, 2).state_dict(), "epoch": 5}, folder / "model_5.pth")
    (folder / "model_6.pth").write_bytes(b"broken")
    torch.save(trained(9).state_dict(), folder / "best.pt")
    found = replay(network, folder, (IMAGES, LABELS), tmp_path / "log")
    why = {Path(path).name: text for path, text in found.left_out.items()}
    assert sorted(found.steps.values()) == [0, 1]
    assert sorted(why) == ["best.pt", "model_5.pth", "model_6.pth"]
    assert "share a name" in why["model_5.pth"]
    assert "damaged" in why["model_6.pth"]
    assert "--pattern" in why["best.pt"]


def test_checkpoints_that_tell_no_step_are_in_the_order_of_their_times(tmp_path):
    for place, name in enumerate(("b", "a")):
        torch.save(trained(place).state_dict(), tmp_path / f"{name}.pt")
        written_at(tmp_path / f"{name}.pt", 1_700_000_000 + place)
    found = replay(network, [tmp_path / "a.pt", tmp_path / "b.pt"], (IMAGES, LABELS), tmp_path / "log")
    assert {Path(path).name: step for path, step in found.steps.items()} == {"b.pt": 0, "a.pt": 1}


def test_a_training_keeps_its_event_files_to_itself(tmp_path):
    save_epochs(tmp_path / "checkpoints", 1)
    with GradCAMLogger(tmp_path / "run", trained(0)) as log:
        log.log("val", IMAGES, 0)
    before = files(tmp_path / "run")
    found = replay(network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "run")
    assert found.logdir == str(tmp_path / "run" / "replay")
    assert files(tmp_path / "run") == before


def test_checkpoints_that_came_later_are_all_that_is_computed(tmp_path):
    save_epochs(tmp_path / "checkpoints", 3)
    last = tmp_path / "checkpoints" / "model_2.pth"
    shutil.move(last, tmp_path / "later.pth")
    first = replay(network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "log")
    shutil.move(tmp_path / "later.pth", last)
    second = replay(network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "log")
    assert (first.computed, second.computed) == (2, 1)
    assert list(second.steps.values()) == [0, 1, 2]
    assert len(files(tmp_path / "log")) == 1


@pytest.mark.parametrize(("checkpoints", "shares"), [(3, 2), (1, 2)])
def test_shares_leave_parts_and_the_last_one_writes_what_one_process_would(tmp_path, checkpoints, shares):
    save_epochs(tmp_path / "checkpoints", checkpoints)
    arguments = network, tmp_path / "checkpoints", (IMAGES, LABELS)
    replay(*arguments, tmp_path / "one", batch_size=2)
    done = [replay(*arguments, tmp_path / "log", shard=(index, shares), batch_size=2) for index in (1, 0)]
    assert [bool(one.missing) for one in done] == [True, False]
    (one,), (shared,) = files(tmp_path / "one").values(), files(tmp_path / "log").values()
    assert one == shared


def test_a_lost_share_costs_itself_and_a_second_start_finishes_it(tmp_path):
    save_epochs(tmp_path / "checkpoints", 3)
    arguments = network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "log"
    replay(*arguments, shard="0/2")
    merged = replay(*arguments, merge_only=True)
    assert (list(merged.steps.values()), merged.missing) == ([0, 2], 1)
    assert read_gradcam(tmp_path / "log").maps
    finished = replay(*arguments)
    assert (finished.computed, list(finished.steps.values())) == (1, [0, 1, 2])


SCRIPT = """
import sys
from tests.replaying.saved import network, data
from tensorboard_plugin_gradcam import replay
if __name__ == "__main__":
    replay(network, sys.argv[1], data, sys.argv[2], batch_size=2)
"""


@pytest.mark.slow
def test_a_replay_that_is_killed_twenty_times_ends_with_the_same_log(tmp_path):
    save_epochs(tmp_path / "checkpoints", 40)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}

    def start(log: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), str(tmp_path / "checkpoints"), str(tmp_path / log)]
        return subprocess.Popen(command, env=environment)

    assert start("whole").wait() == 0
    draws, kills, parts = random.Random(0), 0, tmp_path / "killed" / ".replay"
    while kills < 20:
        before = len(list(parts.glob("*"))) if parts.exists() else 0
        process = start("killed")
        while process.poll() is None and (len(list(parts.glob("*"))) if parts.exists() else 0) <= before:
            time.sleep(0.01)
        time.sleep(draws.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert start("killed").wait() == 0
    (whole,), (killed,) = files(tmp_path / "whole").values(), files(tmp_path / "killed").values()
    assert whole == killed


@pytest.mark.slow
def test_of_several_processes_one_is_killed_and_a_second_start_finishes_its_share(tmp_path):
    save_epochs(tmp_path / "checkpoints", 12)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def start(log: str, index: int = 0, count: int = 1) -> subprocess.Popen[bytes]:
        environment = os.environ | {"PYTHONPATH": os.getcwd(), "RANK": str(index), "WORLD_SIZE": str(count)}
        command = [sys.executable, str(script), str(tmp_path / "checkpoints"), str(tmp_path / log)]
        return subprocess.Popen(command, env=environment)

    assert start("alone").wait() == 0
    first, lost, third = (start("log", index, 3) for index in range(3))
    lost.send_signal(signal.SIGKILL)
    assert [process.wait() for process in (first, third)] == [0, 0]
    lost.wait()
    assert not files(tmp_path / "log")
    assert start("log", 1, 3).wait() == 0
    (alone,), (shared,) = files(tmp_path / "alone").values(), files(tmp_path / "log").values()
    assert alone == shared
