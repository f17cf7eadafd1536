"""A log written anew into another directory: without what is damaged, or thinned to a budget.

Files keep their names and events their order, so restarts, steps and times stay what they are. Other plugins' data are
copied as they are.
"""

from __future__ import annotations

import os
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tensorboard_plugin_gradcam.event_files import FOOTER, HEADER, EventFile, Frame, masked_crc32c, opened, scan
from tensorboard_plugin_gradcam.logs.directory import event_files
from tensorboard_plugin_gradcam.logs.values import STEPS, Value, event_of, record_of, values_of
from tensorboard_plugin_gradcam.progress import progress
from tensorboard_plugin_gradcam.records import CorruptRecord, NewerFormat, Series, Stamp, surviving_moments
from tensorboard_plugin_gradcam.spreading import evenly

FRAMING = HEADER + FOOTER + 32  # bytes that a record of a step takes around its value, roughly


@dataclass(frozen=True)
class Rewritten:
    """The outcome of `fix_log` or `prune_log`.

    Attributes:
        path: the new directory.
        bytes_before: size of the event files that were read.
        bytes_after: size of the event files that were written.
        left_out: one sentence per damaged place that was skipped; empty for `prune_log`.
        steps: for `prune_log`: the largest number of steps of a series before and after.
    """

    path: Path
    bytes_before: int
    bytes_after: int
    left_out: tuple[str, ...] = ()
    steps: tuple[int, int] = (0, 0)


def fix_log(logdir: str | os.PathLike[str], output: str | os.PathLike[str], *, quiet: bool = True) -> Rewritten:
    """Write a log without its damaged records into a new directory.

    Intact records after a damaged place are kept, which TensorBoard's readers would not reach. If a file is cut off
    within a record, that record is skipped.

    Args:
        logdir: a log directory, as for TensorBoard; it is not changed.
        output: a directory that does not exist yet, or is empty.
        quiet: show no progress bar.

    Raises:
        FileNotFoundError: the log directory does not exist.
        FileExistsError: the output directory is not empty.
    """
    left_out: list[str] = []

    def stays(file: EventFile, _: int, value: Value, step: int) -> bool:
        try:
            record_of(value.series(), value.data(), step)
        except CorruptRecord as error:
            left_out.append(f"{file.name}: step {step} of tag {value.tag!r}: {error}")
            return False
        except NewerFormat:  # not ours to judge
            return True
        return True

    path, before = _written(logdir, output, stays, left_out, quiet)
    return Rewritten(path, before, _size(path), tuple(left_out))


def prune_log(
    logdir: str | os.PathLike[str], output: str | os.PathLike[str], size: int, *, quiet: bool = True
) -> Rewritten:
    """Write a log with fewer steps into a new directory, so that it takes at most `size`.

    The remaining steps of maps, predictions and numbers are spread evenly over each run and tag, include the first and
    the last, and are the same for all its series. Pictures, lists of samples and other plugins' data stay; records that
    a later training replaced go first. Damaged records are skipped.

    Args:
        logdir: a log directory, as for TensorBoard; it is not changed.
        output: a directory that does not exist yet, or is empty.
        size: largest total size of the event files, in bytes.
        quiet: show no progress bar.

    Raises:
        FileNotFoundError: the log directory does not exist.
        FileExistsError: the output directory is not empty.
        ValueError: one step, the pictures and other plugins' data alone take more than `size`.
    """
    records, rest = _step_records(logdir, quiet)
    counting = _that_count(records)
    most = _affordable(counting, rest, size)
    steps = _kept_steps(counting, most)
    kept = {record.place for record in counting if record.step in steps[record.owner]}
    listed = {record.place for record in records}

    def stays(file: EventFile, place: int, value: Value, _: int) -> bool:
        where = (file.run, value.tag, place)
        return where in kept or where not in listed

    path, before = _written(logdir, output, stays, [], quiet)
    longest = _longest(counting)
    return Rewritten(path, before, _size(path), steps=(longest, min(most, longest)))


@dataclass(frozen=True)
class _Record:
    """One record of a step: where it stands, when it was logged, and how many bytes it takes."""

    place: tuple[str, str, int]  # run, TensorBoard tag, which of its values
    series: Series
    step: int
    stamp: Stamp
    size: int

    @property
    def owner(self) -> tuple[str, str]:
        """The run and the user's tag, whose series keep the same steps."""
        return self.place[0], self.series.tag


def _step_records(logdir: str | os.PathLike[str], quiet: bool) -> tuple[list[_Record], int]:
    """Return all records of steps that can be read, and the bytes of everything else."""
    found: list[_Record] = []
    rest = 0
    runs: dict[str, _Run] = defaultdict(_Run)
    for file in progress(list(event_files(logdir)), "reading", "file", quiet):
        try:
            read_at, size = opened(file.path)
        except OSError:  # gone, or not ours to read: it is named where the files are written
            continue
        for part in scan(read_at, size):
            if not isinstance(part, Frame):
                continue
            event = event_of(part.data)
            if event is None:
                continue
            rest += part.end - part.start
            for place, value in runs[file.run].values(event):
                record = _step_record((file.run, value.tag, place), value, event.step)
                if record is not None:
                    found.append(record)
                    rest -= record.size
    return found, rest


