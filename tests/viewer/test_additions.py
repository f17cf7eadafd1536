"""What the tab sees of a run that was added to, resumed, or written by two processes, through both loaders.

A run is written by the real writers, each in a session of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.records import PLUGIN_NAME, Series
from tests.viewer.server import Server, tensorboard

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
LABELS = np.array([0, 1, 0])


@pytest.fixture(params=["true", "false"], ids=["data_server", "python_loader"])
def load_fast(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def log(writer: Any, *steps: int, method: str = "grad_cam", value: float = 1.0, tag: str = "val") -> None:
    """Log three samples at each step, predicted with a probability that says which logging it was."""
    for step in steps:
        add_gradcam(
            writer, tag, PICTURES, np.full((3, 2, 2), value, np.float32), step, method=method, labels=LABELS,
            predictions=LABELS, probabilities=np.full(3, value / 10, np.float32),
        )  # fmt: skip


def session(run: Path, *steps: int, **how: Any) -> None:
    """Log in a session of its own, in an event file of its own."""
    with SummaryWriter(str(run), filename_suffix=f".{time.time_ns()}") as writer:
        log(writer, *steps, **how)


def packet(server: Server, method: str | None, run: str = "run") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the predictions, or a method's maps; nothing at all until they are loaded."""
    arguments = {"run": run, "tag": "val"}
    if method is None:
        answer = server.get("predictions", **arguments)
    else:
        answer = server.get("maps", **arguments, method=method, layer="")
    return answer.packet if answer.status == 200 else ({}, {"steps": np.zeros(0)})


def steps(server: Server, method: str | None) -> list[float]:
    found: list[float] = packet(server, method)[1]["steps"].tolist()
    return found


def test_a_method_that_is_logged_afterwards_takes_nothing_from_the_run(tmp_path: Path, load_fast: str) -> None:
    session(tmp_path / "run", *range(0, 101, 10))
    session(tmp_path / "run", 20, 55, method="layer_cam", value=2)
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: steps(server, "layer_cam") == [20, 55])
        assert steps(server, "grad_cam") == list(range(0, 101, 10))
        header, arrays = packet(server, None)
        assert arrays["steps"].tolist() == [0, 10, 20, 30, 40, 50, 55, 60, 70, 80, 90, 100]
        assert (header["total"], header["two_writers"], header["replaced"]) == (12, False, [])
        assert np.round(arrays["probability"][:, 0] * 10).tolist() == [1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1]
    found = read_gradcam(tmp_path)
    assert found.predictions["run", "val"].steps.tolist() == arrays["steps"].tolist()
    assert found.maps["run", "val", "grad_cam", ""].steps.tolist() == list(range(0, 101, 10))


def test_a_viewer_of_format_1_0_does_not_see_additions(tmp_path: Path) -> None:
    """It asks for what stands under the one plugin name that it knows, and reads all of that."""
    session(tmp_path, *range(0, 101, 10))
    before = _of_format_1_0(tmp_path)
    session(tmp_path, 20, 55, method="layer_cam")
    session(tmp_path, 25, method="grad_cam", tag="other")
    after = _of_format_1_0(tmp_path)
    assert {tag: steps for tag, steps in after.items() if ":other" not in tag} == before


def _of_format_1_0(run: Path) -> dict[str, list[int]]:
    events = EventAccumulator(str(run), size_guidance={"tensors": 0}).Reload()
    content = events.PluginTagToContent(PLUGIN_NAME)
    assert {Series.from_bytes(data).kind for data in content.values()} <= {"image", "cohort", "predictions", "maps"}
    return {tag: sorted({event.step for event in events.Tensors(tag)}) for tag in content if ":image:" not in tag}


def test_a_training_that_goes_on_replaces_what_followed_and_says_so(tmp_path: Path, load_fast: str) -> None:
    session(tmp_path / "run", *range(0, 101, 10))
    session(tmp_path / "run", 60, 75, value=2)
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: steps(server, "grad_cam") == [0, 10, 20, 30, 40, 50, 60, 75])
        header, arrays = packet(server, None)
        assert arrays["steps"].tolist() == [0, 10, 20, 30, 40, 50, 60, 75]
        assert header["replaced"] == [{"first": 60, "last": 100, "steps": 5}]
        assert (header["total"], header["two_writers"]) == (8, False)
    series = read_gradcam(tmp_path).maps["run", "val", "grad_cam", ""]
    assert series.steps.tolist() == [0, 10, 20, 30, 40, 50, 60, 75]
    assert [(one.first, one.last, one.steps) for one in series.replaced] == [(60, 100, 5)]


def test_kept_steps_are_counted_by_what_the_directory_holds(tmp_path: Path, load_fast: str) -> None:
    session(tmp_path / "run", *range(60))
    session(tmp_path / "run", *range(50, 70))
    for _ in range(3):
        log(tmp_path / "cell", *range(5))
    deleted = tmp_path / "deleted"
    log(deleted, *range(9))
    for file in deleted.iterdir():
        file.unlink()
    log(deleted, *range(4))
    with tensorboard(tmp_path, load_fast, "--samples_per_plugin", f"{PLUGIN_NAME}=20") as server:
        server.wait(lambda server: steps(server, "grad_cam")[-1:] == [69])
        server.wait(lambda server: packet(server, "grad_cam", "deleted")[1]["steps"].tolist() == [0, 1, 2, 3])
        for run, total in (("run", 70), ("cell", 5), ("deleted", 4)):
            for method in ("grad_cam", None):
                header, arrays = packet(server, method, run)
                assert header["total"] == total, run
                assert len(arrays["steps"]) <= 21


