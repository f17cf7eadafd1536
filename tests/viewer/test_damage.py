"""Damaged event files are told in the tab, with each of TensorBoard's loaders."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tensorboard_plugin_gradcam.event_files import ABANDONED_SECONDS
from tensorboard_plugin_gradcam.viewer.damage import Damage, logdir_of
from tests.trust.damaged import framed, records
from tests.viewer.eventlog import write_run
from tests.viewer.server import Server, tensorboard

STEPS = list(range(0, 500, 10))


def _flipped(path: Path, share: float) -> int:
    """Flip a bit of a length somewhere in a file; return how many bytes follow from that frame on."""
    data = bytearray(path.read_bytes())
    starts, at = [], 0
    while at < len(data):
        starts.append(at)
        at += 16 + int.from_bytes(data[at : at + 8], "little")
    start = starts[int(len(starts) * share)]
    data[start] ^= 4
    path.write_bytes(bytes(data))
    return len(data) - start


def _problem(server: Server, run: str) -> str | None:
    runs = {one["run"]: one for one in server.get("series").json["runs"]}
    return runs[run]["tags"][0]["problem"] if run in runs else None


def _repeated(path: Path) -> None:
    """Have each record of step 200 follow once more at the end."""
    parts = records(path.read_bytes())
    at = 6 + 2 * STEPS.index(200)  # after the file's version, picture and cohort, and the first step's copies
    path.write_bytes(framed([*parts, *parts[at - 1 : at + 1]]))


@pytest.mark.parametrize("load_fast", ["true", "false"], ids=["data_server", "python_loader"])
def test_the_tab_says_after_which_step_a_file_is_damaged(tmp_path: Path, load_fast: str) -> None:
    for run in ("good", "bad", "headless", "restarted", "repeated"):
        write_run(tmp_path / run, STEPS)
    write_run(tmp_path / "restarted", [200, 210], session=2, name="events.out.tfevents.1700000001.host.2.0")
    lost = _flipped(next((tmp_path / "bad").iterdir()), 0.5)
    _flipped(next((tmp_path / "headless").iterdir()), 0)
    _repeated(next((tmp_path / "repeated").iterdir()))
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: server.get("series").status == 200)
        server.wait(lambda server: _problem(server, "bad") is not None)
        problem = _problem(server, "bad")
        shown = server.get("predictions", run="bad", tag="val").packet[1]["steps"].tolist()
        assert problem is not None
        assert f"damaged after step {int(shown[-1])}; {lost:,} bytes were not read" in problem
        assert _problem(server, "good") is None
        assert str(tmp_path) not in problem
        server.wait(lambda server: _problem(server, "headless") is not None)
        assert "damaged after its beginning" in (_problem(server, "headless") or "")
        if load_fast == "true":  # which drops what a lower step follows, though no training was started again
            server.wait(lambda server: _problem(server, "repeated") is not None)
            assert "steps 210, 220, 230 and 26 more are in the event files" in (_problem(server, "repeated") or "")
        assert _problem(server, "restarted") is None


def test_a_file_that_is_being_written_is_not_damaged(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS)
    (path,) = (tmp_path / "run").iterdir()
    data = path.read_bytes()
    damage = Damage(str(tmp_path), data_server=True)
    for size in (len(data) - 5, len(data) - 1, len(data)):
        path.write_bytes(data[:size])
        damage.look()
        assert damage._problems == {}
    path.write_bytes(data + b"\0" * 40)
    damage.look()
    assert "damaged after step 490; 40 bytes" in damage._problems["run"]


@pytest.mark.parametrize("logdir", ["", None, "gs://bucket/logs", "/nowhere/at/all"])
def test_only_directories_of_this_machine_are_looked_at(logdir: str | None) -> None:
    assert logdir_of(SimpleNamespace(flags=SimpleNamespace(logdir=logdir))) is None


def test_a_file_that_ends_within_a_record_is_told_once_nobody_writes_it_any_more(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS)
    (path,) = (tmp_path / "run").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    damage = Damage(str(tmp_path), data_server=True)
    damage.look()
    assert damage._problems == {}
    written = path.stat().st_mtime - 2 * ABANDONED_SECONDS
    os.utime(path, (written, written))
    damage.look()
    assert "ends within a record, after step 490; its last" in damage._problems["run"]
    assert not damage.stopped
