"""Event files, frame by frame: what is whole, what is damaged, and what is only half written yet.

TensorBoard's own reader stops at the first damaged frame of a file, and says so in its log alone. Here the search goes
on for the next frame whose checksums hold. A frame is a length, the length's checksum, the data and its checksum
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h), so a flipped bit
anywhere is noticed.

A file may end within a frame: then a writer is still writing, or was stopped. That is an `Unfinished`, no `Gap`: the
length's checksum holds, and the file is shorter than that length; or less is left than a length takes. Which of the
two it is, `is_abandoned` judges by how long nothing was written.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER, FOOTER = 12, 4  # bytes around the data of a frame
_CHUNK = 1024  # bytes whose checksum is taken at once
_WINDOW = 2**18  # bytes that are searched at once
FOLDERS = 100_000  # of a log directory that are looked into
ABANDONED_SECONDS = 300.0  # that nothing was written into a file; writers flush theirs every two minutes
_DELTA = 0xA282EAD8  # of TensorFlow's masked checksums
_ONES = 0xFFFFFFFF


@dataclass(frozen=True)
class EventFile:
    """One event file of a run."""

    run: str
    path: str

    @property
    def name(self) -> str:
        """Its name without the folder."""
        return os.path.basename(self.path)


def listed(logdir: str) -> Iterator[EventFile]:
    """Yield the event files below a log directory, run by run, named and ordered as in TensorBoard."""
    from tensorboard.backend.event_processing import io_wrapper

    if "://" in logdir or not os.path.isdir(logdir):
        files = ((one, io_wrapper.ListDirectoryAbsolute(one)) for one in io_wrapper.GetLogdirSubdirectories(logdir))
    else:  # which TensorBoard walks without end where links go round, and not where a name is no UTF-8
        files = ((one, [os.path.join(one, name) for name in names]) for one, names in folders(logdir))
    for folder, paths in sorted(files):
        for path in sorted(paths):
            if io_wrapper.IsSummaryEventsFile(path):
                yield EventFile(run_of(folder, logdir), path)


def run_of(folder: str, logdir: str) -> str:
    """Return the run's name of a folder; bytes of it that are no UTF-8 are written out."""
    return os.path.relpath(folder, logdir).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def folders(logdir: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder of a local log directory, at most `FOLDERS`, with the names of what else is in it.

    Links are followed, as by TensorBoard, but not into a folder that they are in.
    """
    left = FOLDERS
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [(logdir, frozenset())]
    while waiting and left:
        folder, above = waiting.pop()
        left -= 1
        try:
            status = os.stat(folder)
            here = (status.st_dev, status.st_ino)
            if here in above:
                continue
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:  # gone, or not ours to read
            continue
        inner = {entry.name for entry in entries if _is_folder(entry)}
        yield folder, [entry.name for entry in entries if entry.name not in inner]
        waiting += ((os.path.join(folder, name), above | {here}) for name in sorted(inner, reverse=True))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that goes round
        return False


@dataclass(frozen=True)
class Frame:
    """A frame whose checksums hold."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + HEADER + len(self.data) + FOOTER


@dataclass(frozen=True)
class Gap:
    """Bytes that are no frame: damage. `data` is that of a frame whose length holds, but whose data do not."""

    start: int
    size: int
    data: bytes | None = None

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.start + self.size


@dataclass(frozen=True)
class Unfinished:
    """The end of a file that stops within a frame: a writer is writing, or was stopped."""

    start: int
    size: int


ReadAt = Callable[[int, int], bytes]


def scan(read_at: ReadAt, size: int, start: int = 0, largest: int | None = None) -> Iterator[Frame | Gap | Unfinished]:
    """Yield what a file holds from `start` on, which has to be the start of a frame.

    Args:
        read_at: returns bytes of the file, from an offset and as many as asked for.
        size: of the file, in bytes; what is appended while it is read belongs to the next scan.
        start: offset to begin at.
        largest: bytes of data above which a frame is passed over unread, as an empty one would be.
    """
    at = start
    spare = 4 * size + 2**26  # bytes that may be looked at twice, whatever the file claims
    while at < size:
        left = size - at
        length = _length(read_at(at, HEADER)) if left >= HEADER else None
        end = at + HEADER + (length or 0) + FOOTER
        if length is not None and end <= size:
            data = read_at(at + HEADER, length) if largest is None or length <= largest else None
            if data is None or masked_crc32c(data) == _number(read_at(end - FOOTER, FOOTER)):
                if data is not None:
                    yield Frame(at, data)
                at = end
                continue
            if end == size or (size - end >= HEADER and _length(read_at(end, HEADER)) is not None):
                yield Gap(at, end - at, data)
                at = end
                continue
        # Bytes may be missing: the next frame may begin before the end that this one claims.
        found, spent = _next_frame(read_at, size, at + 1, spare)
        spare -= spent
        if found == size and (left < HEADER or (length is not None and end > size)):
            yield Unfinished(at, left)
            return
        yield Gap(at, found - at)
        at = found


def is_abandoned(path: str) -> bool:
    """Tell whether a file was not written for so long that what it ends within will never be finished."""
    from tensorboard.compat import tf

    if "://" not in path:
        return time.time() - os.path.getmtime(path) > ABANDONED_SECONDS
    nanoseconds = getattr(tf.io.gfile.stat(path), "mtime_nsec", None)  # which TensorBoard's own substitute lacks
    return nanoseconds is not None and time.time() - nanoseconds / 1e9 > ABANDONED_SECONDS


def crc32c(data: bytes | memoryview) -> int:
    """Return the CRC-32C (Castagnoli) of bytes; 100 MB take about a second."""
    head = len(data) % _CHUNK
    state = _advanced(_ONES, data[:head])
    view = memoryview(data)
    for begin in range(head, len(data), 256 * _CHUNK):
        rows = np.frombuffer(view[begin : begin + 256 * _CHUNK], np.uint8).reshape(-1, _CHUNK)
        table = _contributions()
        for linear in np.bitwise_xor.reduce(table[np.arange(_CHUNK - 1, -1, -1) * 256 + rows], axis=1).tolist():
            state = _after_chunk(state) ^ linear
    return state ^ _ONES


def masked_crc32c(data: bytes | memoryview) -> int:
    """Return the checksum as event files have it: rotated and shifted, for files within files."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _DELTA) & _ONES


def _length(header: bytes) -> int | None:
    """Return the length that a frame's header claims, None if its checksum does not hold."""
    if len(header) < HEADER or masked_crc32c(header[:8]) != _number(header[8:]):
        return None
    return int.from_bytes(header[:8], "little")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _next_frame(read_at: ReadAt, size: int, start: int, spare: int) -> tuple[int, int]:
    """Return where the next whole frame begins, or `size`, and how many bytes were read to make sure."""
    spent = 0
    for at in range(start, size, _WINDOW):
        window = read_at(at, min(_WINDOW + HEADER - 1, size - at))
        for offset in _headers(window):
            begin = at + offset
            length = _number(window[offset : offset + 8])
            if length > size - begin - HEADER - FOOTER:
                continue
            if spent + length > spare:
                return size, spent
            spent += length
            data = read_at(begin + HEADER, length)
            if masked_crc32c(data) == _number(read_at(begin + HEADER + length, FOOTER)):
                return begin, spent
    return size, spent


def _headers(window: bytes) -> list[int]:
    """Return all offsets at which a length with the right checksum stands."""
    count = len(window) - HEADER + 1
    if count <= 0:
        return []
    cells = np.frombuffer(window, np.uint8)
    table = _contributions()
    crc = np.full(count, _after_zeros(8), np.uint32)
    for place in range(8):
        crc ^= table[(7 - place) * 256 + cells[place : place + count].astype(np.intp)]
    crc ^= np.uint32(_ONES)
    masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_DELTA)
    stored = np.zeros(count, np.uint32)
    for place in range(4):
        stored |= cells[8 + place : 8 + place + count].astype(np.uint32) << np.uint32(8 * place)
    found: list[int] = np.flatnonzero(masked == stored).tolist()
    return found