def test_a_users_series_and_ours_stay_apart_in_any_order(tmp_path: Path, load_fast: str) -> None:
    taken = ["val/predictions", "val/grad_cam", "val", "gradcam/val", "gradcam", "val/grad_cam/first"]
    for run, user_first in (("before", True), ("after", False)):
        with SummaryWriter(str(tmp_path / run)) as writer:
            for step in range(3):
                for is_users in (user_first, not user_first):
                    if not is_users:
                        log(writer, step)
                        continue
                    for tag in taken:
                        writer.add_images(tag, PICTURES, step, dataformats="NHWC")
                        writer.add_scalar(f"{tag}/mean_probability", step, step)
    with tensorboard(tmp_path, load_fast) as server:
        for run in ("before", "after"):
            server.wait(lambda server, run=run: packet(server, "grad_cam", run)[1]["steps"].tolist() == [0, 1, 2])
            assert packet(server, None, run)[1]["steps"].tolist() == [0, 1, 2]
        images = json.loads(server.ask("/data/plugin/images/tags").body)
        scalars = json.loads(server.ask("/data/plugin/scalars/tags").body)
        for run in ("before", "after"):
            assert images[run].keys() == set(taken)
            assert scalars[run].keys() == {f"{tag}/mean_probability" for tag in taken}


def test_one_method_in_two_kinds_is_two_series(tmp_path: Path, load_fast: str) -> None:
    maps = np.random.default_rng(0).normal(size=(3, 4, 4, 3)).astype(np.float32)
    run = tmp_path / "run"
    for step in range(3):
        add_gradcam(run, "val", PICTURES, maps.sum(-1), step, method="ig", kind="positive")
    with SummaryWriter(str(run)) as writer:  # the kind corrected in a second run into the directory
        for step in range(3):
            add_gradcam(writer, "val", PICTURES, maps.sum(-1), step, method="ig", kind="signed")
            add_gradcam(writer, "val", PICTURES, maps, step, method="ig", kind="rgb")
    names = {"ig": "positive", "ig (signed)": "signed", "ig (rgb)": "rgb"}
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: all(steps(server, name) == [0, 1, 2] for name in names))
        listed = server.get("series").json["runs"][0]["tags"][0]["maps"]
        assert {one["method"]: one["kind"] for one in listed} == names
        assert {name: packet(server, name)[0]["kind"] for name in names} == names
    assert {key[2]: series.kind for key, series in read_gradcam(tmp_path).maps.items()} == names


def test_pictures_are_found_where_a_tool_renamed_their_tags(tmp_path: Path, load_fast: str) -> None:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    log(tmp_path / "run", 0, 5)
    moved = EventFileWriter(str(tmp_path / "moved" / "run"))
    (file,) = (tmp_path / "run").iterdir()
    for raw in RawEventFileLoader(str(file)).Load():
        event = Event.FromString(raw)
        for value in event.summary.value:
            value.tag = "team/" + value.tag.replace(":", "_")
        moved.add_event(event)
    moved.close()
    with tensorboard(tmp_path / "moved", load_fast) as server:
        server.wait(lambda server: steps(server, "grad_cam") == [0, 5])
        cohort = server.get("cohort", run="run", digest=packet(server, None)[0]["cohorts"][0])
        assert cohort.status == 200
        for sample in cohort.json["samples"]:
            assert server.get("image", run="run", digest=sample["image"]).status == 200


_WRITER = """
import sys, time
import numpy as np
from tensorboard_plugin_gradcam import add_gradcam
for line in sys.stdin:
    add_gradcam(sys.argv[1], "val", None, np.ones((3, 2, 2)), int(line), method=sys.argv[2])
    print("done", flush=True)
"""


def test_a_second_process_is_told_of_by_the_writers_and_in_the_tab(tmp_path: Path, load_fast: str) -> None:
    """Also where one of them replaced all that the other wrote."""
    run = tmp_path / "run"
    command = [sys.executable, "-W", "always", "-c", _WRITER, str(run), "grad_cam"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for process, step in ((processes[0], 10), (processes[1], 0), (processes[0], 11), (processes[1], 1)):
        process.stdin.write(f"{step}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        time.sleep(0.01)  # a directory's time of change has a resolution
    said = [process.communicate()[1] for process in processes]
    for text, other in zip(said, reversed(processes), strict=True):
        assert text.count("is writing the same Grad-CAM series") == 1
        assert f"process {other.pid} on " in text
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: packet(server, "grad_cam")[0].get("two_writers") is True)
        found = {one["process"] for one in packet(server, "grad_cam")[0]["writers"]}
        assert found == {process.pid for process in processes}
    with pytest.warns(UserWarning, match="two processes wrote it at the same time"):
        read_gradcam(tmp_path)


def test_a_process_that_follows_another_or_adds_to_it_is_not_told_of(tmp_path: Path) -> None:
    one = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path), "grad_cam"],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert one.stdin
    assert one.stdout
    one.stdin.write("10\n")
    one.stdin.flush()
    one.stdout.readline()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session(tmp_path, 5, method="layer_cam")
        one.communicate()
        session(tmp_path, 8)
        assert read_gradcam(tmp_path).problems == ()


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "tab\tx", "plain"])
def test_pictures_of_a_run_with_any_name_are_shown(tmp_path: Path, load_fast: str, name: str) -> None:
    log(tmp_path / name, 0, 5)
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: packet(server, "grad_cam", name)[1]["steps"].tolist() == [0, 5])
        cohort = server.get("cohort", run=name, digest=packet(server, None, name)[0]["cohorts"][0])
        for sample in cohort.json["samples"]:
            assert server.get("image", run=name, digest=sample["image"]).status == 200
        (run,) = server.get("series").json["runs"]
        assert [(tag["tag"], tag["problem"]) for tag in run["tags"]] == [("val", None)]
    found = read_gradcam(tmp_path)
    assert found.problems == ()
    assert len(found.files) == 3
