"""What the series of maps that are shown say by themselves: read off summaries that new steps extend."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import (
    EVERYONE,
    Looks,
    Observer,
    Source,
    StepSummary,
    Summary,
    atlas,
    class_picture,
    find,
    png,
    timeline,
)
from tensorboard_plugin_gradcam.findings.finding import Kind
from tensorboard_plugin_gradcam.records import Block, Cohort, MapKind, Predictions, Stamp
from tensorboard_plugin_gradcam.viewer.catalog import Key
from tensorboard_plugin_gradcam.viewer.limits import SUMMARIES
from tensorboard_plugin_gradcam.viewer.store import Loaded
from tensorboard_plugin_gradcam.viewer.tables import MapTable, PredictionTable

CohortOf = Callable[[str], Cohort | None]  # by its digest


@dataclass
class Summarised:
    """One series as far as it was summarised."""

    generation: str
    observer: Observer
    summary: Summary = field(default_factory=Summary)
    class_names: tuple[str, ...] = ()
    last_step: float = -1.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Summaries:
    """Summaries by series, the least recently used forgotten first; thread-safe."""

    def __init__(self, most: int = SUMMARIES) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, Key], Summarised] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, experiment: str, key: Key, kind: MapKind, maps: Loaded, said: Loaded | None, cohort_of: CohortOf
    ) -> Summarised:
        """Return the summary of a series, extended by the steps that are new since it was asked for last."""
        found = self._slot((experiment, key), kind, maps.generation)
        with found.lock:
            cohorts: dict[str, Cohort | None] = {}
            for step, blocks, digest in _new_steps(maps, found.last_step):
                found.last_step = step
                if digest not in cohorts:  # one at a time is kept: a stranger's log may have one for each step
                    cohorts = {digest: cohort_of(digest)}
                cohort = cohorts[digest]
                observed = cohort and found.observer.observe(int(step), blocks, cohort, _said_at(said, step, cohort))
                if cohort and observed:
                    found.class_names = cohort.class_names
                    found.summary.add(observed)
        return found

    def _slot(self, where: tuple[str, Key], kind: MapKind, generation: str) -> Summarised:
        with self._lock:
            found = self._kept.get(where)
            if found is None or found.generation != generation:
                found = self._kept[where] = Summarised(generation, Observer(kind))
            self._kept.move_to_end(where)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return found


def findings_json(series: Sequence[tuple[Key, Summarised, Looks]]) -> dict[str, Any]:
    """Return the findings of several runs' series, what was looked at and for, and a ribbon for each run."""
    sources = [Source(key.run, key.tag, key.method, key.layer, found.summary, looks) for key, found, looks in series]
    names = next((found.class_names for _, found, _ in series if found.class_names), ())
    return {
        "findings": [finding.to_json(names) for finding in find(sources)],
        "looked_for": list(get_args(Kind)),
        "runs": [_looked_at(key, found.summary) for key, found, _ in series],
    }


def _looked_at(key: Key, summary: Summary) -> dict[str, Any]:
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


def _new_steps(maps: Loaded, after: float) -> Iterator[tuple[float, list[Block], str]]:
    if maps.steps is None or not isinstance(maps.table, MapTable):
        return
    for row in np.flatnonzero(maps.steps.step > after).tolist():
        blocks = list(_blocks(maps.table.rows_between(row, row + 1)))
        yield float(maps.steps.step[row]), blocks, bytes(maps.steps.cohort[row]).decode()


def _blocks(table: MapTable) -> Iterator[Block]:
    """Yield the entries of a row, those of one shape together."""
    if not table.entries:
        return
    starts = np.concatenate([[0], np.cumsum(table.sizes)])
    shapes, which = np.unique(table.shape, axis=0, return_inverse=True)
    for index, shape in enumerate(shapes.tolist()):
        entries = np.flatnonzero(which.reshape(-1) == index)
        cells = starts[entries][:, None] + np.arange(int(np.prod(shape)))
        yield Block(
            values=table.values[cells].reshape(len(entries), *shape),
            minimum=table.minimum[entries],
            maximum=table.maximum[entries],
            samples=table.sample[entries],
        )


def _said_at(said: Loaded | None, step: float, cohort: Cohort) -> Predictions | None:
    if said is None or said.steps is None or not isinstance(said.table, PredictionTable):
        return None
    rows = np.flatnonzero(said.steps.step == step)
    if not len(rows):
        return None
    count = len(cohort.samples)
    columns = {
        name: said.table.columns[name][rows[-1]][:count]
        for name in ("prediction", "probability", "loss")
        if name in said.table.columns and said.table.columns[name].shape[1] >= count
    }
    digest = bytes(said.steps.cohort[rows[-1]]).decode()
    return Predictions(Stamp(digest), **columns) if columns else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: Any) -> list[float | None]:
    return [_number(value) for value in np.asarray(values, dtype=np.float64).round(6).tolist()]
