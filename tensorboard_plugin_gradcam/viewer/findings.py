"""What the series of maps that are shown say by themselves: read off summaries that new steps extend."""

from __future__ import annotations

import base64
import json
import math
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import (
    EVERYONE,
    Looks,
    MapsAt,
    Observations,
    Observer,
    Source,
    StepSummary,
    Stretch,
    Summary,
    atlas,
    class_picture,
    find_between,
    find_in,
    in_a_row,
    known_of_batches,
    png,
    strongest_first,
    summary_of,
    timeline,
)
from tensorboard_plugin_gradcam.findings.evidence import portions
from tensorboard_plugin_gradcam.findings.finding import Finding, Kind
from tensorboard_plugin_gradcam.findings.summary import MOST_CLASSES, OBJECT_BYTES
from tensorboard_plugin_gradcam.records import Block, CohortParts, MapKind, Predictions, Stamp
from tensorboard_plugin_gradcam.viewer.budget import Processor
from tensorboard_plugin_gradcam.viewer.catalog import Key
from tensorboard_plugin_gradcam.viewer.limits import FEWEST_CLASSES, LOOKED_BYTES, SUMMARIES_BYTES, SUMMARY_BYTES
from tensorboard_plugin_gradcam.viewer.store import Loaded
from tensorboard_plugin_gradcam.viewer.tables import MapTable, PredictionTable, SumTable


class Listing(NamedTuple):
    """What is known of a list of samples, without the samples themselves."""

    known: Observations
    class_names: tuple[str, ...]


CohortOf = Callable[[str], Listing | None]  # by its digest


def listing_of(data: bytes) -> Listing:
    """Read a serialised list of samples one by one; raises `CorruptRecord` or `NewerFormat`."""
    parts = CohortParts(data)
    return Listing(known_of_batches(parts.batches(), parts.count), tuple(parts.class_names()))


class Studied(NamedTuple):
    """One series as it was read last, with what the model said of its samples."""

    key: Key
    kind: MapKind
    maps: Loaded
    said: Loaded | None
    sums: Loaded | None = None  # of whole data sets

    @property
    def handed(self) -> int:
        """Bytes that TensorBoard hands over for it."""
        return sum(0 if one is None else one.handed for one in (self.maps, self.said, self.sums))

    @property
    def state(self) -> tuple[str, ...]:
        """Another one after each reading."""
        return tuple("" if one is None else one.state for one in (self.maps, self.said, self.sums))

    @property
    def generation(self) -> str:
        """The same as long as steps are only added."""
        return self.maps.generation if self.sums is None else self.sums.generation


@dataclass
class Summarised:
    """One series as far as it was summarised."""

    generation: str
    observer: Observer
    summary: Summary = field(default_factory=Summary)
    class_names: tuple[str, ...] = ()
    last_step: float = -1.0
    lock: threading.Lock = field(default_factory=threading.Lock)


Found = tuple[Key, Summarised, Looks, MapsAt]


class Summaries:
    """Summaries by series, the least recently used forgotten first; thread-safe."""

    def __init__(self, budget: int = SUMMARIES_BYTES) -> None:
        self._budget = budget
        self._kept: OrderedDict[tuple[str, Key], Summarised] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all that are kept."""
        return sum(one.summary.nbytes for one in list(self._kept.values()))

    def of(self, experiment: str, one: Studied, cohort_of: CohortOf, processor: Processor) -> Summarised:
        """Return the summary of a series, extended by the steps that are new since it was asked for last.

        Raises:
            Busy: that is too much work for one request; what was done is kept, and the next one goes on.
        """
        found = self._slot(experiment, one)
        try:
            with found.lock:
                if one.sums is None:
                    _extend(found, one, cohort_of, processor)
                else:
                    _extend_by_sums(found, one, one.sums, cohort_of, processor)
        finally:
            self._forget(found)
        return found

    def _slot(self, experiment: str, series: Studied) -> Summarised:
        where = experiment, series.key
        with self._lock:
            found = self._kept.get(where)
            if found is None or found.generation != series.generation or found.summary.nbytes > SUMMARY_BYTES:
                found = self._kept[where] = Summarised(series.generation, Observer(series.kind))
                read = [one.steps for one in (series.maps, series.sums) if one is not None]
                steps = max(0 if one is None else len(one.step) for one in read)
                affordable = SUMMARY_BYTES // (2 * max(steps, 1) * (OBJECT_BYTES + 700))  # twice as many may come
                found.summary.most_classes = min(MOST_CLASSES, max(FEWEST_CLASSES, affordable))
            self._kept.move_to_end(where)
            return found

    def _forget(self, newest: Summarised) -> None:
        with self._lock:
            total = self.nbytes
            while total > self._budget and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                total -= gone.summary.nbytes
                if gone is newest:  # another request used the others since
                    break


def _extend(
    found: Summarised, series: Studied, cohort_of: CohortOf, processor: Processor, until: float = math.inf
) -> None:
    """Summarise the maps of the steps that are new, below `until`."""
    for stretch in _new_stretches(found, series.maps, series.said, cohort_of, until):
        processor.expect_some()
        found.last_step = float(stretch.steps[-1])
        found.summary.extend(stretch)
        processor.note_progress()


def _extend_by_sums(
    found: Summarised, series: Studied, sums: Loaded, cohort_of: CohortOf, processor: Processor
) -> None:
    """Take the sums of the steps that are new, and the last step's own maps."""
    if sums.steps is None or not isinstance(sums.table, SumTable):
        return
    for step, record in zip(sums.steps.step.tolist(), sums.table.records, strict=True):
        if step > found.last_step:
            processor.expect_some()
            _extend(found, series, cohort_of, processor, until=step)  # what was logged before there were sums
            rows, columns = record.grid.tolist()
            found.summary.adopt(summary_of(int(step), record, found.summary.most_classes), (rows, columns))
            found.last_step = step
            processor.note_progress()
    if not found.summary.is_current and series.maps.steps is not None:
        before, found.last_step = found.last_step, float(series.maps.steps.step[-1]) - 1
        for stretch in _new_stretches(found, series.maps, series.said, cohort_of):
            found.summary.look_at(stretch.last())
        found.last_step = before


