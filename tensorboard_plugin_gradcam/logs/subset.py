"""A part of a log: some of its runs, tags, steps and samples, as if only they had been logged."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.event_runs import EventRuns, TensorEvent
from tensorboard_plugin_gradcam.logs.values import PLUGINS, STEPS, record_of
from tensorboard_plugin_gradcam.records import (
    Block,
    Cohort,
    CorruptRecord,
    Maps,
    NewerFormat,
    Numbers,
    Predictions,
    Series,
    Sums,
    surviving_moments,
)
from tensorboard_plugin_gradcam.spreading import evenly

Names = str | Iterable[str] | None
Steps = str | int | Iterable[int] | None
Samples = str | int | Iterable[int | str] | None


@dataclass(frozen=True)
class Subset:
    """Which part of a log; None means all.

    Attributes:
        runs: names, or patterns such as "resnet*".
        tags: likewise.
        steps: "0-1000" with both ends, "0,50,100", or steps.
        max_steps: at most this many per tag, spread evenly, the first and the last among them.
        samples: ids or patterns of them, and places in the list of samples: "0-15", "cat*", 3.
    """

    runs: Names = None
    tags: Names = None
    steps: Steps = None
    max_steps: int | None = None
    samples: Samples = None

    def __post_init__(self) -> None:
        if self.max_steps is not None and self.max_steps < 1:
            raise ValueError(f"expected max_steps of 1 or more, got {self.max_steps}")
        for part in _parts(self.steps):
            if not _RANGE.fullmatch(part):
                raise ValueError(f"expected steps such as 0-1000 or 0,50,100, got {part!r}")

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self == Subset()

    def has_run(self, run: str) -> bool:
        """Tell whether a run belongs to it."""
        return _is_named(self.runs, run)

    def has_tag(self, tag: str) -> bool:
        """Tell whether a user's tag belongs to it."""
        return _is_named(self.tags, tag)

    def of_steps(self, steps: Sequence[int]) -> set[int]:
        """Return the steps that belong to it."""
        kept = sorted(set(steps))
        if self.steps is not None:
            ranges = [_range(part) for part in _parts(self.steps)]
            kept = [step for step in kept if any(first <= step <= last for first, last in ranges)]
        if self.max_steps is not None and len(kept) > self.max_steps:
            kept = evenly(kept, self.max_steps)
        return set(kept)

    def of_samples(self, cohort: Cohort) -> NDArray[np.int32]:
        """Return the indices of the samples that belong to it, ascending."""
        names = [sample.id for sample in cohort.samples]
        kept: set[int] = set()
        for part in _parts(self.samples):
            found = [at for at, name in enumerate(names) if name and fnmatchcase(name, part)]
            if not found and _RANGE.fullmatch(part):
                first, last = _range(part)
                found = list(range(first, min(last + 1, len(names))))
            kept.update(found)
        return np.array(sorted(kept), np.int32)


_RANGE = re.compile(r"\d+(?:-\d+)?")


def _parts(value: str | int | Iterable[int | str] | None) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [str(value)] if isinstance(value, int) else [str(part) for part in value or ()]


def _range(part: str) -> tuple[int, int]:
    first, _, last = part.partition("-")
    return int(first), int(last or first)


def _is_named(wanted: Names, name: str) -> bool:
    if wanted is None:
        return True
    patterns = [wanted] if isinstance(wanted, str) else wanted
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


