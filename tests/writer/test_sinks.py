"""Storages: full disks, object stores, forks and thousands of directories."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.tensorflow_stub.io import gfile

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.faults import GradCAMWarning
from tensorboard_plugin_gradcam.writer.run_log import log_of

ROOT = Path(__file__).resolve().parents[2]
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)


def log(writer: Any, step: int, **options: Any) -> None:
    maps = np.random.default_rng(step).random((2, 4, 4), dtype=np.float32)
    add_gradcam(writer, "val", IMAGES, maps, step, layer="layer4", **options)


class StoreError(Exception):
    """An object store's own, no OSError."""


class FakeStore:
    """Files that can only be written whole, as an object store's; in a local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.uploads, self.is_down = folder, [], False  # type: ignore[var-annotated]

    def path(self, name: bytes | str) -> Path:
        return self.folder / (name.decode() if isinstance(name, bytes) else name).partition("://")[2]

    def write(self, name: bytes, content: bytes, binary_mode: bool = False) -> None:
        if self.is_down:
            raise StoreError("503 slow down")
        self.uploads.append(len(content))
        self.path(name).write_bytes(content)

    def makedirs(self, name: str) -> None:
        self.path(name).mkdir(parents=True, exist_ok=True)

    def exists(self, name: str) -> bool:
        return self.path(name).exists()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FakeStore]:
    found = FakeStore(tmp_path)
    gfile.register_filesystem("fake", found)
    yield found
    del gfile._REGISTERED_FILESYSTEMS["fake"]


def steps(folder: Path) -> list[int]:
    (series,) = read_gradcam(folder).maps.values()
    return series.steps.tolist()


def test_an_object_store_gets_the_file_at_the_first_step_and_at_flush(store: FakeStore, tmp_path: Path) -> None:
    for step in range(200):
        log("fake://run", step)
    log_of("fake://run").flush()
    log_of("fake://run").flush()  # nothing is new
    (file,) = (tmp_path / "run").iterdir()
    assert len(store.uploads) == 2
    assert sum(store.uploads) < 1.2 * file.stat().st_size
    assert steps(tmp_path / "run") == [*range(200)]


def test_an_object_store_that_fails_loses_nothing(store: FakeStore, tmp_path: Path) -> None:
    store.is_down = True
    with pytest.warns(GradCAMWarning, match="503 slow down") as told:
        [log("fake://down", step) for step in range(3)]
    assert len([one for one in told if one.category is GradCAMWarning]) == 1
    store.is_down = False
    log("fake://down", 3)
    assert steps(tmp_path / "down") == [0, 1, 2, 3]


def threads_and_files() -> tuple[int, int]:
    return threading.active_count(), len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors as Linux does")
def test_a_thousand_directories_leave_no_thread_and_no_file(tmp_path: Path) -> None:
    earlier = pictures()  # of other tests, whose fixtures may hold some
    log(tmp_path / "first", 0)
    before = threads_and_files()
    for number in range(1000):
        log(tmp_path / str(number), 0)
    assert threads_and_files() == before
    assert [one for one in pictures() if not any(one is other for other in earlier)] == []


def pictures() -> list[object]:
    """Return the pictures that are in memory."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one).__name__ == "Picture"]


FORK = """
import os, sys, threading, time
import numpy as np
from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.writer import run_log
from tests.writer.victim import log, open_writer
writer = open_writer(sys.argv[1], sys.argv[2])
log(writer, 0)
mine = run_log.log_of(writer)
held = threading.Event()
def hold():
    with run_log._lock, mine._lock:
        held.set()
        time.sleep(1)
threading.Thread(target=hold).start()
held.wait()
child = os.fork()
log(writer, 1 if child else 2)
if child == 0:
    sys.exit(0)  # with everything that is registered for the exit
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("kind", ["torch", "tensorboardX", "directory"])
def test_a_child_of_a_process_that_logs_logs_and_ends(kind: str, tmp_path: Path) -> None:
    """Also where a thread that the child does not have held every lock."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, kind, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(steps(tmp_path)) >= {1, 2} or set(steps(tmp_path)) >= {0, 1}
    assert len(list(tmp_path.iterdir())) == 2  # each process has its file


FULL = """
import os, resource, sys, threading
from tests.writer.victim import log, open_writer, written
kind, folder = sys.argv[1:]
writer = open_writer(kind, folder)
for step in range(5):
    log(writer, step)
def fails(step):
    try:
        log(writer, step)
    except OSError:
        return True
    return False
resource.setrlimit(resource.RLIMIT_FSIZE, (written(folder), resource.RLIM_INFINITY))
assert fails(5)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
assert fails(6)
def held():
    return threading.active_count(), len(os.listdir("/proc/self/fd")), len(os.listdir(folder))
before = held()
assert all(fails(step) for step in range(7, 107))
assert all(now <= then for now, then in zip(held(), before)), (held(), before)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
if kind != "directory":
    writer.add_scalar("loss", 0.5, 107)
log(writer, 107)
assert len(os.listdir(folder)) == before[2] + 1, os.listdir(folder)
assert max(map(len, os.listdir(folder))) < 90, os.listdir(folder)
if kind != "directory":
    writer.close()
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors as Linux does")
@pytest.mark.parametrize("kind", ["torch", "tensorboardX", "directory"])
def test_a_hundred_failures_leave_one_file_for_the_recovery_and_the_users_scalars_go_on(
    kind: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, kind, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert {0, 1, 2, 3, 4, 107} <= set(steps(tmp_path))  # what was refused is written, too
    if kind != "directory":
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(tmp_path))
        events.Reload()
        assert [event.step for event in events.Scalars("loss")] == [107]


def test_a_writer_that_was_closed_is_not_emptied(tmp_path: Path) -> None:
    """tensorboardX names its files by the second, and would open the same one again."""
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    for step in range(3):
        log(writer, step)
        writer.close()
    assert steps(tmp_path) == [0, 1, 2]
