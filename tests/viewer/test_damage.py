"""Damaged event files are told in the tab, with each of TensorBoard's loaders."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tensorboard_plugin_gradcam.viewer.damage import Damage, logdir_of
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


@pytest.mark.parametrize("load_fast", ["true", "false"], ids=["data_server", "python_loader"])
def test_the_tab_says_after_which_step_a_file_is_damaged(tmp_path: Path, load_fast: str) -> None:
    for run in ("good", "bad"):
        write_run(tmp_path / run, STEPS)
    lost = _flipped(next((tmp_path / "bad").iterdir()), 0.5)
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: server.get("series").status == 200)
        server.wait(lambda server: _problem(server, "bad") is not None)
        problem = _problem(server, "bad")
        shown = server.get("predictions", run="bad", tag="val").packet[1]["steps"].tolist()
        assert problem is not None
        assert f"damaged after step {int(shown[-1])}; {lost:,} bytes were not read" in problem
        assert _problem(server, "good") is None
        assert str(tmp_path) not in problem


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