class SubsetRuns:
    """The part of a log's events that a subset names; asked like `EventRuns`.

    Attributes:
        problems: of the events, and one for each record that could not be read and so was left out.
    """

    def __init__(self, events: EventRuns, subset: Subset) -> None:
        """Choose the events.

        Raises:
            ValueError: nothing of the log belongs to the subset.
        """
        self.problems = list(events.problems)
        self._contents: dict[str, dict[str, dict[str, bytes]]] = {plugin: defaultdict(dict) for plugin in PLUGINS}
        self._values: dict[tuple[str, str], list[TensorEvent]] = {}
        for plugin in PLUGINS:
            for run, contents in events.PluginRunToTagToContent(plugin).items():
                if subset.has_run(run):
                    self._contents[plugin][run] = dict(contents)
                    self._values.update({(run, tag): list(events.Tensors(run, tag)) for tag in contents})
        runs = {run for found in self._contents.values() for run in found}
        if not runs:
            every = sorted({run for plugin in PLUGINS for run in events.PluginRunToTagToContent(plugin)})
            raise ValueError(f"expected runs among {some_names(every)}, got {subset.runs!r}" if every else NOTHING)
        if not subset.is_all:
            kept = sum(_Cut(self, run, subset).made() for run in sorted(runs))
            if not kept:
                raise ValueError(f"expected a part of the log that holds records, got none for {_said(subset)}")

    def PluginRunToTagToContent(self, plugin: str) -> dict[str, dict[str, bytes]]:
        """Return the content of each tag of a plugin, by run."""
        return {run: dict(contents) for run, contents in self._contents[plugin].items() if contents}

    def Tensors(self, run: str, tag: str) -> list[TensorEvent]:
        """Return all values of a tag, in the order in which they were written."""
        return self._values[run, tag]

    def tags(self, run: str) -> dict[str, bytes]:
        """Return the content of each tag of a run."""
        return {tag: content for found in self._contents.values() for tag, content in found.get(run, {}).items()}

    def replace(self, run: str, tag: str, content: bytes | None, values: list[TensorEvent]) -> None:
        """Put other values in the place of a tag's; content None removes the tag."""
        for found in self._contents.values():
            if tag in found.get(run, {}):
                if content is None:
                    del found[run][tag]
                    self._values.pop((run, tag))
                else:
                    self._values[run, tag] = values

    def add(self, run: str, series: Series, event: TensorEvent, data: bytes) -> None:
        """Add a tag with one value."""
        self._contents[series.plugin_name][run][series.tensorboard_tag] = series.to_bytes()
        self._values[run, series.tensorboard_tag] = [with_data(event, data)]


NOTHING = "expected a log with Grad-CAM records, got none: is it the right directory?"


def with_data(event: TensorEvent, data: bytes) -> TensorEvent:
    """Return an event whose tensor holds other bytes."""
    tensor = type(event.tensor_proto)()
    tensor.CopyFrom(event.tensor_proto)
    tensor.string_val[:] = [data]
    return event._replace(tensor_proto=tensor)


class _Cut:
    """One run, reduced to a subset."""

    def __init__(self, runs: SubsetRuns, run: str, subset: Subset) -> None:
        self._runs, self._run, self._subset = runs, run, subset
        self._places: dict[str, NDArray[np.int32]] = {}  # of the kept samples, by cohort
        self._digests: dict[str, str] = {}  # of the cohorts of kept samples, by those of all
        self._series: dict[str, Series] = {}
        for tag, content in runs.tags(run).items():
            try:
                self._series[tag] = Series.from_bytes(content)
            except (CorruptRecord, NewerFormat) as error:
                self._tell(tag, error)
                runs.replace(run, tag, None, [])

    def made(self) -> int:
        """Reduce it; return how many records are left."""
        if self._subset.samples is not None:
            self._cut_cohorts()
        chosen: dict[str, dict[int, Any]] = {}  # records that count, by tag and place in it
        by_identity: dict[Series, list[tuple[str, int, Any]]] = defaultdict(list)
        for tag, series in self._series.items():
            if series.kind in STEPS:
                chosen[tag] = {}
                if self._subset.has_tag(series.tag):
                    by_identity[series.identity] += self._records(tag, series)
        for found in by_identity.values():
            for tag, place, record in _that_count(found, self._runs, self._run):
                chosen[tag][place] = record
        steps = self._steps(chosen)
        return sum(self._keep(tag, records, steps[self._series[tag].tag]) for tag, records in chosen.items())

    def _cut_cohorts(self) -> None:
        for tag, series in list(self._series.items()):
            if series.kind != "cohort":
                continue
            for event in self._runs.Tensors(self._run, tag):
                try:
                    cohort = Cohort.from_bytes(_only_string(event))
                except (CorruptRecord, NewerFormat) as error:
                    self._tell(tag, error)
                    continue
                places = self._subset.of_samples(cohort)
                cut = Cohort(tuple(cohort.samples[place] for place in places.tolist()), cohort.class_names)
                self._places[series.digest], self._digests[series.digest] = places, cut.digest
                self._runs.add(self._run, replace(series, digest=cut.digest), event, cut.to_bytes())

    def _records(self, tag: str, series: Series) -> list[tuple[str, int, Any]]:
        found = []
        events = list(enumerate(self._runs.Tensors(self._run, tag)))
        for place, event in events[-1:] if series.turn else events:  # of a turn's records the last one counts
            try:
                found.append((tag, place, record_of(series, _only_string(event), event.step)))
            except (CorruptRecord, NewerFormat) as error:
                self._tell(f"{tag}, step {event.step}", error)
        return found

    def _steps(self, chosen: Mapping[str, Mapping[int, Any]]) -> dict[str, set[int]]:
        """Return the kept steps of each of the user's tags: the same for all of its series."""
        every: dict[str, list[int]] = defaultdict(list)
        for tag, records in chosen.items():
            events = self._runs.Tensors(self._run, tag)
            every[self._series[tag].tag] += [_step_of(events[place], record) for place, record in records.items()]
        return {tag: self._subset.of_steps(steps) for tag, steps in every.items()}

    def _keep(self, tag: str, records: Mapping[int, Any], steps: set[int]) -> int:
        events = self._runs.Tensors(self._run, tag)
        values = []
        for place, record in sorted(records.items()):
            if _step_of(events[place], record) in steps:
                cut = self._cut(record)
                if cut is not None:
                    values.append(events[place] if cut is record else with_data(events[place], cut.to_bytes()))
        self._runs.replace(self._run, tag, self._runs.tags(self._run)[tag] if values else None, values)
        return len(values)

    def _cut(self, record: Any) -> Any:
        """Return a record of the kept samples; None where it has none of them."""
        if self._subset.samples is None:
            return record
        places = self._places.get(record.stamp.cohort)
        if places is None or not len(places):
            return None
        return of_samples(record, places, self._digests[record.stamp.cohort])

    def _tell(self, place: str, error: Exception) -> None:
        self._runs.problems.append(f"run {self._run!r}, tag {place!r}: {error}")


