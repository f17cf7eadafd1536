"""A log from a stranger: no request makes a 500 or takes a gigabyte, and what is good in it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trust.hostile import RUNS, STEPS, odd_but_valid, records, write_all, write_pictures
from tests.viewer.server import Server, tensorboard

GIB = 2**30


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logdir = tmp_path_factory.mktemp("hostile")
    write_all(logdir)
    return logdir


@pytest.fixture(scope="module", params=["true", "false"], ids=["data_server", "python_loader"])
def server(logdir: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with tensorboard(logdir, request.param) as server:
        server.wait(lambda server: server.get("series").status == 200)
        runs = len(list(logdir.rglob("events*"))) - 1  # of "times", the data server reads nothing
        server.wait(lambda server: len(server.get("series").json["runs"]) >= runs)
        yield server


def _peak_bytes(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def _maps_of(server: Server, run: str, tag: str, method: str = "grad_cam", layer: str = "layer4"):  # type: ignore[no-untyped-def]
    return server.get("maps", run=run, tag=tag, method=method, layer=layer)


def test_everything_listed_answers_and_nothing_takes_a_gigabyte(server: Server) -> None:
    statuses: dict[int, object] = {}
    for run in server.get("series").json["runs"]:
        for tag in run["tags"]:
            for one in tag["maps"]:
                answer = _maps_of(server, run["run"], tag["tag"], one["method"], one["layer"])
                statuses[answer.status] = (run["run"], tag["tag"][:50], answer.body[:200])
                if answer.status == 200:
                    for digest in answer.packet[0]["cohorts"]:
                        statuses[server.get("cohort", run=run["run"], digest=digest).status] = digest
    assert statuses.keys() <= {200, 404, 415}, statuses
    assert _peak_bytes(server) < GIB


def test_good_runs_are_shown_beside_the_bad_ones(server: Server) -> None:
    good = [run["run"] for run in server.get("series").json["runs"] if any(t["tag"] == "good" for t in run["tags"])]
    assert len(good) == len(RUNS) + 2
    for run in good:
        _, arrays = _maps_of(server, run, "good").packet
        assert arrays["steps"].tolist() == STEPS


@pytest.mark.parametrize("name", records())
def test_good_steps_are_shown_beside_a_bad_one(server: Server, name: str) -> None:
    header, arrays = _maps_of(server, "records", name).packet
    assert arrays["steps"].tolist() == [0, 2]
    assert arrays["maximum"].tolist() == [1, 2]
    assert [one["step"] for one in header["corrupt"]] == [1]


@pytest.mark.parametrize("name", odd_but_valid())
def test_odd_steps_are_shown_for_what_they_are(server: Server, name: str) -> None:
    header, arrays = _maps_of(server, "records", name).packet
    assert {0, 1} <= {*arrays["steps"].tolist(), *(one["step"] for one in header["corrupt"])}


@pytest.mark.parametrize("name", ["none", "noise", "newer", "kind"])
def test_a_series_that_can_not_be_read_is_listed_with_its_problem(server: Server, name: str) -> None:
    (run,) = (run for run in server.get("series").json["runs"] if run["run"] == "records")
    (tag,) = (tag for tag in run["tags"] if tag["tag"] == f"content_{name}")
    assert tag["problem"]


def test_texts_arrive_as_data_and_not_at_any_length(server: Server) -> None:
    series = server.get("series")
    assert len(series.body) < 2**20
    assert series.headers["content-type"] == "application/json"
    for run in RUNS.values():
        listed = [one for one in series.json["runs"] if one["run"] == run]
        assert listed
        for tag in listed[0]["tags"]:
            assert tag["maps"] or "at most 1000 characters" in tag["problem"]


def test_only_pictures_are_sent_as_pictures(server: Server, tmp_path: Path) -> None:
    for name, digest in write_pictures(tmp_path).items():
        answer = server.get("image", run="pictures", digest=digest)
        # A PNG and whatever follows is sent as a PNG and never sniffed.
        assert answer.status == (200 if name == "polyglot" else 415), name
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] in ("image/png", "text/plain; charset=utf-8")


def test_tensors_that_contradict_themselves_are_not_an_internal_error(server: Server) -> None:
    for name in ("number", "several", "contradiction", "negative", "untyped", "unknown"):
        answer = _maps_of(server, "tensors", name)
        assert answer.status in (200, 404, 415), name
        if answer.status == 200:
            header, arrays = answer.packet
            assert arrays["steps"].size == 0
            assert header["corrupt"]
    assert server.get("image", run="tensors", digest="3" * 32).status == 415


def test_absurd_steps(server: Server) -> None:
    header, arrays = _maps_of(server, "tensors", "steps").packet
    assert set(arrays["steps"].tolist()) <= {-1.0}
    assert all("2^53" in one["message"] for one in header["corrupt"])


def test_absurd_times(server: Server) -> None:
    answer = _maps_of(server, "tensors/times", "times")
    assert answer.status == 404 or answer.packet[1]["steps"].tolist() == [1]  # the data server drops such events


def test_errors_hold_no_path_of_the_server(server: Server, logdir: Path) -> None:
    for route in ("maps", "predictions", "cohort", "image", "static/x"):
        for arguments in ({}, {"run": "../x", "tag": "t", "method": "m", "layer": "l", "digest": "z"}):
            text = server.get(route, **arguments).text
            assert str(logdir) not in text
            assert "site-packages" not in text
            assert "/viewer" not in text
