"""What the tab sees of a run that goes on: new steps, restarts, sampling, and series too large for one answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Maps, Stamp
from tests.viewer.eventlog import EventLog, block, cohort, maps_series, write_run
from tests.viewer.server import Server, tensorboard

MAPS = {"tag": "val", "method": "grad_cam", "layer": "layer4"}
SECOND = "events.out.tfevents.1700000001.host.2.0"


@pytest.fixture(params=["true", "false"], ids=["data_server", "python_loader"])
def load_fast(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _maps(step: int, ordinal: int, session: int = 1) -> bytes:
    raw = np.full((2, 3, 3), step, np.float32)
    return Maps(Stamp(cohort(2).digest, ordinal, session), (block(raw),)).to_bytes()


def _steps(server: Server, run: str) -> list[float]:
    answer = server.get("maps", run=run, **MAPS)
    return [] if answer.status == 404 else answer.packet[1]["steps"].tolist()


def _generation(server: Server, run: str) -> str:
    return str(server.get("maps", run=run, **MAPS).packet[0]["generation"])


def test_new_steps_appear_and_the_generation_stays(tmp_path: Path, load_fast: str) -> None:
    with EventLog(tmp_path / "run") as log, tensorboard(tmp_path, load_fast) as server:
        log.add(maps_series(), _maps(0, 0), 0)
        server.wait(lambda server: _steps(server, "run") == [0])
        generation = _generation(server, "run")
        log.add(maps_series(), _maps(5, 1), 5)
        server.wait(lambda server: _steps(server, "run") == [0, 5])
        header, arrays = server.get("maps", run="run", **MAPS, after=0).packet
        assert arrays["steps"].tolist() == [5]
        assert (header["generation"], header["total"]) == (generation, 2)


@pytest.mark.parametrize("same_process", [True, False])
def test_a_lower_step_replaces_what_was_at_it_or_above(tmp_path: Path, load_fast: str, same_process: bool) -> None:
    """The same with both loaders, live and read afterwards; a resumed run without `purge_step` is such a case."""
    run = tmp_path / "run"
    with tensorboard(tmp_path, load_fast) as server:
        with EventLog(run) as log:
            for ordinal, step in enumerate([0, 10, 20, 30]):
                log.add(maps_series(), _maps(step, ordinal), step)
            server.wait(lambda server: _steps(server, "run") == [0, 10, 20, 30])
            generation = _generation(server, "run")
            if same_process:
                _restart(log, 1, 4)
        if not same_process:
            with EventLog(run, SECOND) as log:
                _restart(log, 2, 0)
        server.wait(lambda server: _steps(server, "run") == [0, 10, 15, 25])
        assert _generation(server, "run") != generation
        values = server.get("maps", run="run", **MAPS).packet[1]["minimum"]
        assert values.tolist() == [0, 0, 10, 10, 15, 15, 25, 25]
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda server: _steps(server, "run") == [0, 10, 15, 25])


def _restart(log: EventLog, session: int, ordinal: int) -> None:
    log.add(maps_series(), _maps(15, ordinal, session), 15, 1.7e9 + 40)
    log.add(maps_series(), _maps(25, ordinal + 1, session), 25, 1.7e9 + 41)


def test_a_step_logged_again_is_shown_as_logged_last(tmp_path: Path, load_fast: str) -> None:
    with EventLog(tmp_path / "run") as log, tensorboard(tmp_path, load_fast) as server:
        for ordinal, shown in enumerate([1, 2]):
            log.add(maps_series(), _maps(shown, ordinal), 7)
        server.wait(lambda server: _steps(server, "run") == [7])
        server.wait(lambda server: server.get("maps", run="run", **MAPS).packet[1]["minimum"].tolist() == [2, 2])


def test_two_processes_that_write_one_series_are_told(tmp_path: Path, load_fast: str) -> None:
    run = tmp_path / "run"
    with tensorboard(tmp_path, load_fast) as server, EventLog(run) as one:
        one.add(maps_series(), _maps(0, 0), 0, 1.7e9)
        one.add(maps_series(), _maps(20, 1), 20, 1.7e9 + 20)
        server.wait(lambda server: _steps(server, "run") == [0, 20])
        assert _two_writers(server) is False
        with EventLog(run, SECOND) as other:
            other.add(maps_series(), _maps(10, 0, 2), 10, 1.7e9 + 10)
            server.wait(_two_writers)


def _two_writers(server: Server) -> bool:
    return bool(server.get("maps", run="run", **MAPS).packet[0]["two_writers"])


def test_the_first_step_survives_sampling(tmp_path: Path, load_fast: str) -> None:
    steps = list(range(400))
    write_run(tmp_path / "run", steps)
    with tensorboard(tmp_path, load_fast, "--samples_per_plugin", "gradcam=20") as server:
        server.wait(lambda server: _steps(server, "run")[-1:] == [399])
        shown = _steps(server, "run")
        assert shown[0] == 0
        assert 20 <= len(shown) <= 21
        header, arrays = server.get("maps", run="run", **MAPS).packet
        assert header["total"] == 400
        assert arrays["ordinals"].tolist() == shown
        assert server.get("series").json["kept_steps"] == 20


def test_all_steps_are_kept_where_the_user_wants_all(tmp_path: Path, load_fast: str) -> None:
    write_run(tmp_path / "run", list(range(1500)), size=2)
    with tensorboard(tmp_path, load_fast, "--samples_per_plugin", "gradcam=0") as server:
        server.wait(lambda server: len(_steps(server, "run")) == 1500)
        assert server.get("series").json["kept_steps"] == 0


def test_under_a_path_prefix(tmp_path: Path, load_fast: str) -> None:
    write_run(tmp_path / "run", [1])
    with tensorboard(tmp_path, load_fast, "--path_prefix", "/some/where") as server:
        server.wait(lambda server: _steps(server, "run") == [1])
        assert server.prefix == "/some/where"
        assert server.get("static/nothing.js").status == 404
        assert server.get("index.js").status == 200


@pytest.mark.slow
def test_a_series_larger_than_an_answer_of_the_data_server_is_sampled_down(tmp_path: Path) -> None:
    """The data server refuses answers over 256 MiB; the viewer asks for less with either loader."""
    random = np.random.default_rng(0)
    raw = random.normal(size=(200, 64, 64)).astype(np.float32)
    with EventLog(tmp_path / "run") as log:
        for step in range(120):
            maps = Maps(Stamp("0" * 32, step, 1), (block(raw + step, "float32"),))
            log.add(maps_series(), maps.to_bytes(), step)
    one = {"run": "run", **MAPS, "samples": 0}
    for load_fast in ("true", "false"):
        with tensorboard(tmp_path, load_fast) as server:
            server.wait(lambda server: server.get("maps", **one).packet[1]["steps"][-1:] == 119)
            header, arrays = server.get("maps", **one).packet
            assert 30 <= len(arrays["steps"]) <= 60
            assert header["sampled_down"] is not None
            assert arrays["steps"][-1] == 119
