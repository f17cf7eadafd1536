"""What event files in a run's directory hold already: found by their frames, so that large files cost little."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboard_plugin_gradcam.records import (
    LATER_PLUGIN_NAME,
    PLUGIN_NAME,
    CorruptRecord,
    Lease,
    NewerFormat,
    Series,
)

_OURS = PLUGIN_NAME.encode()  # the other plugin's name begins with it


@dataclass(frozen=True)
class Found:
    """One value of ours in an event file: which series, at which step, and of a lease what it holds.

    Attributes:
        series: as its metadata says.
        step: of the event.
        lease: None of anything else.
        data: of cohorts and of a series' first maps, with which later ones are compared; else empty.
    """

    series: Series
    step: int
    lease: Lease | None
    data: bytes = b""


class RunDirectory:
    """The event files of one run's local directory, each read only where it has not been read yet."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._read: dict[str, int] = {}  # bytes, by file
        self._changed: int | None = None

    def has_new_files(self) -> bool:
        """Tell whether files came or went since this was asked last."""
        try:
            changed = os.stat(self._path).st_mtime_ns
        except OSError:
            return False
        is_new, self._changed = changed != self._changed, changed
        return is_new

    def new(self) -> Iterator[Found]:
        """Yield what has been written since the last call, by anybody, file by file; damaged ends are left out."""
        with suppress(OSError):
            for path in sorted(Path(self._path).iterdir()):
                if "tfevents" in path.name and path.is_file():
                    with suppress(OSError, ValueError):
                        yield from self._of_file(path)

    def _of_file(self, path: Path) -> Iterator[Found]:
        start = self._read.get(path.name, 0)
        if path.stat().st_size <= start:
            return
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for at, end in _frames(data, start):
                self._read[path.name] = end + 4
                if data.find(_OURS, at, end) >= 0:
                    yield from _ours(data[at:end])


def _frames(data: mmap.mmap, start: int) -> Iterator[tuple[int, int]]:
    """Yield where each whole frame's data begins and ends; before it stand its length and a checksum, behind it one."""
    while start + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, start)
        at, end = start + 12, start + 12 + length
        if end + 4 > len(data):
            return
        yield at, end
        start = end + 4


def _ours(data: bytes) -> Iterator[Found]:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto import event_pb2

    try:
        event = event_pb2.Event.FromString(data)
    except DecodeError:
        return
    for value in event.summary.value:
        if value.metadata.plugin_data.plugin_name in (PLUGIN_NAME, LATER_PLUGIN_NAME):
            with suppress(CorruptRecord, NewerFormat):
                found = _found(value, event.step)
                if not found.series.turn:  # whose step is not its event's; its sums have it
                    yield found


def _found(value: Any, step: int) -> Found:
    series = Series.from_bytes(value.metadata.plugin_data.content)
    is_kept = series.kind in ("lease", "cohort") or (series.kind == "maps" and series.first)
    data = bytes(value.tensor.string_val[0]) if is_kept and value.tensor.string_val else b""
    if series.kind == "lease":
        return Found(series, step, Lease.from_bytes(data) if data else None)
    return Found(series, step, None, data)
