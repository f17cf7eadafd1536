"""Decoded records as columns, one row a step: what is cached, cut to what a request asks for, and sent.

Tables never change: `take`, `concatenated` and the rest return new ones.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import (
    RELATIONS,
    Block,
    Maps,
    Numbers,
    Predictions,
    Stamp,
    Sums,
    Task,
    dequantised,
)
from tensorboard_plugin_gradcam.viewer.limits import NOTES, TEXT, TOP_CLASSES

Array = NDArray[Any]
_REPLACED_BYTES = 300  # of one `Replaced`
_LISTS = (
    "top_classes", "top_probabilities", "set_classes", "set_probabilities", "boxes", "box_classes", "box_scores",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Steps:
    """What every record says of itself, as arrays ``(S,)``."""

    step: Array
    wall_time: Array
    epoch: Array
    ordinal: Array
    session: Array
    cohort: Array  # hex digests as bytes of 32 characters
    relation: Array  # index into `RELATIONS`
    held: Array  # steps of the series that stood in the run with this one; 0 unknown
    notes: Array  # tuples of texts
    replaced: Array  # tuples of `Replaced`

    @classmethod
    def of(cls, step: int, wall_time: float, stamp: Stamp) -> Steps:
        """Return the one row of a record."""
        return cls(
            np.array([step], np.float64),
            np.array([wall_time], np.float64),
            np.array([np.nan if stamp.epoch is None else stamp.epoch], np.float32),
            np.array([stamp.ordinal], np.uint64),
            np.array([stamp.session], np.uint64),
            np.array([stamp.cohort], "S32"),
            np.array([RELATIONS.index(stamp.relation)], np.int8),
            np.array([stamp.held or 0], np.uint64),
            _objects(tuple(note[:TEXT] for note in stamp.notes[:NOTES])),
            _objects(stamp.replaced[:NOTES]),
        )

    @classmethod
    def none(cls) -> Steps:
        """Return no rows."""
        return cls(*(np.zeros(0, kind) for kind in ("f8", "f8", "f4", "u8", "u8", "S32", "i1", "u8", object, object)))

    @property
    def nbytes(self) -> int:
        """Bytes of memory, with the notes."""
        arrays: int = sum(getattr(self, field.name).nbytes for field in fields(self))
        notes = sum(sum(map(sys.getsizeof, texts), sys.getsizeof(texts)) for texts in self.notes.tolist() if texts)
        return arrays + notes + sum(_REPLACED_BYTES * len(events) for events in self.replaced.tolist())

    def take(self, rows: Array | slice) -> Steps:
        """Return some of the rows."""
        return Steps(*(getattr(self, field.name)[rows] for field in fields(self)))

    @staticmethod
    def concatenated(parts: Sequence[Steps]) -> Steps:
        """Return the rows of all `parts`."""
        return Steps(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Steps)))


def _objects(value: object) -> Array:
    array = np.empty(1, object)
    array[0] = value
    return array


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """Predictions: columns ``(S, N)`` or ``(S, N, K)``, padded with -1 or NaN; those that no step has are absent."""

    rows: int
    columns: dict[str, Array]
    task: Task = "classification"  # of the last step, as is `threshold`
    threshold: float = 0.5

    @classmethod
    def of(cls, record: Predictions) -> PredictionTable:
        """Return the one row of a record."""
        arrays = {field.name: getattr(record, field.name) for field in fields(record)}
        columns = {name: array[None] for name, array in arrays.items() if isinstance(array, np.ndarray)}
        # A copy: a view would keep what is cut off.
        columns = {
            name: column[:, :, :TOP_CLASSES].copy() if name in _LISTS and column.shape[2] > TOP_CLASSES else column
            for name, column in columns.items()
        }
        return cls(1, columns, record.task, record.threshold)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(column.nbytes for column in self.columns.values())

    def take(self, rows: Array | slice) -> PredictionTable:
        """Return some of the rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return replace(self, rows=len(np.arange(self.rows)[rows]), columns=columns)

    @staticmethod
    def concatenated(parts: Sequence[PredictionTable]) -> PredictionTable:
        """Return the rows of all `parts`, padded to the largest."""
        names = sorted({name for part in parts for name in part.columns})
        columns = {name: _padded(parts, name) for name in names}
        return replace(parts[-1], rows=sum(part.rows for part in parts), columns=columns)


def _padded(parts: Sequence[PredictionTable], name: str) -> Array:
    present = [part.columns[name] for part in parts if name in part.columns]
    if name == "masks" and len({column.ndim for column in present}) > 1:  # slices that became volumes
        present = [column for column in present if column.ndim == present[-1].ndim]
    size = tuple(max(column.shape[axis] for column in present) for axis in range(1, present[0].ndim))
    dtype = present[0].dtype
    result = np.full((sum(part.rows for part in parts), *size), -1 if dtype.kind == "i" else np.nan, dtype)
    row = 0
    for part in parts:
        if name in part.columns and part.columns[name].ndim == result.ndim:
            column = part.columns[name]
            result[(slice(row, row + part.rows), *(slice(0, n) for n in column.shape[1:]))] = column
        row += part.rows
    return result


