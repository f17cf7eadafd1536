"""A look at local event files, in the background: TensorBoard's loaders tell nobody but their log of a damaged one.

The data provider has no sizes and no frames, so this reads the files themselves, as far as the log directory is one of
this machine's own: frame by frame, a few megabytes a second, and each byte once. Nothing is shown of what is read but
the step after which it is damaged, how much was not read, and which steps TensorBoard does not show.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tensorboard_plugin_gradcam.event_files import (
    Frame,
    Gap,
    Unfinished,
    folders,
    is_abandoned,
    opened,
    reached,
    run_of,
    scan,
)
from tensorboard_plugin_gradcam.logs.values import event_of
from tensorboard_plugin_gradcam.viewer.held import Held
from tensorboard_plugin_gradcam.viewer.limits import (
    DAMAGE_BYTES_A_SECOND,
    DAMAGE_LARGEST,
    DAMAGE_SECONDS,
    DAMAGE_SHARE,
)


@dataclass
class _File:
    """How far a file was looked at.

    Attributes:
        step: of the last event that was whole.
        after: step after which it is damaged; None for its beginning.
        lost: bytes that TensorBoard does not read, because they are damaged or stand behind what is.
        stopped: whether TensorBoard reads no further than that.
        cut: bytes of a last record that was never finished.
    """

    run: str
    looked_at: int = 0
    step: int | None = None
    after: int | None = None
    lost: int = 0
    stopped: bool = False
    cut: int = 0


class Damage:
    """What is damaged in the event files below a log directory; nothing where there is none on this machine.

    Attributes:
        held: what the files hold, also behind damage.
        stopped: runs of which TensorBoard does not read a file to its end.
    """

    def __init__(self, logdir: str | None, data_server: bool) -> None:
        """Look at nothing yet; `data_server` says which of TensorBoard's two loaders reads the files."""
        self.held = Held()
        self.stopped: frozenset[str] = frozenset()
        self._logdir = logdir
        self._data_server = data_server
        self._files: dict[str, _File] = {}
        self._problems: Mapping[str, str] = {}
        self._looked = -float("inf")
        self._lock = threading.Lock()

    def problems(self) -> Mapping[str, str]:
        """Return a sentence for each damaged run, as far as was looked; a look in the background follows."""
        with self._lock:
            due = self._logdir is not None and time.monotonic() - self._looked > DAMAGE_SECONDS
            if due:
                self._looked = float("inf")  # until this look has ended
        if due:
            threading.Thread(target=self._look_and_rest, name="gradcam-damage", daemon=True).start()
        return self._problems

    def _look_and_rest(self) -> None:
        try:
            self.look()
        finally:
            self._looked = time.monotonic()

    def look(self) -> None:
        """Look at what is new in all files."""
        found: dict[str, str] = {}
        for path, run in self._paths():
            file = self._files.setdefault(path, _File(run))
            try:
                self._extend(path, file)
            except OSError:  # gone, or not ours to read: TensorBoard says so
                continue
            sentence = _sentence(file)
            if sentence is not None:
                found[run] = sentence
                self._problems = {**self._problems, **found}
                self.stopped |= {run} if file.stopped else set()
        self._problems = found
        self.stopped = frozenset(file.run for file in self._files.values() if file.stopped)

    def _paths(self) -> Iterator[tuple[str, str]]:
        assert self._logdir is not None
        for folder, names in folders(self._logdir):
            for name in names:
                path = os.path.join(folder, name)
                if "tfevents" in name and _is_regular(path):
                    yield path, run_of(folder, self._logdir)

    def _extend(self, path: str, file: _File) -> None:
        read_at, size = opened(path)
        if size < file.looked_at:  # written anew
            file.__init__(file.run)  # type: ignore[misc]
            self.held.forget(file.run, path)
        file.cut = 0
        begun = time.thread_time()
        for part in scan(read_at, size, file.looked_at, DAMAGE_LARGEST):
            if isinstance(part, Unfinished):
                file.cut = part.size if is_abandoned(path) else 0
                break
            self._take(path, file, part)
            file.looked_at = part.end
            spent, begun = time.thread_time() - begun, time.thread_time()
            time.sleep(max((part.end - part.start) / DAMAGE_BYTES_A_SECOND, spent * (1 / DAMAGE_SHARE - 1)))
        self.held.note(file.run, path)

    def _take(self, path: str, file: _File, part: Frame | Gap) -> None:
        event = event_of(part.data) if part.data is not None else None
        # The data server checks no checksum of the data: it goes on where they are an event still.
        reads_on = event is not None and (isinstance(part, Frame) or self._data_server)
        is_empty = event is not None and self.held.lacks_data(file.run, event)
        if file.stopped or not reads_on or is_empty or isinstance(part, Gap):
            file.after = file.step if not file.lost else file.after
            file.lost += part.end - part.start
            file.stopped = file.stopped or not reads_on
        if isinstance(part, Frame) and event is not None:
            file.step = file.step if file.stopped else reached(file.step, event)
            self.held.take(file.run, path, event)


def logdir_of(context: Any) -> str | None:
    """Return the log directory if it is one directory of this machine, else None."""
    logdir = getattr(getattr(context, "flags", None), "logdir", None)
    if not isinstance(logdir, str) or not logdir or "://" in logdir or not os.path.isdir(logdir):
        return None
    return logdir


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _sentence(file: _File) -> str | None:
    if file.lost:
        place = _place(file.after)
        return f"An event file of this run is damaged after {place}; {file.lost:,} bytes were not read."
    if file.cut:
        after = _place(file.step)
        return (
            f"An event file of this run ends within a record, after {after}; its last {file.cut:,} bytes were not read."
        )
    return None


def _place(step: int | None) -> str:
    return "its beginning" if step is None else f"step {step:,}"
