"""What local event files hold of each series, record by record: what TensorBoard would have to hand over.

A record is kept as six numbers, not as its data. Only those are kept that can be read: of the others, packets say so.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.logs.values import PLUGINS, Value, values_of
from tensorboard_plugin_gradcam.records import CorruptRecord, NewerFormat, Series
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.envelope import payload_of
from tensorboard_plugin_gradcam.records.wire import fields, parsed
from tensorboard_plugin_gradcam.viewer.limits import HELD_BYTES, UNREAD_SECONDS

KINDS = ("predictions", "maps", "numbers", "sums")  # of which each step has a record
AT, STEP, MARK, SESSION, ORDINAL, RELATION = range(6)  # columns
Numbers = NDArray[np.int64]

_COLUMNS = 6
_LIST_BYTES = 1500  # that a file's list of a tag's records takes, empty


@dataclass
class _Records:
    """A tag's records in one file, in the order in which they stand there."""

    numbers: array[int] = field(default_factory=lambda: array("q"))
    seen: list[tuple[float, int]] = field(default_factory=list)  # when there were how many, of late
    highest: int = -(2**63)
    descends: bool = False

    def __len__(self) -> int:
        return len(self.numbers) // _COLUMNS

    def note(self, now: float) -> None:
        """Remember how many there are now; of what is older than `UNREAD_SECONDS`, the last is enough."""
        if not self.seen or self.seen[-1][1] != len(self):
            self.seen.append((now, len(self)))
            while len(self.seen) > 1 and self.seen[1][0] <= now - UNREAD_SECONDS:
                del self.seen[0]

    def settled(self, since: float) -> int:
        """Return how many there were at a time."""
        return max((count for at, count in self.seen if at <= since), default=0)


@dataclass
class HeldFile:
    """What one event file holds of ours."""

    tags: dict[str, _Records] = field(default_factory=dict)
    restarts: list[tuple[int, int]] = field(default_factory=list)  # of a training: after how many events, at which step
    events: int = 0


@dataclass(frozen=True)
class Part:
    """A tag's records of one file.

    Attributes:
        numbers: ``(S, 6)``.
        stands: ``(S,)``, whether no training that was started again took the record back.
        settled: how many of them were there at the time that was asked for.
    """

    tag: str
    numbers: Numbers
    stands: NDArray[np.bool_]
    settled: int


