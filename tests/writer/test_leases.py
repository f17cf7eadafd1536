"""Leases: which other session is taken for one that writes now."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import GradCAMLogger, add_gradcam
from tensorboard_plugin_gradcam.records import LATER_PLUGIN_NAME, Lease, Series
from tensorboard_plugin_gradcam.writer.leases import ALIVE_SECONDS, Leases

SERIES = ("gradcam:predictions:val",)


@pytest.fixture
def running() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def is_told(**changes: object) -> bool:
    """Tell whether a session with this lease is warned of."""
    own = Leases(session=2)
    own.renewed(SERIES)
    known = {"session": 1, "host": "elsewhere", "process": 1, "begun": 1.0, "beat": time.time() - 60, "series": SERIES}
    own.meet(Lease(**(known | changes)))  # type: ignore[arg-type]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert own.warn("run") == bool(caught)
        own.warn("run")
    assert len(caught) <= 1
    return bool(caught)


def test_a_session_on_another_machine_is_told_of_until_its_lease_is_old() -> None:
    assert is_told()
    assert not is_told(beat=time.time() - ALIVE_SECONDS - 60)


def test_a_session_of_this_machine_is_told_of_while_its_process_runs(running: int) -> None:
    here = {"host": socket.gethostname(), "process": running, "beat": time.time() - 10 * ALIVE_SECONDS}
    assert is_told(**here)
    assert not is_told(**here | {"process": 2**30})
    assert is_told(**here | {"process": 2**30, "beat": time.time() + 60})  # it ended, but wrote beside this one


@pytest.mark.parametrize(
    "changes",
    [
        {"closed": True},
        {"series": ("gradcam:predictions:test",)},
        {"session": 2},
        {"host": socket.gethostname(), "process": os.getpid()},
    ],
    ids=["closed", "other series", "its own", "its own process"],
)
def test_others_are_not_told_of(changes: dict[str, object]) -> None:
    assert not is_told(**changes)


def test_sessions_that_wrote_one_series_at_once_overlap() -> None:
    one, other = Lease(1, "a", 1, 10, 20, series=SERIES), Lease(2, "b", 1, 15, 15, series=SERIES)
    assert one.overlaps(other)
    assert other.overlaps(one)
    assert not one.overlaps(Lease(2, "b", 1, 25, 30, series=SERIES))
    assert not one.overlaps(Lease(2, "b", 1, 15, 15, series=("gradcam:predictions:test",)))


def leases_in(run: Path) -> list[Lease]:
    """Return the last lease of each session."""
    events = EventAccumulator(str(run)).Reload()
    content = events.PluginTagToContent(LATER_PLUGIN_NAME)
    tags = [tag for tag, data in content.items() if Series.from_bytes(data).kind == "lease"]
    return [Lease.from_bytes(events.Tensors(tag)[-1].tensor_proto.string_val[0]) for tag in tags]


def test_a_logger_that_is_closed_says_so_and_one_that_goes_on_takes_it_back(tmp_path: Path) -> None:
    with GradCAMLogger(tmp_path):
        add_gradcam(tmp_path, "val", None, np.ones((1, 2, 2)), 0)
        (lease,) = leases_in(tmp_path)
        assert not lease.closed
        assert lease.series == ("gradcam:maps:val:grad_cam:",)
    assert [one.closed for one in leases_in(tmp_path)] == [True]
    add_gradcam(tmp_path, "val", None, np.ones((1, 2, 2)), 1)
    assert [one.closed for one in leases_in(tmp_path)] == [False]


def test_a_logger_whose_writer_is_closed_opens_no_other_file(tmp_path: Path) -> None:
    with GradCAMLogger(writer := SummaryWriter(str(tmp_path))):
        add_gradcam(writer, "val", None, np.ones((1, 2, 2)), 0)
        writer.close()
    assert len(list(tmp_path.iterdir())) == 1
