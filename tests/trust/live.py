"""Trainings that go on while they are looked at: does the tab ever miss a step? `python -m tests.trust.live [SECONDS]`.

Three runs are written for SECONDS, three steps a second: one training; one that is started again twice, from an earlier
step, with and without `purge_step`; and one of two processes at once in one directory. The real TensorBoard with each
of its loaders, which looks for new data every second and every five, and which keeps all steps or few, is asked for its
series and maps twice a second meanwhile, and as long afterwards as a message may take. Nothing is damaged, so there
must be no message at any time, but where two processes write at once: there TensorBoard's data server drops steps, and
the tab must say that there are two.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.trust.damaged import problems
from tests.trust.faults import MAPS
from tests.viewer.server import Server, tensorboard
from tests.writer.victim import log, open_writer

A_SECOND = 3
RUNS = ("one", "again", "two")
AFTERWARDS = 110  # seconds: until a file was looked at again, and nothing new came for as long as is waited
FEW = "--samples_per_plugin=gradcam=40"
SERVERS = {
    "data server, every second": ("true",),
    "data server, every 5 seconds": ("true", "--reload_interval", "5"),
    "data server, few steps": ("true", FEW),
    "Python loader, every second": ("false",),
    "Python loader, every 5 seconds": ("false", "--reload_interval", "5"),
    "Python loader, few steps": ("false", FEW),
}


def write(folder: str, first: str, seconds: str, purge: str = "") -> None:
    """Log three steps a second from a first one on."""
    writer = open_writer("torch", folder, flush_secs=1, **({"purge_step": int(purge)} if purge else {}))
    begun = time.monotonic()
    for count in range(int(float(seconds) * A_SECOND)):
        log(writer, int(first) + count)
        time.sleep(max(0.0, begun + (count + 1) / A_SECOND - time.monotonic()))
    writer.close()


def training(folder: Path, first: int, seconds: float, *purge: int) -> subprocess.Popen[bytes]:
    """Start a process that logs."""
    arguments = [str(folder), str(first), str(seconds), *map(str, purge)]
    return subprocess.Popen([sys.executable, "-m", "tests.trust.live", "write", *arguments])


def started_again(folder: Path, seconds: float) -> None:
    """Log with three processes, one after the other; the later ones go back."""
    third = seconds / 3
    at = int(third * A_SECOND)
    for first, purge in ((0, ()), (at // 2, ()), (at, (at,))):
        training(folder, first, third, *purge).wait()


def written(logdir: Path, seconds: float) -> None:
    """Write all runs, and wait for that."""
    again = threading.Thread(target=started_again, args=(logdir / "again", seconds))
    again.start()
    processes = [
        training(logdir / "one", 0, seconds),
        training(logdir / "two", 0, seconds),
        training(logdir / "two", 7, seconds / 2),
    ]
    for process in processes:
        process.wait()
    again.join()


def watch(server: Server, end: threading.Event, found: Counter[str]) -> None:
    """Ask as an open tab would, twice a second, and count what is said."""
    while not end.wait(0.5):
        for run, text in problems(server).items():
            found[f"{run}: {text}"] += 1
        for run in RUNS:
            steps_of(server, run)
            server.get("predictions", run=run, tag="val")
        found["asked"] += 1


def steps_of(server: Server, run: str) -> int:
    """Return of how many steps maps are shown."""
    answer = server.get("maps", run=run, **MAPS)
    return len(answer.packet[1]["steps"]) if answer.status == 200 else 0


def main(seconds: float = 90) -> int:
    """Write and look, and print what was said."""
    bad = 0
    end = threading.Event()
    found = {name: Counter[str]() for name in SERVERS}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers = {key: stack.enter_context(tensorboard(Path(name), *SERVERS[key])) for key in SERVERS}
        watchers = [
            threading.Thread(target=watch, args=(server, end, found[key]), daemon=True)
            for key, server in servers.items()
        ]
        for one in watchers:
            one.start()
        written(Path(name), seconds)
        time.sleep(AFTERWARDS)
        end.set()
        for one in watchers:
            one.join()
        for key, server in servers.items():
            times = found[key].pop("asked")
            bad += sum(not text.startswith("two: ") for text in found[key])
            bad += not server.get("maps", run="two", **MAPS).packet[0]["two_writers"]
            steps = {run: steps_of(server, run) for run in RUNS}
            said = dict(found[key]) or "nothing"
            sys.stdout.write(f"{key}: asked {times} times, steps shown {steps}, said {said}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(*sys.argv[2:])
    else:
        raise SystemExit(main(*map(float, sys.argv[1:])))