class HeldRun:
    """What the event files of one run hold of ours."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}  # by tag
        self._files: dict[str, HeldFile] = {}
        self._owners: dict[str, tuple[str, bytes]] = {}
        self.version = 0

    def forget(self, path: str) -> None:
        """Forget a file, which is written anew."""
        self._files.pop(path, None)
        self.version += 1

    def take(self, path: str, event: Any) -> int:
        """Take an event in; return how many bytes that takes."""
        file = self._files.setdefault(path, HeldFile())
        file.events += 1
        if event.HasField("session_log") and event.session_log.status == event.session_log.START:
            file.restarts.append((file.events, event.step))
            self.version += 1
            return 100
        taken = 0
        for value in values_of(event, self._owners):
            with suppress(CorruptRecord, NewerFormat, OverflowError):
                taken += self._add(file, value, event.step)
        return taken

    def _add(self, file: HeldFile, value: Value, step: int) -> int:
        taken = 0
        series = self.series.get(value.tag)
        if series is None:
            series = self.series[value.tag] = value.series()
            taken += len(value.tag) + 2 * len(value.content) + _LIST_BYTES
        if series.kind not in KINDS or series.turn:
            return taken
        data = value.data()
        stamp = _stamp_of(data)
        if stamp is None or (stamp.has_step and stamp.step != step):
            return taken
        records = file.tags.get(value.tag)
        if records is None:
            records = file.tags[value.tag] = _Records()
            taken += _LIST_BYTES
        # In one go: a number too large for it must not leave half a record.
        records.numbers.extend(
            array("q", [file.events, step, hash(data), stamp.session, stamp.ordinal, int(stamp.relation)])
        )
        records.descends |= step <= records.highest
        records.highest = max(records.highest, step)
        self.version += 1
        return taken + 8 * _COLUMNS

    def lacks_data(self, event: Any) -> bool:
        """Tell whether a value of ours in an event holds nothing."""
        owners = (
            self._owners.get(value.tag, ("",))[0] for value in event.summary.value if not value.HasField("tensor")
        )
        return any(owner in PLUGINS for owner in owners)

    def note(self, path: str) -> None:
        """Say that this was all of a file, for now."""
        now = time.monotonic()
        file = self._files.get(path)
        for records in file.tags.values() if file else ():
            records.note(now)

    def highest(self, tag: str) -> int | None:
        """Return the highest step under a tag; None if there is no record."""
        steps = [file.tags[tag].highest for file in self._files.values() if tag in file.tags]
        return max(steps, default=None)

    def descends(self, tags: Iterable[str]) -> bool:
        """Tell whether the steps under one of some tags ever go down."""
        return any(
            sum(tag in file.tags for file in self._files.values()) > 1
            or any(tag in file.tags and file.tags[tag].descends for file in self._files.values())
            for tag in tags
        )

    def count(self, tag: str) -> int:
        """Return how many records stand under a tag, with those that were taken back."""
        return sum(len(file.tags[tag]) for file in self._files.values() if tag in file.tags)

    def tags_of(self, identity: Series) -> list[str]:
        """Return the tags under which a series' records stand."""
        return [tag for tag, series in self.series.items() if series.identity == identity]

    def parts(self, tags: Iterable[str], since: float = -float("inf")) -> Iterator[Part]:
        """Yield what files hold under some tags, in the order in which TensorBoard reads files.

        Args:
            tags: TensorBoard's.
            since: a time of the monotonic clock, for `Part.settled`.
        """
        asked = list(tags)
        lowest = float("inf")  # step at which a later file's training was started again
        found: list[Part] = []
        for _, file in sorted(self._files.items(), reverse=True):
            for tag in reversed(asked):
                if tag in file.tags:
                    records = file.tags[tag]
                    numbers = np.array(records.numbers, np.int64).reshape(-1, _COLUMNS)
                    stands = numbers[:, STEP] < np.minimum(_restarted(file.restarts, numbers[:, AT]), lowest)
                    found.append(Part(tag, numbers, stands, records.settled(since)))
            lowest = min([lowest, *(step for _, step in file.restarts)])
        yield from reversed(found)


class Held:
    """What the event files of all runs hold of ours, as long as that is little.

    Attributes:
        runs: what was read so far.
        too_large: runs that took too much, of which nothing is known, so that nothing is missed.
        lock: to be held while any of it is looked at.
    """

    def __init__(self) -> None:
        self.runs: dict[str, HeldRun] = defaultdict(HeldRun)
        self.too_large: set[str] = set()
        self.lock = threading.RLock()
        self._bytes: Counter[str] = Counter()

    def forget(self, run: str, path: str) -> None:
        """Forget a file, which is written anew."""
        with self.lock:
            if run in self.runs:
                self.runs[run].forget(path)

    def note(self, run: str, path: str) -> None:
        """Say that this was all of a file, for now."""
        with self.lock:
            if run in self.runs:
                self.runs[run].note(path)

    def lacks_data(self, run: str, event: Any) -> bool:
        """Tell whether a value of ours in an event holds nothing."""
        with self.lock:
            return run in self.runs and self.runs[run].lacks_data(event)

    def take(self, run: str, path: str, event: Any) -> None:
        """Take an event in; where that is too much, give up the run that takes most."""
        with self.lock:
            if run in self.too_large:
                return
            taken = self.runs[run].take(path, event)
            self._bytes[run] += taken
            if taken and self._bytes.total() > HELD_BYTES:
                largest = max(self._bytes, key=self._bytes.__getitem__)
                self.too_large.add(largest)
                del self._bytes[largest], self.runs[largest]


def _restarted(restarts: list[tuple[int, int]], events: Numbers) -> NDArray[np.float64]:
    """Return the lowest step at which a training was started again after each event."""
    if not restarts:
        return np.full(len(events), np.inf)
    at, steps = (np.array(column) for column in zip(*restarts, strict=True))
    lowest = np.append(np.minimum.accumulate(steps[::-1].astype(np.float64))[::-1], np.inf)
    return np.asarray(lowest[np.searchsorted(at, events, side="right")])


def _stamp_of(data: bytes) -> pb.Stamp | None:
    """Return what a record says of itself; None where that does not stand at its beginning, as ours does."""
    payload = payload_of(data)
    first = next(fields(payload), None)
    if first is None or first.number != 1 or first.wire_type != 2:
        return None
    return parsed(payload[first.start : first.end], pb.Stamp)
