"""A look at local event files, in the background: TensorBoard's loaders tell nobody but their log of a damaged one.

The data provider has no sizes and no frames, so this reads the files themselves, as far as the log directory is one of
this machine's own: frame by frame, a few megabytes a second, and each byte once. Nothing is shown of what is read but
the step after which it is damaged, and how much was not read.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tensorboard_plugin_gradcam.event_files import Frame, Gap, Unfinished, opened, scan
from tensorboard_plugin_gradcam.viewer.limits import DAMAGE_BYTES_A_SECOND, DAMAGE_LARGEST, DAMAGE_SECONDS


@dataclass
class _File:
    """How far a file was looked at; `lost` bytes were not read after `step`."""

    looked_at: int = 0
    step: int | None = None
    after: int | None = None
    lost: int = 0
    stopped: bool = False


class Damage:
    """What is damaged in the event files below a log directory; nothing where there is none on this machine."""

    def __init__(self, logdir: str | None, data_server: bool) -> None:
        """Look at nothing yet; `data_server` says which of TensorBoard's two loaders reads the files."""
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
        assert self._logdir is not None
        found: dict[str, str] = {}
        for folder, _, names in os.walk(self._logdir, followlinks=True):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if "tfevents" in name and _is_regular(path):
                    file = self._files.setdefault(path, _File())
                    try:
                        self._extend(path, file)
                    except OSError:  # gone, or not ours to read: TensorBoard says so
                        continue
                    if file.lost:
                        found[os.path.relpath(folder, self._logdir)] = _sentence(file)
                        self._problems = {**self._problems, **found}
        self._problems = found

    def _extend(self, path: str, file: _File) -> None:
        read_at, size = opened(path)
        if size < file.looked_at:  # written anew
            file.__init__()  # type: ignore[misc]
        if file.stopped:
            file.lost += size - file.looked_at
            file.looked_at = size
            return
        for part in scan(read_at, size, file.looked_at, DAMAGE_LARGEST):
            if isinstance(part, Unfinished):
                return
            if isinstance(part, Frame):
                file.step = _step_of(part.data, file.step)
            elif self._ends(part, file, size):
                return
            file.looked_at = part.end
            time.sleep((part.end - part.start) / DAMAGE_BYTES_A_SECOND)

    def _ends(self, gap: Gap, file: _File, size: int) -> bool:
        """Note a damaged place; tell whether TensorBoard reads no further than that."""
        file.after = file.step if not file.lost else file.after
        # The data server checks no checksum of the data: it goes on where they are an event still.
        file.stopped = not (self._data_server and gap.data is not None and _parses(gap.data))
        file.lost += size - gap.start if file.stopped else gap.size
        file.looked_at = size
        return file.stopped


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


def _step_of(data: bytes, known: int | None) -> int | None:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        event = Event.FromString(data)
    except DecodeError:
        return known
    return event.step if event.HasField("summary") else known


def _parses(data: bytes) -> bool:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        Event.FromString(data)
    except DecodeError:
        return False
    return True


def _sentence(file: _File) -> str:
    after = "its beginning" if file.after is None else f"step {file.after:,}"
    return f"An event file of this run is damaged after {after}; {file.lost:,} bytes were not read."