def maps_of(found: Summarised, series: Studied, cohort_of: CohortOf) -> MapsAt:
    """Return what gives a step's own maps."""

    def maps_at(step: int) -> Observations | None:
        with found.lock:
            alone = replace(found, last_step=step - 0.5)
            return next(
                (one.last() for one in _new_stretches(alone, series.maps, None, cohort_of, until=step + 0.5)), None
            )

    return maps_at


def packed(content: Mapping[str, Any]) -> bytes:
    """Return an answer as gzipped JSON."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    compressor = zlib.compressobj(3, wbits=31)
    return compressor.compress(text.encode()) + compressor.flush()


@dataclass(frozen=True, eq=False)
class LookedAt:
    """What was found in one series by itself, and its end, by which runs are compared.

    Attributes:
        state: of what it was found in.
        found: findings, in no order.
        shown: the run's entry in the answer.
        class_names: of the samples.
        end: the series' last step; None where it is too large to be compared.
    """

    state: tuple[str, ...]
    found: list[Finding]
    shown: dict[str, Any]
    class_names: tuple[str, ...]
    end: Source | None

    @property
    def nbytes(self) -> int:
        """Bytes of memory, roughly."""
        of_end = 0 if self.end is None else self.end.summary.nbytes
        numbers = sum(map(len, self.shown["timeline"].values()))
        return of_end + sum(2000 + 200 * len(one.samples) for one in self.found) + 32 * numbers


def looked_at(found: Found, state: tuple[str, ...] = ()) -> LookedAt:
    """Look for findings in one series."""
    key, summarised, looks, maps_at = found
    source = Source(key.run, key.tag, key.method, key.layer, summarised.summary, looks, maps_at)
    end = Source(key.run, key.tag, key.method, key.layer, summarised.summary.end())
    shown = _shown(key, summarised.summary)
    return LookedAt(state, find_in(source), shown, summarised.class_names, end)


class Looked:
    """What was found in series, by their state; the least recently used are forgotten first; thread-safe."""

    def __init__(self, budget: int = LOOKED_BYTES) -> None:
        self._budget = budget
        self._kept: OrderedDict[tuple[str, Key], LookedAt] = OrderedDict()
        self._lock = threading.Lock()

    def kept(self, experiment: str, key: Key, state: tuple[str, ...] | None) -> LookedAt | None:
        """Return what was found in a series in that state, if it is known."""
        with self._lock:
            found = self._kept.get((experiment, key))
            if found is None or found.state != state:
                return None
            self._kept.move_to_end((experiment, key))
            return found

    def keep(self, experiment: str, key: Key, found: LookedAt) -> None:
        """Keep what was found in a series."""
        where = experiment, key
        with self._lock:
            self._kept[where] = found
            self._kept.move_to_end(where)
            total = sum(one.nbytes for one in self._kept.values())
            while total > self._budget and self._kept:
                total -= self._kept.popitem(last=False)[1].nbytes


def comparable(looked: Iterable[LookedAt], budget: int = LOOKED_BYTES) -> Iterator[LookedAt]:
    """Yield what was found in series, without the ends of those that all together would take too much."""
    for one in looked:
        budget -= one.nbytes
        yield one if budget >= 0 else replace(one, end=None)


def findings_json(looked: Sequence[LookedAt]) -> dict[str, Any]:
    """Return the findings of several runs' series, what was looked at and for, and a ribbon for each run."""
    names = next((one.class_names for one in looked if one.class_names), ())
    found = [finding for one in looked for finding in one.found]
    found += find_between([one.end for one in looked if one.end is not None])
    return {
        "findings": [finding.to_json(names) for finding in strongest_first(found)],
        "looked_for": list(get_args(Kind)),
        "not_compared": [one.shown["run"] for one in looked if one.end is None],
        "runs": [one.shown for one in looked],
    }


