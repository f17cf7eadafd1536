"""The log of one run: what has been written to it, so that nothing is written twice."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.faults import warn
from tensorboard_plugin_gradcam.measures import Measure
from tensorboard_plugin_gradcam.records import (
    LONGEST_NAME,
    Cohort,
    Lease,
    Maps,
    Numbers,
    Predictions,
    Sample,
    Series,
    Stamp,
    Sums,
    digest_of_bytes,
    expect_readable,
    fitting,
)
from tensorboard_plugin_gradcam.writer.batch import Batch
from tensorboard_plugin_gradcam.writer.history import History, Mode
from tensorboard_plugin_gradcam.writer.leases import Leases
from tensorboard_plugin_gradcam.writer.log_measures import LogMeasures
from tensorboard_plugin_gradcam.writer.measured import records_of
from tensorboard_plugin_gradcam.writer.merging import OpenStep
from tensorboard_plugin_gradcam.writer.sinks import Sink, absolute, directory_sink, innermost, open_sink
from tensorboard_plugin_gradcam.writer.standing import Found, RunDirectory
from tensorboard_plugin_gradcam.writer.summaries import record_value, scalar_value
from tensorboard_plugin_gradcam.writer.turns import WHOLE, Turns, kept_of

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

Logged = tuple[Series, Predictions | Maps | Numbers]
_ODD = re.compile(r'["\\\x00-\x1f]')
MOST_WAITING = 100  # steps that a storage refused; then the oldest is given up

_lock = threading.Lock()
_logs: WeakKeyDictionary[Any, RunLog] = WeakKeyDictionary()
_directories: dict[str, RunLog] = {}
_last_session = 0


def log_of(writer: Any) -> RunLog:
    """Return the log of a writer or log directory; the same one each time, in this process."""
    writer = innermost(writer)
    with _lock:
        if isinstance(writer, (str, os.PathLike)):
            directory = absolute(writer)
            if directory not in _directories:
                _directories[directory] = RunLog(directory_sink(directory))
            return _directories[directory]
        if writer is None:
            return RunLog(open_sink(None))
        if writer not in _logs:
            _logs[writer] = RunLog(open_sink(writer))
        return _logs[writer]


def _new_session() -> int:
    """Return microseconds since 1970, above any other session's of this process."""
    global _last_session
    _last_session = max(time.time_ns() // 1000, _last_session + 1)
    return _last_session


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for log in (*_directories.values(), *_logs.values()):
        log.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


class RunLog:
    """Writes steps to a sink: pictures and cohorts once, then one event a step.

    Args:
        sink: where to write.
        past: the session's number, of a run that is written after the fact: nobody is writing it now, so there is no
            lease. None begins a session.
    """

    def __init__(self, sink: Sink, past: int | None = None) -> None:
        self._sink, self._past = sink, past
        self._lock = threading.RLock()
        self._written: set[str] = set()
        self._told: set[str] = set()  # names that are too long
        self._generation = -1
        self._cohorts: dict[tuple[Any, ...], tuple[str, bytes]] = {}
        self._open: dict[str, OpenStep] = {}
        self._waiting: dict[tuple[str, int], tuple[OpenStep, tuple[str, ...], dict[str, Any]]] = {}
        self._directory: RunDirectory | None = None
        self._begin_session()

    def _begin_session(self, standing: Iterable[Found] = ()) -> None:
        self._session = _new_session() if self._past is None else self._past
        self._leases = Leases(self._session)
        self._turns = Turns()
        found = list(standing)
        self._measures = LogMeasures({one.series: one.data for one in found if one.data})
        self._history = History(self._session, [(one.series, one.step) for one in found if not one.lease])
        self._meet(found)

    def _meet(self, found: Iterable[Found]) -> None:
        for one in found:
            if one.lease:
                self._leases.meet(one.lease)

    def add(
        self,
        tag: str,
        batch: Batch,
        step: int,
        class_names: Sequence[str],
        measures: Sequence[Measure] = (),
        **stamp: Any,
    ) -> None:
        """Log a batch now, together with what this method logged before at the same step of the same tag.

        Raises:
            OSError: it could not be written; the next call tries again.
            ValueError: all that was logged there is more than readers take.
        """
        with self._lock:
            before = self._open.get(tag)
            current = OpenStep(step) if before is None or before.step != step else before.copy()
            current.merge(batch)
            self.measure(tag, current, measures)
            _expect_readable(tag, current)  # or nothing is kept of the call
            self._open[tag] = current
            self._waiting[tag, step] = current, tuple(class_names), stamp
            while len(self._waiting) > MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
            for (of, _), (held, names, said) in list(self._waiting.items()):
                self.write(of, held, names, **said)  # what a storage refused before comes first
                del self._waiting[of, held.step]
                held.pictures.clear()  # they are in the log; a process may have thousands of directories

    def measure(self, tag: str, step: OpenStep, measures: Sequence[Measure]) -> None:
        """Give a step's maps the numbers that tell of the log, before it is written."""
        if not any(measure.of_log for measure in measures):
            return
        with self._lock:
            with suppress(OSError):  # which `write` tells of
                self._prepare()  # what stands in the run is compared with
            self._measures.measure(tag, step, measures)

    def write(
        self,
        tag: str,
        step: OpenStep,
        class_names: Sequence[str] = (),
        *,
        epoch: float | None = None,
        wall_time: float | None = None,
        scalars: dict[str, float] | None = None,
        mode: Mode | None = None,
        keep_maps: int | None = None,
    ) -> None:
        """Write one step of a tag; an error leaves the log such that the next step can be written.

        Args:
            tag: of the user's.
            step: all that was logged there.
            class_names: by class index.
            epoch: of the training.
            wall_time: seconds since 1970.
            scalars: by their tag, written beside it.
            mode: "add" for an addition to the run, "resume" for a training that goes on; None as `History` decides.
            keep_maps: of how many steps the samples' own maps are kept; None as `turns.kept_of` decides.

        Raises:
            OSError: it could not be written.
            ValueError: it is more than readers take; nothing of it is written.
        """
        with self._lock:
            _expect_readable(tag, step)
            self._cohort(step.samples, tuple(class_names))
            self._prepare()
            self._write_pictures(step, wall_time)
            cohort = self._write_cohort(step.samples, tuple(class_names), wall_time)
            stamp = Stamp(cohort, session=self._session, epoch=epoch, step=step.step, notes=tuple(step.notes))
            records = step_records(tag, step, stamp)
            self._tell_of_names(tag, step)
            kept = kept_of(keep_maps, len(step.samples))
            turned = {} if kept is None else self._turned(records, Cohort(tuple(step.samples), tuple(class_names)))
            values, turns, tags = self._values(records, turned, kept, mode)
            values += [scalar_value(name, value) for name, value in (scalars or {}).items()]
            for value in turns:  # at step 0, so that TensorBoard's data server keeps the last one of each tag
                self._sink.write([value], 0, wall_time)
            self._sink.write(values, step.step, wall_time)
            self._measures.keep(tag, step)
            self._write_lease(tags)
            self._sink.end_step()

    def _tell_of_names(self, tag: str, step: OpenStep) -> None:
        """Warn once of each name that is shortened."""
        known = [name for method, layer, _ in step.blocks for name in (method, layer)]
        for name in (tag, *known, *step.numbers):
            if len(name) > LONGEST_NAME and fitting(name) not in self._told:
                self._told.add(fitting(name))
                warn(
                    f"the name {name[:40]!r}... has {len(name):,} characters: it is logged with its first ones and "
                    f"{fitting(name)[-32:]}, since readers take names of at most {LONGEST_NAME:,}"
                )

    def flush(self) -> None:
        """Hand everything that was written to the operating system, or upload it."""
        with self._lock:
            self._sink.flush()

    def after_fork(self) -> None:
        """In a child process, begin a session of its own: locks may be held by threads that don't exist here."""
        self._lock = threading.RLock()
        self._sink.after_fork()
        self._begin_session()

    def release(self) -> None:
        """Say that this session has written what it had, so that the next process is not taken for a second one."""
        with self._lock:
            if self._leases.own.beat and not self._leases.own.closed and self._sink.is_open:
                self._put_lease(self._leases.closed())
                self._sink.flush()

    def _prepare(self) -> None:
        self._sink.prepare()
        if self._generation == self._sink.generation:
            return
        self._generation = self._sink.generation  # the file may not hold what was written
        self._written.clear()
        directory = self._sink.run_directory
        if directory is not None:
            self._directory = RunDirectory(directory)
            self._begin_session(self._directory.new())
            self._directory.has_new_files()

    def _write_lease(self, tags: Sequence[str]) -> None:
        """Say that this session writes these series, and look for others that do."""
        is_new = self._directory is not None and self._directory.has_new_files()
        if self._past is not None or not tags or not (is_new or self._leases.is_due(tags)):
            return
        lease = self._leases.renewed(tags)
        self._put_lease(lease)
        if self._directory is not None:
            self._meet(self._directory.new())
            self._leases.warn(str(self._sink.run_directory))

    def _write_pictures(self, step: OpenStep, wall_time: float | None) -> None:
        new = [digest for sample in step.samples for digest in (sample.image, *sample.slices) if digest]
        for digest in dict.fromkeys(new):
            if digest not in self._written and digest in step.pictures:
                picture, image_format = step.pictures[digest]
                file = picture.encode(image_format)
                self._write_blob(Series("image", digest=digest), file, wall_time, picture.thumbnail)

    def _write_cohort(self, samples: Sequence[Sample], class_names: tuple[str, ...], wall_time: float | None) -> str:
        digest, data = self._cohort(samples, class_names)
        if digest not in self._written:
            self._write_blob(Series("cohort", digest=digest), data, wall_time)
        return digest

    def _cohort(self, samples: Sequence[Sample], class_names: tuple[str, ...]) -> tuple[str, bytes]:
        key = (
            *samples,
            class_names,
        )  # samples compare by identity: the registered ones are found without a look at them
        if key not in self._cohorts:
            data = Cohort(tuple(samples), class_names).to_bytes()
            if len(samples) > WHOLE:  # its samples are new objects at each step
                self._cohorts.clear()
            if len(self._cohorts) >= 16:
                self._cohorts.pop(next(iter(self._cohorts)))
            self._cohorts[key] = digest_of_bytes(data), data
        return self._cohorts[key]

    def _write_blob(
        self, series: Series, data: bytes, wall_time: float | None, thumbnail: NDArray[np.uint8] | None = None
    ) -> None:
        # At step 0: a resumed run's `purge_step` drops what stands at later ones.
        copies = [series, replace(series, as_tensor=True)] if self._is_odd else [series]
        self._sink.write([record_value(one, data, thumbnail) for one in copies], 0, wall_time)
        self._written.add(series.digest)

    @property
    def _is_odd(self) -> bool:
        """Whether TensorBoard's data server (0.7.2) can't parse its own keys of this run's blobs."""
        return bool(_ODD.search(self._sink.run_directory or ""))

    def _put_lease(self, lease: Lease) -> None:
        self._sink.write([record_value(Series("lease", session=lease.session), lease.to_bytes())], 0)

    def _turned(self, records: Sequence[Logged], cohort: Cohort) -> dict[Series, tuple[Series, Sums]]:
        """Return the sums that are logged in place of maps, by the maps' series."""
        said = next((record for _, record in records if isinstance(record, Predictions)), None)
        found = {}
        for series, record in records:
            if isinstance(record, Maps) and record.stamp.step is not None:
                step = record.stamp.step
                sums = self._turns.sums(series, step, record.blocks, cohort, said, record.stamp)
                if sums is not None:
                    found[series] = sums
        return found

    def _values(
        self,
        records: Sequence[Logged],
        turned: Mapping[Series, tuple[Series, Sums]],
        kept: int | None,
        mode: Mode | None,
    ) -> tuple[list[Summary.Value], list[Summary.Value], list[str]]:
        """Return the records' values, those of maps that take turns, and TensorBoard's tags of what is not added to."""
        step = next((record.stamp.step for _, record in records), None)
        counted = [turned[series][0] if series in turned else series for series, _ in records]
        entries = self._history.entries(counted, step or 0, mode)
        values, turns, tags = [], [], []
        for entry, (series, record) in zip(entries, records, strict=True):
            said = replace(
                record.stamp,
                ordinal=entry.ordinal,
                relation=entry.relation,
                held=entry.held,
                replaced=entry.replaced,
                notes=record.stamp.notes if record is records[0][1] else (),
            )
            data = replace(record, stamp=said).to_bytes()
            if series in turned and kept is not None:
                turn = replace(series, session=entry.series.session, turn=1 + (entry.held - 1) % kept)
                turns.append(record_value(turn, data))
                series, sums = turned[series]
                data = replace(sums, stamp=said).to_bytes()
            values.append(record_value(entry.series, data))
            if entry.is_first:
                values.append(record_value(replace(series, first=True), data))
            if not entry.series.session:
                tags.append(series.tensorboard_tag)
        return values, turns, tags


def _expect_readable(tag: str, step: OpenStep) -> None:
    for series, record in step_records(tag, step, Stamp("00" * 16)):
        try:
            expect_readable(record)
        except ValueError as error:
            of = f" of {series.method!r} at {series.layer!r}" if series.kind == "maps" else ""
            raise ValueError(
                f"step {step.step} of {tag!r}{of} holds {error}: log fewer samples at a step, or smaller maps "
                "(max_map_size=64, precision='uint8')"
            ) from error


def step_records(tag: str, step: OpenStep, stamp: Stamp) -> list[Logged]:
    """Return all that was logged at a step, as the records of its series; names that are too long are shortened."""
    records: list[Logged] = []
    predictions: dict[str, Any] = step.full_predictions()
    if predictions or (step.notes and not step.blocks):  # which are said even where nothing else is left
        records.append((Series("predictions", fitting(tag)), Predictions(stamp, task=step.task, **predictions)))
    for (method, layer, kind), blocks in step.blocks.items():
        series = Series("maps", fitting(tag), fitting(method), fitting(layer), map_kind=kind)
        records.append((series, Maps(stamp, tuple(blocks))))
        for name, numbers in records_of(blocks, stamp).items():
            of_maps = Series("numbers", series.tag, series.method, series.layer, name=fitting(name))
            records.append((of_maps, numbers))
    for name, values in step.full_numbers().items():
        records.append((Series("numbers", fitting(tag), name=fitting(name)), Numbers(stamp, values)))
    return records