@dataclass(frozen=True, eq=False)
class NumberTable:
    """Numbers as a flat list of E entries; `first` ``(S + 1,)`` says where the entries of each step begin."""

    first: Array
    sample: Array
    target: Array
    value: Array

    @classmethod
    def of(cls, record: Numbers) -> NumberTable:
        """Return the one row of a record."""
        size = len(record.values)
        targets = np.full(size, -1, np.int32) if record.targets is None else record.targets
        return cls(np.array([0, size], np.int64), record.sample_indices, targets, record.values)

    @property
    def rows(self) -> int:
        """S."""
        return len(self.first) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(getattr(self, field.name).nbytes for field in fields(self))

    def take(self, rows: Array | slice) -> NumberTable:
        """Return some of the rows, in the order given."""
        counts = np.diff(self.first)[rows]
        entries = _ranges(self.first[:-1][rows], counts)
        return NumberTable(_offsets(counts), self.sample[entries], self.target[entries], self.value[entries])

    def placed(self, places: Array, cohort: Array) -> NumberTable:
        """As `MapTable.placed`."""
        place = _places_of(self.first, self.sample, places, cohort)
        known = np.flatnonzero(place >= 0)
        first = np.searchsorted(known, self.first)
        return NumberTable(first, place[known], self.target[known], self.value[known])

    @staticmethod
    def concatenated(parts: Sequence[NumberTable]) -> NumberTable:
        """Return the rows of all `parts`."""
        return NumberTable(
            _offsets(np.concatenate([np.diff(part.first) for part in parts])),
            np.concatenate([part.sample for part in parts]),
            np.concatenate([part.target for part in parts]),
            np.concatenate([part.value for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class SumTable:
    """Sums of classes, a record for each row: they are few and small."""

    records: tuple[Sums, ...]

    @property
    def rows(self) -> int:
        """S."""
        return len(self.records)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(record.nbytes for record in self.records)

    def take(self, rows: Array | slice) -> SumTable:
        """Return some of the rows, in the order given."""
        return SumTable(tuple(self.records[row] for row in np.arange(self.rows)[rows].tolist()))

    @staticmethod
    def concatenated(parts: Sequence[SumTable]) -> SumTable:
        """Return the rows of all `parts`."""
        return SumTable(tuple(record for part in parts for record in part.records))


@dataclass(frozen=True, eq=False)
class MapTable:
    """Maps as a flat list of E entries; `first` ``(S + 1,)`` says where the entries of each step begin."""

    first: Array
    sample: Array
    target: Array
    score: Array
    minimum: Array
    maximum: Array
    non_finite: Array
    box: Array  # which of the sample's predicted boxes is explained, or -1
    name: Array  # index into `names`, or -1
    shape: Array  # (E, R)
    values: Array  # uint8, or float32 raw
    names: tuple[str, ...]
    native_shape: tuple[int, ...]  # of the last step

    @classmethod
    def of(cls, record: Maps) -> MapTable:
        """Return the one row of a record."""
        if not record.blocks:
            return _EMPTY_STEP
        table = cls.concatenated([_of_block(block) for block in record.blocks])
        return replace(table, first=np.array([0, table.entries], np.int64))

    @property
    def rows(self) -> int:
        """S."""
        return len(self.first) - 1

    @property
    def entries(self) -> int:
        """E."""
        return len(self.sample)

    @property
    def sizes(self) -> Array:
        """Cells of each entry."""
        sizes: Array = self.shape.prod(axis=1, dtype=np.int64)
        return sizes

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        numbers = sum(getattr(self, name).nbytes for name in ("first", "values", *_ENTRY_COLUMNS))
        return int(numbers) + sum(map(sys.getsizeof, self.names))

    def rows_between(self, start: int, stop: int) -> MapTable:
        """Return the rows from `start` to before `stop`, without copying."""
        low, high = int(self.first[start]), int(self.first[stop])
        before, within = int(self.sizes[:low].sum()), int(self.sizes[low:high].sum())
        columns = {name: getattr(self, name)[low:high] for name in _ENTRY_COLUMNS}
        values = self.values[before : before + within]
        return replace(self, first=self.first[start : stop + 1] - low, values=values, **columns)

    def placed(self, places: Array, cohort: Array) -> MapTable:
        """Return the entries that have a place, under it: `places` ``(C, N)`` of each cohort, -1 for none."""
        place = _places_of(self.first, self.sample, places, cohort)
        return replace(self, sample=place)._take_entries(np.flatnonzero(place >= 0))

    def of_samples(self, samples: Array) -> MapTable:
        """Return the entries of some samples."""
        return self._take_entries(np.flatnonzero(np.isin(self.sample, samples)))

    def take(self, rows: Array) -> MapTable:
        """Return some of the rows, in the order given."""
        counts = np.diff(self.first)[rows]
        entries = _ranges(self.first[:-1][rows], counts)
        columns = {name: getattr(self, name)[entries] for name in _ENTRY_COLUMNS}
        return replace(self, first=_offsets(counts), values=self._cells(entries), **columns)

    def _take_entries(self, entries: Array) -> MapTable:
        columns = {name: getattr(self, name)[entries] for name in _ENTRY_COLUMNS}
        return replace(self, first=np.searchsorted(entries, self.first), values=self._cells(entries), **columns)

    def _cells(self, entries: Array) -> Array:
        sizes = self.sizes
        if len(sizes) and (sizes == sizes[0]).all():  # as in almost every log: rows of one length
            return self.values.reshape(len(sizes), int(sizes[0]))[entries].reshape(-1)
        return self.values[_ranges(_offsets(sizes)[:-1][entries], sizes[entries])]

    @staticmethod
    def concatenated(parts: Sequence[MapTable]) -> MapTable:
        """Return the rows of all `parts`; if any has raw values, all get them."""
        names = {name: index for index, name in enumerate(dict.fromkeys(name for part in parts for name in part.names))}
        rank = max(part.shape.shape[1] for part in parts)
        if len({part.values.dtype for part in parts}) > 1:
            parts = [part.raw() for part in parts]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PLAIN_COLUMNS}
        return MapTable(
            first=_offsets(np.concatenate([np.diff(part.first) for part in parts])),
            name=np.concatenate([_renumbered(part, names) for part in parts]),
            shape=np.concatenate([_widened(part.shape, rank) for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            names=tuple(names),
            native_shape=parts[-1].native_shape,
            **columns,
        )

    def raw(self) -> MapTable:
        """Return it with float32 values as they were logged."""
        if self.values.dtype == np.float32:
            return self
        sizes = self.sizes
        low, high = (np.repeat(limit, sizes) for limit in (self.minimum, self.maximum))
        with np.errstate(invalid="ignore"):  # a stranger's range may be infinite
            values = dequantised(self.values[:, None], low, high)[:, 0]
        return replace(self, values=values.astype(np.float32))


_PLAIN_COLUMNS = ("sample", "target", "score", "minimum", "maximum", "non_finite", "box")
_ENTRY_COLUMNS = (*_PLAIN_COLUMNS, "name", "shape")
_NONE = np.zeros(0, np.int32)
_NO_NUMBER = np.zeros(0, np.float32)
_EMPTY_STEP = MapTable(
    first=np.zeros(2, np.int64),
    sample=_NONE,
    target=_NONE,
    score=_NO_NUMBER,
    minimum=_NO_NUMBER,
    maximum=_NO_NUMBER,
    non_finite=_NONE,
    box=_NONE,
    name=_NONE,
    shape=np.zeros((0, 2), np.int32),
    values=np.zeros(0, np.uint8),
    names=(),
    native_shape=(),
)


def _of_block(block: Block) -> MapTable:
    size = block.size
    names = tuple(name[:TEXT] for name in block.names)
    values = block.values if block.values.dtype == np.uint8 else block.values.astype(np.float32, copy=False)
    return MapTable(
        first=np.array([0, size], np.int64),
        sample=block.sample_indices,
        target=_constant(-1, size) if block.targets is None else block.targets,
        score=_unknown(size) if block.scores is None else block.scores,
        minimum=block.minimum,
        maximum=block.maximum,
        non_finite=_constant(0, size) if block.non_finite is None else block.non_finite,
        box=_constant(-1, size) if block.boxes is None else block.boxes,
        name=np.arange(size, dtype=np.int32) if names else _constant(-1, size),
        shape=np.repeat(np.array([values.shape[1:]], np.int32), size, axis=0),
        values=values.reshape(-1),
        names=names,
        native_shape=block.native_shape,
    )


@lru_cache(maxsize=64)
def _constant(number: int, size: int) -> Array:
    """Return a column of one number, which takes no memory."""
    return np.broadcast_to(np.int32(number), size)


@lru_cache(maxsize=64)
def _unknown(size: int) -> Array:
    return np.broadcast_to(np.float32(np.nan), size)


def _places_of(first: Array, sample: Array, places: Array, cohort: Array) -> Array:
    """Return the place of each entry's sample, -1 where its cohort has no such sample."""
    row = np.repeat(cohort, np.diff(first))
    known = (sample >= 0) & (sample < places.shape[1])
    place = np.full(len(sample), -1, np.int32)
    place[known] = places[row[known], sample[known]]
    return place


def _offsets(counts: Array) -> Array:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _ranges(starts: Array, counts: Array) -> Array:
    """Return the numbers of all ranges ``starts[i] .. starts[i] + counts[i] - 1``, one after the other."""
    shift = np.repeat(starts - _offsets(counts)[:-1], counts)
    return shift + np.arange(len(shift))


def _renumbered(part: MapTable, names: dict[str, int]) -> Array:
    numbers = np.array([names[name] for name in part.names] + [-1], np.int32)
    return numbers[part.name]


def _widened(shape: Array, rank: int) -> Array:
    missing = rank - shape.shape[1]
    return np.pad(shape, ((0, 0), (missing, 0)), constant_values=1) if missing else shape