def _shown(key: Key, summary: Summary) -> dict[str, Any]:
    last = summary.steps[-1].groups[EVERYONE].count if summary.steps else 0
    shown = {name: _numbers(values) for name, values in timeline(summary).items()} if summary.steps else {}
    return {"run": key.run, "steps": len(summary.steps), "samples": last, "timeline": shown}


def atlas_json(found: Summarised, step: float, looks: Looks) -> dict[str, Any] | None:
    """Return each class's mean attention at the last kept step at or before `step`; None where there is none."""
    at = [one for one in found.summary.steps if one.step <= step]
    if not at or found.summary.grid is None:
        return None
    names = found.class_names
    return {
        "step": at[-1].step,
        "grid": list(found.summary.grid),
        "classes": [
            _of_class(at[-1], group, names, found.summary.grid)
            | {"picture": None if (picture := class_picture(found.summary, group, looks)) is None else _base64(picture)}
            for group in sorted(at[-1].groups)
        ],
    }


def _of_class(step: StepSummary, group: int, names: tuple[str, ...], grid: tuple[int, int]) -> dict[str, Any]:
    summary = step.groups[group]
    numbers = {name: _number(getattr(summary, name)) for name in ("accuracy", "inside", "expected_inside", "alike")}
    return {
        "class": None if group == EVERYONE else group,
        "name": names[group] if 0 <= group < len(names) else "",
        "count": summary.count,
        "seen": summary.seen,
        "mean": _numbers(atlas(summary, grid).reshape(-1)),
        **numbers,
    }


def _base64(picture: NDArray[np.uint8]) -> str:
    return base64.b64encode(png(picture)).decode()


def _new_stretches(
    found: Summarised, maps: Loaded, said: Loaded | None, cohort_of: CohortOf, until: float = math.inf
) -> Iterator[Stretch]:
    """Yield the steps that are new and below `until`, those of the same samples together."""
    if maps.steps is None or not isinstance(maps.table, MapTable):
        return
    rows = np.flatnonzero((maps.steps.step > found.last_step) & (maps.steps.step < until))
    if not len(rows):
        return
    entries = _Entries(maps.table)
    predictions = _Said(said)
    digest, cohort = "", None  # one at a time is kept: a stranger's log may have one for each step
    for part in _alike(rows, maps.steps.cohort, entries):
        if digest != (digest := bytes(maps.steps.cohort[part[0]]).decode()):
            cohort = cohort_of(digest)
        if cohort is not None:
            found.class_names = cohort.class_names
            steps = [int(step) for step in maps.steps.step[part]]
            yield from _stretches(found.observer, steps, entries, part, cohort.known, predictions)


def _alike(rows: NDArray[np.int64], cohorts: NDArray[np.bytes_], entries: _Entries) -> Iterator[NDArray[np.int64]]:
    """Yield rows that follow each other and have the same cohort and the same entries, not too many at once."""

    def are_alike(first: int, other: int) -> bool:
        return cohorts[rows[first]] == cohorts[rows[other]] and entries.are_alike(rows[first], rows[other])

    for part in in_a_row(len(rows), lambda at: entries.cells(rows[at]), are_alike):
        yield rows[part]


def _stretches(
    observer: Observer,
    steps: Sequence[int],
    entries: _Entries,
    rows: NDArray[np.int64],
    known: Observations,
    said: _Said,
) -> Iterator[Stretch]:
    count = len(known.labels)
    if entries.is_plain(rows[0], count):
        found = observer.stretch(steps, entries.block(rows), known, said.at(steps, count))
        if found is not None:
            yield found
        return
    for step, row in zip(steps, rows.tolist(), strict=True):
        blocks = list(entries.blocks(row))
        columns = {name: column[0] for name, column in said.at([step], count).items()}
        observed = observer.observe(step, blocks, known, Predictions(Stamp("0" * 32), **columns) if columns else None)
        if observed is not None:
            yield observed.stretch


