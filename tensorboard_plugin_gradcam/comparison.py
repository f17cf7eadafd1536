"""How two runs differ in where they look: by sample, layer, class and step.

The measure is the overlap of two maps as distributions of attention: the share of the evidence that lies in the same
cells, 1 for the same map and 0 for nowhere in common. Samples are joined by their identity: the id they were logged
with, or else their picture.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import Observations, Observer, attention, grid_of, overlap
from tensorboard_plugin_gradcam.reader import GradCAMLog, MapSeries, read_gradcam
from tensorboard_plugin_gradcam.records import Sample
from tensorboard_plugin_gradcam.spreading import evenly

MOST_STEPS = 20  # of the table by step


@dataclass(frozen=True)
class SampleComparison:
    """One sample of both runs, at the last common step.

    Attributes:
        sample: its id, or the first digits of its picture's digest.
        place: its index in run A.
        label: class name; empty if unknown.
        overlap: overlap of its two maps, from 0 to 1; NaN if a map has no evidence.
        predictions: predicted class names in run A and in run B; empty if nothing was predicted.
    """

    sample: str
    place: int
    label: str
    overlap: float
    predictions: tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """The comparison of two runs.

    Attributes:
        runs: their names.
        tag: tag of the compared series.
        method: method of the maps.
        layer: layer whose samples, classes and steps are listed.
        step: the last common step.
        samples: the common samples, largest difference first.
        layers: mean overlap at each common layer, at `step`.
        classes: mean overlap of each class's samples, by class name.
        steps: mean overlap over the steps; at most 20 of them, spread evenly.
    """

    runs: tuple[str, str]
    tag: str
    method: str
    layer: str
    step: int
    samples: tuple[SampleComparison, ...]
    layers: dict[str, float]
    classes: dict[str, float]
    steps: dict[int, float]

    @property
    def overlap(self) -> float:
        """Mean overlap over the samples, from 0 to 1."""
        return _mean(np.array([sample.overlap for sample in self.samples]))

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as dicts, lists, strings and numbers; NaN becomes None."""
        found: dict[str, Any] = _finite(asdict(self) | {"overlap": self.overlap})
        return found


def compare_runs(
    run_a: str | os.PathLike[str],
    run_b: str | os.PathLike[str],
    *,
    tag: str | None = None,
    method: str | None = None,
    layer: str | None = None,
    step: int | None = None,
) -> Comparison:
    """Compare where two runs look, for the samples that both logged.

    Example:
        >>> found = compare_runs("runs/clean", "runs/shortcut")
        >>> found.samples[0].sample, found.samples[0].overlap
        ('nut 1', 0.01)

    Args:
        run_a: directory of a run.
        run_b: directory of the other run.
        tag: tag of the series; by default the first common one.
        method: method of the maps; by default Grad-CAM if both have it, else the first common one.
        layer: layer whose samples are listed; by default the last common one.
        step: a common step; by default the last one.

    Raises:
        FileNotFoundError: a directory does not exist.
        ValueError: the runs have nothing in common to compare.
    """
    logs = read_gradcam(run_a), read_gradcam(run_b)
    names = _named(run_a, run_b)
    chosen = _shared(logs, names, tag, method)
    layers = [key[2] for key in chosen]
    if layer is not None and layer not in layers:
        raise ValueError(f"expected one of the layers {layers}, got {layer!r}")
    key = chosen[layers.index(layer) if layer is not None else -1]
    pair = _Pair(logs, key, names)
    at = pair.common_step(step)
    samples, classes = _by_sample(pair, at)
    by_layer = {one[2]: _Pair(logs, one, names).mean(at) for one in chosen}
    return Comparison(
        runs=names,
        tag=key[0],
        method=key[1],
        layer=key[2],
        step=at,
        samples=tuple(sorted(samples, key=lambda sample: (np.isnan(sample.overlap), sample.overlap))),
        layers={name: value for name, value in by_layer.items() if value == value},
        classes=classes,
        steps={one: pair.mean(one) for one in evenly(pair.steps, MOST_STEPS)},
    )


Key = tuple[str, str, str]  # tag, method, layer