def of_samples(record: Any, places: NDArray[np.int32], cohort: str) -> Any:
    """Return a record of some of its samples, numbered anew; None where it has none of them.

    Args:
        record: maps, predictions or numbers.
        places: indices of the samples that stay, ascending.
        cohort: digest of the list of these samples.
    """
    if isinstance(record, Sums):  # of all samples: none of them are of some alone
        return None
    stamp = replace(record.stamp, cohort=cohort)
    if isinstance(record, Predictions):
        names = [name for name, value in vars(record).items() if isinstance(value, np.ndarray)]
        places = places[places < (record.size or 0)]
        return replace(record, stamp=stamp, **{name: getattr(record, name)[places] for name in names})
    if isinstance(record, Numbers):
        rows, samples = _rows(record.sample_indices, places)
        targets = None if record.targets is None else record.targets[rows]
        return Numbers(stamp, record.values[rows], samples, targets) if len(rows) else None
    blocks = tuple(block for block in (_block(one, places) for one in record.blocks) if block.size)
    return Maps(stamp, blocks) if blocks else None


def _block(block: Block, places: NDArray[np.int32]) -> Block:
    rows, samples = _rows(block.sample_indices, places)
    arrays: dict[str, Any] = {name: value[rows] for name, value in vars(block).items() if isinstance(value, np.ndarray)}
    given: dict[str, Any] = {name: getattr(block, name) for name in ("names", "flags") if getattr(block, name)}
    texts = {name: tuple(found[row] for row in rows.tolist()) for name, found in given.items()}
    return replace(block, **{**arrays, **texts, "samples": samples})


def _rows(indices: NDArray[np.int32], places: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return which entries are of the kept samples, and each one's new index."""
    rows = np.flatnonzero(np.isin(indices, places))
    return rows, np.searchsorted(places, indices[rows]).astype(np.int32)


def _that_count(found: list[tuple[str, int, Any]], runs: SubsetRuns, run: str) -> list[tuple[str, int, Any]]:
    """Return the records that no later training replaced: of those that stay, none may come back."""
    order = surviving_moments((_step_of(runs.Tensors(run, tag)[at], record), record.stamp) for tag, at, record in found)
    return [found[index] for index in order]


def _step_of(event: TensorEvent, record: Any) -> int:
    """Return the training's step: of a turn's records that is not their event's."""
    return event.step if record.stamp.step is None else int(record.stamp.step)


def _only_string(event: TensorEvent) -> bytes:
    strings = event.tensor_proto.string_val
    if len(strings) != 1:
        raise CorruptRecord(f"expected one string, got {len(strings)}")
    return bytes(strings[0])


def some_names(names: Sequence[str]) -> str:
    """Return names for an error text, of many the first."""
    more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
    return ", ".join(map(repr, names[:8])) + more


def _said(subset: Subset) -> str:
    given = {name: value for name, value in vars(subset).items() if value is not None}
    return ", ".join(f"{name}={value!r}" for name, value in given.items())