def _step_record(place: tuple[str, str, int], value: Value, step: int) -> _Record | None:
    try:
        series = value.series()
        if series.kind not in STEPS:
            return None
        stamp = record_of(series, value.data(), step).stamp
    except (CorruptRecord, NewerFormat):
        return None
    if series.turn and stamp.step is not None:  # which stand at step 0, all of them
        step = stamp.step
    return _Record(place, series, step, stamp, value.size + FRAMING)


def _that_count(records: list[_Record]) -> list[_Record]:
    """Return the records that no later training replaced, of those that take turns the last, and copies of first ones.

    A copy shows the untrained network where a loader drops step 0.
    """
    groups: dict[tuple[str, Series], list[_Record]] = defaultdict(list)
    for record in records:
        groups[record.place[0], record.series.identity].append(record)
    counting = [record for record in records if record.series.first]
    last_turns = {record.place[:2]: record.place for record in records if record.series.turn}
    for group in groups.values():
        own = [record for record in group if not record.series.first]
        own = [record for record in own if last_turns.get(record.place[:2], record.place) == record.place]
        counting += [own[index] for index in surviving_moments((record.step, record.stamp) for record in own)]
    return counting


def _affordable(records: list[_Record], rest: int, size: int) -> int:
    """Return the largest number of steps for each run and tag with which the log fits into `size`."""

    def taken(most: int) -> int:
        steps = _kept_steps(records, most)
        return rest + sum(record.size for record in records if record.step in steps[record.owner])

    low, high = min(1, _longest(records)), _longest(records)
    if taken(low) > size:
        raise ValueError(
            f"expected a size of at least {taken(low):,} bytes, which one step, pictures and other plugins' data take, "
            f"got {size:,}"
        )
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if taken(middle) <= size else (low, middle - 1)
    return low


def _kept_steps(records: list[_Record], most: int) -> dict[tuple[str, str], set[int]]:
    return {owner: set(evenly(sorted(steps), most)) for owner, steps in _steps(records).items()}


def _steps(records: list[_Record]) -> dict[tuple[str, str], set[int]]:
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for record in records:
        found[record.owner].add(record.step)
    return found


def _longest(records: list[_Record]) -> int:
    return max(map(len, _steps(records).values()), default=0)


class _Run:
    """What has to be known of a run's values so far to read the next ones."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[str, bytes]] = {}
        self._metadata: dict[str, Any] = {}
        self._counts: Counter[str] = Counter()
        self._written: set[str] = set()

    def values(self, event: Any) -> Iterator[tuple[int, Value]]:
        """Yield an event's values of ours, each with how many of its tag came before."""
        for message in event.summary.value:
            if message.HasField("metadata"):
                self._metadata.setdefault(message.tag, message.metadata)
        for value in values_of(event, self._owners):
            self._counts[value.tag] += 1
            yield self._counts[value.tag] - 1, value

    def complete(self, message: Any) -> bool:
        """Give the first value of a tag that is written its metadata, which some writers write once for each tag.

        Returns:
            Whether it had none.
        """
        lacks = message.tag not in self._written and message.tag in self._metadata and not message.HasField("metadata")
        self._written.add(message.tag)
        if lacks:
            message.metadata.CopyFrom(self._metadata[message.tag])
        return lacks


def _written(
    logdir: str | os.PathLike[str],
    output: str | os.PathLike[str],
    stays: Callable[[EventFile, int, Value, int], bool],
    left_out: list[str],
    quiet: bool,
) -> tuple[Path, int]:
    """Write the values that stay; return the new directory and the bytes that were read."""
    path = Path(output)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"expected a new or empty directory, got {os.fspath(output)!r}: name another one")
    files = list(event_files(logdir))
    path.parent.mkdir(parents=True, exist_ok=True)
    runs: dict[str, _Run] = defaultdict(_Run)
    before = 0
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:  # whole, or not there at all
        made = Path(folder) / "log"
        made.mkdir()
        for file in progress(files, "writing", "file", quiet):
            target = made / file.run / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                for data in _events(file, runs[file.run], stays, left_out):
                    out.write(_framed(data))
            with suppress(OSError):
                before += opened(file.path)[1]
        if path.exists():
            path.rmdir()
        made.rename(path)
    return path, before


def _events(
    file: EventFile, run: _Run, stays: Callable[[EventFile, int, Value, int], bool], left_out: list[str]
) -> Iterator[bytes]:
    """Yield a file's events with the values that stay; an event that had values and keeps none is left out."""
    try:
        read_at, size = opened(file.path)
    except OSError as error:
        left_out.append(f"{file.name} can't be read: {error.strerror}")
        return
    for part in scan(read_at, size):
        event = event_of(part.data) if isinstance(part, Frame) else None
        if event is None or not isinstance(part, Frame):
            count = len(part.data) if isinstance(part, Frame) else part.size
            left_out.append(f"{file.name}: {count:,} bytes at {part.start:,} are damaged or cut off")
            continue
        gone = [value.message for place, value in run.values(event) if not stays(file, place, value, event.step)]
        kept = [message for message in event.summary.value if not any(message is one for one in gone)]
        if gone and not kept:
            continue
        completed = [run.complete(message) for message in kept]
        if not gone and not any(completed):
            yield part.data
            continue
        if gone:
            kept = [type(message).FromString(message.SerializeToString()) for message in kept]
            del event.summary.value[:]
            event.summary.value.extend(kept)
        yield event.SerializeToString()


def _framed(data: bytes) -> bytes:
    """Return data as a frame of an event file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