def observed_at(one: Studied, step: float, cohort_of: CohortOf) -> Observations | None:
    """Return the last kept step of a series at or before `step` with its samples' maps; None where there is none.

    Of a whole data set, whose samples' own maps are kept for the last steps only, the first of those if need be.
    """
    steps, table = one.maps.steps, one.maps.table
    if steps is None or not isinstance(table, MapTable) or not len(steps.step):
        return None
    row = int((steps.step <= step).sum()) - 1
    if row < 0 and one.sums is None:
        return None
    row = max(row, 0)
    cohort = cohort_of(bytes(steps.cohort[row]).decode())
    if cohort is None:
        return None
    at = int(steps.step[row])
    columns = {name: column[0] for name, column in _Said(one.said).at([at], len(cohort.known.labels)).items()}
    predictions = Predictions(Stamp("0" * 32), **columns) if columns else None
    return Observer(one.kind).observe(at, list(_Entries(table).blocks(row)), cohort.known, predictions)


class _Entries:
    """The entries of a table's rows as blocks of maps."""

    def __init__(self, table: MapTable) -> None:
        self._table = table
        self._starts = np.concatenate([[0], np.cumsum(table.sizes)])
        self._first = table.first.tolist()

    def cells(self, row: int) -> int:
        return int(self._starts[self._first[row + 1]] - self._starts[self._first[row]])

    def are_alike(self, row: int, other: int) -> bool:
        """Tell whether two rows have maps of the same samples and shapes, in one order."""
        mine, theirs = (slice(self._first[one], self._first[one + 1]) for one in (row, other))
        table = self._table
        return np.array_equal(table.sample[mine], table.sample[theirs]) and np.array_equal(
            table.shape[mine], table.shape[theirs]
        )

    def is_plain(self, row: int, count: int) -> bool:
        """Tell whether a row has one map of each of so many samples in their order, all of one shape."""
        mine = slice(self._first[row], self._first[row + 1])
        shape = self._table.shape[mine]
        return np.array_equal(self._table.sample[mine], np.arange(count)) and bool(count and (shape == shape[0]).all())

    def block(self, rows: NDArray[np.int64]) -> Block:
        """Return the entries of rows that follow each other, all of one shape."""
        table, mine = self._table, slice(self._first[rows[0]], self._first[rows[-1] + 1])
        values = table.values[int(self._starts[mine.start]) : int(self._starts[mine.stop])]
        shape = table.shape[mine.start].tolist()
        values = values.reshape(mine.stop - mine.start, *shape)
        return Block(values, table.minimum[mine], table.maximum[mine], samples=table.sample[mine])

    def blocks(self, row: int) -> Iterator[Block]:
        """Yield the entries of a row, those of one shape together."""
        table, low, high = self._table, self._first[row], self._first[row + 1]
        if low == high:
            return
        shapes, which = np.unique(table.shape[low:high], axis=0, return_inverse=True)
        for index, shape in enumerate(shapes.tolist()):
            entries = low + np.flatnonzero(which.reshape(-1) == index)
            yield Block(
                values=self._values(entries, shape),
                minimum=table.minimum[entries],
                maximum=table.maximum[entries],
                samples=table.sample[entries],
            )

    def _values(self, entries: NDArray[np.int64], shape: Sequence[int]) -> NDArray[Any]:
        """Return the cells of entries of one shape, copied only where others lie between them."""
        starts, size, values = self._starts[entries], math.prod(shape), self._table.values
        if starts[-1] - starts[0] == (len(entries) - 1) * size:
            return values[starts[0] : starts[-1] + size].reshape(len(entries), *shape)
        found = np.empty((len(entries), size), dtype=values.dtype)
        for part in portions(len(entries), size):
            found[part] = values[starts[part, None] + np.arange(size)]
        return found.reshape(len(entries), *shape)


class _Said:
    """The predictions of a run, by step."""

    def __init__(self, said: Loaded | None) -> None:
        is_there = said is not None and said.steps is not None and isinstance(said.table, PredictionTable)
        table = said.table if is_there and said is not None else None
        self._columns = table.columns if isinstance(table, PredictionTable) else {}
        steps = said.steps.step.tolist() if is_there and said is not None and said.steps is not None else []
        self._rows = {int(step): row for row, step in enumerate(steps)}

    def at(self, steps: Sequence[int], count: int) -> dict[str, NDArray[Any]]:
        """Return the columns ``(T, count)`` at some steps; none where a step lacks them."""
        rows = [self._rows.get(step, -1) for step in steps]
        columns = {name: self._columns[name] for name in ("prediction", "probability", "loss") if name in self._columns}
        if min(rows, default=-1) < 0:
            known = np.array(rows) >= 0
            return {
                name: np.where(known[:, None], column[rows][:, :count], -1 if column.dtype.kind == "i" else np.nan)
                for name, column in columns.items()
                if column.shape[1] >= count and known.any()
            }
        return {name: column[rows][:, :count] for name, column in columns.items() if column.shape[1] >= count}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: Any) -> list[float | None]:
    rounded = np.asarray(values, dtype=np.float64).round(6)
    numbers: list[float | None] = rounded.tolist()
    for index in np.flatnonzero(~np.isfinite(rounded)).tolist():
        numbers[index] = None
    return numbers
