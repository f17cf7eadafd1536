"""Measures of what is logged: a map against its series' first step, the step before, and ground truth.

They are of the maps as they are stored, so that a reader of the log finds the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.measures import (
    Measure,
    entropy_change,
    evidence_shares,
    randomisation,
    steadiness,
)
from tensorboard_plugin_gradcam.records import Block, Cohort, CorruptRecord, MapKind, Maps, NewerFormat, Series, fitting
from tensorboard_plugin_gradcam.writer.batch import MapKey
from tensorboard_plugin_gradcam.writer.measured import Floats, with_columns
from tensorboard_plugin_gradcam.writer.merging import OpenStep

Map = NDArray[np.float32]
MapName = tuple[str, int, str, int]  # sample, target, its description, which of those that are alike


@dataclass(frozen=True, eq=False)
class Seen:
    """What one step showed of a series.

    Attributes:
        step: of the training.
        maps: raw.
        predictions: by sample; none where they were not logged.
    """

    step: int
    maps: Mapping[MapName, Map]
    predictions: Mapping[str, int]


@dataclass
class _Course:
    first: Seen | None = None
    latest: list[Seen] = field(default_factory=list)  # the last two: a step that is written again has one before it

    def before(self, step: int) -> Seen | None:
        return next((seen for seen in reversed(self.latest) if seen.step < step), None)

    def keep(self, seen: Seen) -> None:
        if self.first is None or seen.step <= self.first.step:
            self.first, self.latest = seen, []
        self.latest = [*[one for one in self.latest if one.step < seen.step][-1:], seen]


class LogMeasures:
    """Measures the steps of one run, and keeps what later steps are compared with.

    Args:
        standing: what an earlier process wrote: the first maps of series, and cohorts.
    """

    def __init__(self, standing: Mapping[Series, bytes] | None = None) -> None:
        self._courses: dict[tuple[str, MapKey], _Course] = {}
        self._standing = standing or {}

    def _course(self, tag: str, key: MapKey) -> _Course:
        if (tag, key) not in self._courses:
            self._courses[tag, key] = _Course(self._stood(tag, key))
        return self._courses[tag, key]

    def _stood(self, tag: str, key: MapKey) -> Seen | None:
        """Return the first step that an earlier process wrote of a series; None where there is none."""
        method, layer, kind = key
        wanted = Series("maps", fitting(tag), fitting(method), fitting(layer), map_kind=kind).identity
        first = next(
            (data for one, data in self._standing.items() if one.kind == "maps" and one.identity == wanted), None
        )
        if first is None:
            return None
        with suppress(CorruptRecord, NewerFormat, KeyError):
            record = Maps.from_bytes(first)
            cohorts = {one.digest: data for one, data in self._standing.items() if one.kind == "cohort"}
            identities = Cohort.from_bytes(cohorts[record.stamp.cohort]).identities
            return Seen(record.stamp.step or 0, dict(_named(identities, record.blocks)), {})
        return None

    def measure(self, tag: str, step: OpenStep, measures: Sequence[Measure]) -> None:
        """Give a step's maps their numbers."""
        measures = [measure for measure in measures if measure.of_log]
        if not measures or not step.samples:
            return
        identities = Cohort(tuple(step.samples)).identities
        for key, blocks in step.blocks.items():
            seen = _seen(step, identities, blocks)
            course = self._course(tag, key)
            for measure in measures:
                values = _MEASURING[measure.needs](measure, step, key, course, seen)
                step.blocks[key] = blocks = with_columns(blocks, values)

    def keep(self, tag: str, step: OpenStep) -> None:
        """Remember a step that was written."""
        for key, blocks in step.blocks.items():
            if (tag, key) in self._courses:
                identities = Cohort(tuple(step.samples)).identities
                self._courses[tag, key].keep(_seen(step, identities, blocks))


def _seen(step: OpenStep, identities: Sequence[str], blocks: Sequence[Block]) -> Seen:
    maps = dict(_named(identities, blocks))
    said = step.full_predictions().get("prediction")
    predictions = {} if said is None else dict(zip(identities, said.tolist(), strict=True))
    return Seen(step.step, maps, predictions)


def _named(identities: Sequence[str], blocks: Sequence[Block]) -> Iterator[tuple[MapName, Map]]:
    alike: dict[tuple[str, int, str], int] = {}
    for block in blocks:
        targets = [-1] * block.size if block.targets is None else block.targets.tolist()
        names = block.names or ("",) * block.size
        for sample, target, name, map_ in zip(
            block.sample_indices.tolist(), targets, names, block.dequantised(), strict=True
        ):
            key = (identities[sample], target, name)
            alike[key] = alike.get(key, -1) + 1
            yield (*key, alike[key]), map_


def _compared(
    seen: Seen, other: Seen | None, compare: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]], same: bool = False
) -> Floats:
    """Return what `compare` says of each map and its counterpart; NaN where there is none.

    Args:
        seen: the step's.
        other: that they are compared with.
        compare: of two maps ``(1, ...)``.
        same: whether only samples count whose prediction is the same.
    """

    def value(name: MapName, map_: Map) -> float:
        partner = None if other is None else other.maps.get(name)
        if other is None or partner is None or partner.shape != map_.shape:
            return np.nan
        if same and seen.predictions.get(name[0]) != other.predictions.get(name[0]):
            return np.nan
        return float(compare(map_[None], partner[None])[0])

    return np.array([value(name, map_) for name, map_ in seen.maps.items()], np.float32)


def _of_first(measure: Measure, step: OpenStep, key: MapKey, course: _Course, seen: Seen) -> dict[str, Floats]:
    first = course.first if course.first is not None and course.first.step < step.step else None
    name, entropy = measure.numbers
    kind = key[2]
    return {
        name: _compared(seen, first, randomisation),
        entropy: _compared(
            seen, first, lambda one, other: entropy_change(evidence_shares(one, kind), evidence_shares(other, kind))
        ),
    }


def _of_previous(measure: Measure, step: OpenStep, key: MapKey, course: _Course, seen: Seen) -> dict[str, Floats]:
    kind = key[2]

    def compare(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
        return steadiness(evidence_shares(one, kind), evidence_shares(other, kind))

    return {measure.name: _compared(seen, course.before(step.step), compare, same=True)}


def _of_truth(measure: Measure, step: OpenStep, key: MapKey, course: _Course, seen: Seen) -> dict[str, Floats]:
    kind: MapKind = key[2]
    found = [
        metrics.of_map(evidence, step.samples[sample], target).get(measure.name, np.nan)
        if evidence.max(initial=0) > 0
        else np.nan
        for block in step.blocks[key]
        for sample, target, evidence in zip(
            block.sample_indices.tolist(),
            [-1] * block.size if block.targets is None else block.targets.tolist(),
            metrics.evidence_of(block, kind),
            strict=True,
        )
    ]
    return {measure.name: np.array(found, np.float32)}


_MEASURING: Mapping[str, Callable[[Measure, OpenStep, MapKey, _Course, Seen], dict[str, Floats]]] = {
    "first": _of_first,
    "previous": _of_previous,
    "truth": _of_truth,
}