@lru_cache(maxsize=1)
def _contributions() -> NDArray[np.uint32]:
    """Return what a byte adds to the checksum with 0 to `_CHUNK` - 1 bytes behind it, flat: `[behind * 256 + byte]`."""
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = np.where(first & 1, first >> np.uint32(1) ^ np.uint32(0x82F63B78), first >> np.uint32(1))
    rows = [first]
    for _ in range(_CHUNK - 1):
        last = rows[-1]
        rows.append(first[last & np.uint32(255)] ^ last >> np.uint32(8))
    table: NDArray[np.uint32] = np.concatenate(rows).astype(np.uint32)
    return table


@lru_cache(maxsize=1)
def _rows() -> tuple[list[int], ...]:
    """Return the table's rows that plain integers need: of the last byte, and of the first four of a chunk."""
    table = _contributions().reshape(_CHUNK, 256)
    return tuple(table[behind].tolist() for behind in (0, _CHUNK - 1, _CHUNK - 2, _CHUNK - 3, _CHUNK - 4))


def _after_chunk(state: int) -> int:
    _, first, second, third, fourth = _rows()
    return first[state & 255] ^ second[state >> 8 & 255] ^ third[state >> 16 & 255] ^ fourth[state >> 24]


def _after_zeros(count: int) -> int:
    return _advanced(_ONES, bytes(count))


def _advanced(state: int, data: bytes | memoryview) -> int:
    """Return the state after fewer bytes than a chunk."""
    if len(data) >= 64:  # the state acts as if it were added to the first four bytes
        cells = np.frombuffer(data, np.uint8).astype(np.intp)
        cells[:4] ^= np.frombuffer(struct.pack("<I", state), np.uint8)
        table = _contributions()
        return int(np.bitwise_xor.reduce(table[np.arange(len(cells) - 1, -1, -1) * 256 + cells]))
    last = _rows()[0]
    for byte in bytes(data):
        state = last[(state ^ byte) & 255] ^ state >> 8
    return state


def opened(path: str) -> tuple[ReadAt, int]:
    """Return how to read a file, local or on any file system that TensorBoard knows, and its size."""
    from tensorboard.compat import tf

    if "://" not in path:
        return _local(path)
    with tf.io.gfile.GFile(path, "rb") as file:
        data: bytes = file.read()
    return (lambda at, count: data[at : at + count]), len(data)


def _local(path: str) -> tuple[ReadAt, int]:
    import os

    size = os.path.getsize(path)
    buffer: dict[str, Any] = {"at": 0, "data": b""}

    def read_at(at: int, count: int) -> bytes:
        held, data = buffer["at"], buffer["data"]
        if not held <= at <= at + count <= held + len(data):
            with open(path, "rb") as file:
                file.seek(at)
                data = file.read(max(count, 2**20))
            buffer["at"], buffer["data"], held = at, data, at
        return bytes(data[at - held : at - held + count])

    return read_at, size


def reached(step: int | None, event: Any) -> int | None:
    """Return the step that a file has reached with an event; what is no step's own, as a picture, stands at step 0."""
    return event.step if event.HasField("summary") and (event.step or step is None) else step
