"""What a log directory holds: runs, series, steps, samples, bytes by kind, versions and damage."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tensorboard_plugin_gradcam.event_files import EventFile, Frame, Gap, Unfinished, opened, scan
from tensorboard_plugin_gradcam.logs.directory import event_files
from tensorboard_plugin_gradcam.logs.values import Value, event_of, record_of, values_of
from tensorboard_plugin_gradcam.progress import progress
from tensorboard_plugin_gradcam.records import (
    CorruptRecord,
    Maps,
    NewerFormat,
    Numbers,
    Predictions,
    Series,
    Stamp,
    Sums,
    surviving_moments,
    told_apart,
)


@dataclass(frozen=True)
class SeriesInspection:
    """One series of records.

    Attributes:
        kind: "maps", "predictions", "numbers" or "sums".
        name: name of numbers.
        map_kind: kind of maps: "positive", "signed" or "rgb".
        steps: number of steps, without those that a restart replaced.
        samples: largest number of samples in a step.
        map_shape: cells of a map on each axis; the largest if maps differ.
        bytes: size of all its records, including replaced ones.
    """

    tag: str
    kind: str
    method: str
    layer: str
    name: str
    map_kind: str
    steps: int
    first_step: int | None
    last_step: int | None
    samples: int
    map_shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class RunInspection:
    """One run.

    Attributes:
        files: number of event files.
        bytes: size of its event files.
        bytes_by_kind: size of "pictures", "cohorts", "maps", "predictions", "numbers", "leases", "others" (other
            plugins' data and the files' own framing) and "damaged".
        pictures: number of pictures.
        formats: versions of the record's format, ascending: "1.0".
        sessions: number of processes that wrote it.
        series: its series, sorted by name.
        damage: one sentence per unreadable record.
        unfinished: files that end within a record, because a writer is writing or was killed.
    """

    run: str
    files: int
    bytes: int
    bytes_by_kind: dict[str, int]
    pictures: int
    formats: tuple[str, ...]
    sessions: int
    series: tuple[SeriesInspection, ...]
    damage: tuple[str, ...]
    unfinished: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """A log directory, run by run."""

    logdir: str
    runs: tuple[RunInspection, ...]

    @property
    def bytes(self) -> int:
        """Size of all event files."""
        return sum(run.bytes for run in self.runs)

    @property
    def is_damaged(self) -> bool:
        """Whether a record can't be read."""
        return any(run.damage for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as dicts, lists, strings and numbers."""
        return asdict(self) | {"bytes": self.bytes, "is_damaged": self.is_damaged}


def inspect_log(logdir: str | os.PathLike[str], *, quiet: bool = True) -> Inspection:
    """Return what a log directory holds. Each record is read and verified; none stays in memory.

    Example:
        >>> found = inspect_log("runs")
        >>> [(one.tag, one.method, one.steps) for run in found.runs for one in run.series if one.kind == "maps"]
        [('val', 'grad_cam', 41)]

    Args:
        logdir: a log directory, as for TensorBoard.
        quiet: show no progress bar.

    Raises:
        FileNotFoundError: the directory does not exist.
    """
    runs: dict[str, _Run] = {}
    for file in progress(list(event_files(logdir)), "reading", "file", quiet):
        runs.setdefault(file.run, _Run()).read(file)
    return Inspection(os.fspath(logdir), tuple(run.inspected(name) for name, run in runs.items()))


_KINDS = {"image": "pictures", "cohort": "cohorts", "lease": "leases"}


@dataclass
class _Found:
    """What was seen of one series so far."""

    moments: list[tuple[int, Stamp]] = field(default_factory=list)
    turns: dict[str, tuple[int, Stamp]] = field(default_factory=dict)  # the last of each tag that takes turns
    samples: int = 0
    shape: tuple[int, ...] = ()
    bytes: int = 0


@dataclass
class _Run:
    files: int = 0
    read_bytes: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    pictures: set[str] = field(default_factory=set)
    formats: set[tuple[int, int]] = field(default_factory=set)
    sessions: set[int] = field(default_factory=set)
    owners: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    series: dict[Series, _Found] = field(default_factory=lambda: defaultdict(_Found))
    damage: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    def read(self, file: EventFile) -> None:
        """Take a file in."""
        self.files += 1
        try:
            read_at, size = opened(file.path)
        except OSError as error:  # gone, or not ours to read: the other files are good
            self.damage.append(f"{file.name} can't be read: {error.strerror}")
            return
        self.read_bytes += size
        for part in scan(read_at, size):
            if isinstance(part, Unfinished):
                self.unfinished.append(file.name)
            elif isinstance(part, Gap):
                self.by_kind["damaged"] += part.size
                self.damage.append(f"{file.name}: {part.size:,} bytes at {part.start:,} are damaged")
            else:
                self._read(part, file.name)

    def _read(self, frame: Frame, name: str) -> None:
        event = event_of(frame.data)
        left = frame.end - frame.start
        if event is None:
            self.by_kind["damaged"] += left
            self.damage.append(f"{name}: the record at {frame.start:,} is no event")
            return
        if event.HasField("session_log") and event.session_log.status == event.session_log.START:
            for found in self.series.values():
                found.moments = [moment for moment in found.moments if moment[0] < event.step]
        for value in values_of(event, self.owners):
            left -= value.size
            try:
                self._take(value, event.step)
            except (CorruptRecord, NewerFormat) as error:
                self.by_kind["damaged"] += value.size
                self.damage.append(f"{name}: step {event.step} of tag {value.tag!r}: {error}")
        self.by_kind["others"] += left

    def _take(self, value: Value, step: int) -> None:
        series = value.series()
        record = record_of(series, value.data(), step)
        if isinstance(record, (Maps, Predictions, Numbers, Sums)):
            self.sessions.add(record.stamp.session)
            found = self.series[series.identity]
            if series.turn:  # of a turn's records the last one counts
                at = step if record.stamp.step is None else record.stamp.step
                found.turns[value.tag] = (at, record.stamp)
            else:
                found.moments.append((step, record.stamp))
            found.bytes += value.size
            found.samples = max(found.samples, _samples(record))
            found.shape = max([found.shape, *_shapes(record)], key=lambda shape: (int(np.prod(shape)), shape))
        elif series.kind == "image":
            self.pictures.add(series.digest)
        self.formats.add(value.format())
        self.by_kind[_KINDS.get(series.kind, series.kind)] += value.size

    def inspected(self, name: str) -> RunInspection:
        """Return it as it is reported."""
        methods = told_apart((name, series) for series in self.series)
        series = [_inspected(one, methods[name, one], found) for one, found in self.series.items()]
        return RunInspection(
            run=name,
            files=self.files,
            bytes=self.read_bytes,
            bytes_by_kind={kind: size for kind, size in sorted(self.by_kind.items()) if size},
            pictures=len(self.pictures),
            formats=tuple(f"{major}.{minor}" for major, minor in sorted(self.formats)),
            sessions=len(self.sessions),
            series=tuple(sorted(series, key=lambda one: (one.tag, one.kind, one.method, one.layer, one.name))),
            damage=tuple(self.damage),
            unfinished=tuple(self.unfinished),
        )


def _inspected(series: Series, method: str, found: _Found) -> SeriesInspection:
    moments = [*found.moments, *found.turns.values()]
    steps = [moments[index][0] for index in surviving_moments(moments)]
    return SeriesInspection(
        tag=series.tag,
        kind=series.kind,
        method=method,
        layer=series.layer,
        name=series.name,
        map_kind=series.map_kind if series.kind == "maps" else "",
        steps=len(steps),
        first_step=steps[0] if steps else None,
        last_step=steps[-1] if steps else None,
        samples=found.samples,
        map_shape=found.shape,
        bytes=found.bytes,
    )


def _samples(record: Maps | Predictions | Numbers | Sums) -> int:
    if isinstance(record, Sums):
        return int(record.count.max(initial=0))
    if isinstance(record, Predictions):
        return record.size or 0
    parts = record.blocks if isinstance(record, Maps) else (record,)
    return len({int(index) for part in parts for index in part.sample_indices})


def _shapes(record: Maps | Predictions | Numbers | Sums) -> Iterator[tuple[int, ...]]:
    if isinstance(record, Maps):
        yield from (block.values.shape[1:] for block in record.blocks if block.size)