class _Pair:
    """A series of maps in both logs."""

    def __init__(self, logs: tuple[GradCAMLog, GradCAMLog], key: Key, names: tuple[str, str]) -> None:
        self.logs, self.key, self.names = logs, key, names
        self.series = tuple(_series(log, key) for log in logs)
        self.steps = sorted(set.intersection(*(set(series.steps.tolist()) for series in self.series)))

    def common_step(self, step: int | None) -> int:
        """Return a step that both have."""
        if not self.steps:
            (a, b), steps = self.names, " and ".join(_some(series.steps) for series in self.series)
            raise ValueError(f"expected a step that {a!r} and {b!r} both have maps at, got none: they have {steps}")
        if step is not None and step not in self.steps:
            near = min(self.steps, key=lambda one: abs(one - step))
            raise ValueError(f"expected a step that both runs have, got {step}; the nearest is {near}")
        return self.steps[-1] if step is None else step

    def mean(self, step: int) -> float:
        """Return the mean overlap over the common samples; NaN where they have none."""
        if step not in self.steps:
            return float("nan")
        _, _, overlaps = self.overlaps(step)
        return _mean(overlaps)

    def overlaps(self, step: int) -> tuple[Observations, NDArray[np.intp], NDArray[np.float64]]:
        """Return run A's step, the indices of the common samples in it, and the overlap of each."""
        a, b = (self._observed(series, step) for series in self.series)
        places = {identity: place for place, identity in enumerate(b.identities)}
        here = np.array([at for at, identity in enumerate(a.identities) if identity in places], np.intp)
        if not len(here):
            raise ValueError(
                f"expected samples that {self.names[0]!r} and {self.names[1]!r} share, got none: log the same "
                "pictures, or the same ids="
            )
        there = np.array([places[a.identities[at]] for at in here.tolist()], np.intp)
        grid = grid_of(a.maps.shape[1:])
        ours, theirs = attention(a.maps[here], grid), attention(b.maps[there], grid)
        empty = (ours.sum(-1) == 0) | (theirs.sum(-1) == 0)
        return a, here, np.where(empty, np.nan, overlap(ours, theirs))

    def _observed(self, series: MapSeries, step: int) -> Observations:
        moment = series[step]
        if moment.cohort is None:
            raise ValueError(
                f"expected the list of samples of step {step} in {series.run!r}, got none: its record is damaged, see "
                "tensorboard-gradcam inspect"
            )
        observed = Observer(series.kind).observe(step, moment.record.blocks, moment.cohort, None)
        if observed is None:
            raise ValueError(
                f"expected maps of pictures in {series.run!r}, got none at step {step} of {series.method} at "
                f"{series.layer!r}: volumes and signals can't be compared"
            )
        return observed


def _by_sample(pair: _Pair, step: int) -> tuple[list[SampleComparison], dict[str, float]]:
    observed, here, overlaps = pair.overlaps(step)
    cohort = pair.series[0][step].cohort
    assert cohort is not None
    names = cohort.class_names
    said = [_predictions(log, pair.key[0], step) for log in pair.logs]
    found = []
    for at, value in zip(here.tolist(), overlaps.tolist(), strict=True):
        predicted = [names_of.get(observed.identities[at], "") for names_of in said]
        label = _class(names, int(observed.labels[at]))
        found.append(SampleComparison(_name(cohort.samples[at]), at, label, value, (predicted[0], predicted[1])))
    labels = observed.labels[here]
    classes = {_class(names, one): _mean(overlaps[labels == one]) for one in np.unique(labels[labels >= 0]).tolist()}
    return found, classes


def _predictions(log: GradCAMLog, tag: str, step: int) -> dict[str, str]:
    """Return the predicted classes by the samples' identities."""
    for (_, of_tag), series in log.predictions.items():
        if of_tag == tag and step in series.steps:
            moment = series[step]
            if moment.cohort is not None and moment.record.prediction is not None:
                names = moment.cohort.class_names
                classes = [_class(names, int(one)) for one in moment.record.prediction]
                return dict(zip(moment.cohort.identities, classes, strict=False))
    return {}


def _shared(
    logs: tuple[GradCAMLog, GradCAMLog], names: tuple[str, str], tag: str | None, method: str | None
) -> list[Key]:
    """Return the series that both logs have, of one tag and method, by layer in the order of run A."""
    theirs = {key[1:] for key in logs[1].maps}
    both = [key[1:] for key in logs[0].maps if key[1:] in theirs]
    both = [key for key in both if tag in (None, key[0]) and method in (None, key[1])]
    if not both:
        asked = "".join(f", {name}={value!r}" for name, value in (("tag", tag), ("method", method)) if value)
        raise ValueError(
            f"expected maps of the same tag, method and layer in {names[0]!r} and {names[1]!r}{asked}, got none"
        )
    first = next((key for key in both if key[1] == "grad_cam"), both[0])
    return [key for key in both if key[:2] == first[:2]]


def _series(log: GradCAMLog, key: Key) -> MapSeries:
    runs = sorted({run for run, *_ in log.maps})
    if len(runs) != 1:
        raise ValueError(f"expected the directory of one run, got one with {len(runs)}: {', '.join(runs[:5])}")
    return log.maps[runs[0], key[0], key[1], key[2]]


def _named(run_a: str | os.PathLike[str], run_b: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the runs' names: their paths from the directory in which both are."""
    a, b = (os.path.abspath(run) for run in (run_a, run_b))
    if a == b:
        raise ValueError(f"expected two runs, got {os.fspath(run_a)!r} twice")
    root = os.path.commonpath([a, b])
    return Path(os.path.relpath(a, root)).as_posix(), Path(os.path.relpath(b, root)).as_posix()


def _some(steps: NDArray[np.int64]) -> str:
    """Return steps in words: all of a few, else the first and the last."""
    if not len(steps):
        return "none"
    return ", ".join(map(str, steps.tolist())) if len(steps) <= 5 else f"{steps[0]} to {steps[-1]}"


def _name(sample: Sample) -> str:
    return sample.id or sample.image[:8]


def _class(names: tuple[str, ...], index: int) -> str:
    return names[index] if 0 <= index < len(names) else f"class {index}" if index >= 0 else ""


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and value != value else value
