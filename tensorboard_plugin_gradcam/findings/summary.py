"""What is kept of each step, so that a new step costs that step: counts and means, never the maps themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import (
    Floats,
    Grid,
    attention,
    grid_of,
    hellinger,
    likeness_of_groups,
    regridded,
)
from tensorboard_plugin_gradcam.findings.windows import windows_of

EVERYONE = -1  # in place of a class
FEWEST = 5  # samples of which anything is said
MOST_CLASSES = 200  # that are told apart, those with the most samples


@dataclass(frozen=True, eq=False)
class Observations:
    """N samples at one step, as they were logged.

    Attributes:
        step: of the training.
        maps: ``(N, h, w)``, evidence; NaN in all cells where a sample has no map.
        labels: ``(N,)``, class index; -1 where there is none.
        predictions: ``(N,)``, class index; -1 where nothing was predicted.
        probabilities: ``(N,)``, of the prediction; NaN where unknown.
        losses: ``(N,)``; NaN where unknown.
        truths: ``(N, h', w')``, the share of each cell of any grid that lies in the marked region; NaN where a sample
            has none.
        identities: N names of the samples, by which steps and runs are joined.
        pictures: N digests of their pictures, "" where there is none.
    """

    step: int
    maps: NDArray[np.floating]
    labels: NDArray[np.int32]
    predictions: NDArray[np.int32] | None = None
    probabilities: Floats | None = None
    losses: Floats | None = None
    truths: Floats | None = None
    identities: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ClassSummary:
    """What one class, or everyone, looked at in one step.

    Attributes:
        count: samples with a map.
        seen: those whose map has evidence.
        hits: ``(W,)``, how many look at each window.
        lone: ``(W, 3)``, how many look at it and not at its mirrored window; of `EVERYONE` only, else ``(0, 3)``.
        mean: ``(g,)``, mean attention of those with evidence.
        accuracy: share of samples predicted right, NaN where it is not known.
        probability: mean of the predictions' probability, NaN where it is not known.
        loss: mean, NaN where it is not known.
        inside: mean share of evidence in the marked region, NaN where there is none.
        expected_inside: the region's mean area, so what a flat map would have inside.
        moved: median Hellinger distance of the samples' maps to the kept step before, NaN at the first.
        alike: mean correlation between the maps.
    """

    count: int
    seen: int
    hits: NDArray[np.int32]
    lone: NDArray[np.int32]
    mean: Floats
    accuracy: float
    probability: float
    loss: float
    inside: float
    expected_inside: float
    moved: float
    alike: float


@dataclass(frozen=True, eq=False)
class StepSummary:
    """One step of one series of maps.

    Attributes:
        step: of the training.
        groups: by class, and `EVERYONE`.
        peak: median over the samples of the maps' largest value.
    """

    step: int
    groups: Mapping[int, ClassSummary]
    peak: float


@dataclass(eq=False)
class Summary:
    """The steps of one series so far.

    Attributes:
        grid: on which attention is compared; that of the first step's maps.
        steps: in the order of their logging, which is ascending.
        last: attention ``(N, g)`` of the last step.
        observed: the last step itself.
    """

    grid: Grid | None = None
    steps: list[StepSummary] = field(default_factory=list)
    last: Floats | None = None
    observed: Observations | None = None

    def add(self, observed: Observations) -> StepSummary:
        """Summarise one more step; its cost does not depend on how many there were."""
        if observed.maps.ndim != 3:
            raise ValueError(f"expected maps (N, h, w), got shape {observed.maps.shape}: volumes are not summarised")
        if self.grid is None:
            self.grid = grid_of(observed.maps.shape[1:])
        shares = attention(observed.maps, self.grid)
        moved = self._moved(observed, shares)
        summary = summarised(observed, shares, self.grid, moved)
        self.steps.append(summary)
        self.last, self.observed = shares, observed
        return summary

    @property
    def classes(self) -> tuple[int, ...]:
        """Classes that occur at any step, ascending, without `EVERYONE`."""
        return tuple(sorted({group for step in self.steps for group in step.groups} - {EVERYONE}))

    def series(self, group: int, name: str) -> NDArray[np.float64]:
        """Return one number of a class over the steps, ``(T,)``, NaN where the class has no sample."""
        found = [step.groups.get(group) for step in self.steps]
        return np.array([np.nan if summary is None else getattr(summary, name) for summary in found], dtype=np.float64)

    def _moved(self, observed: Observations, shares: Floats) -> NDArray[np.float64]:
        """Return how far each sample's attention moved since the last step, joined by identity, NaN where unknown."""
        if self.last is None or self.observed is None:
            return np.full(len(shares), np.nan)
        if observed.identities == self.observed.identities and len(shares) == len(self.last):
            return hellinger(shares, self.last)
        moved = np.full(len(shares), np.nan)
        here, there = in_both(observed.identities, self.observed.identities)
        moved[here] = hellinger(shares[here], self.last[there])
        return moved


def in_both(own: Sequence[str], others: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the samples that two lists of identities share, in the one and in the other."""
    places = {name: index for index, name in enumerate(others)}
    here = [index for index, name in enumerate(own) if name in places]
    return np.array(here, dtype=np.int64), np.array([places[own[index]] for index in here], dtype=np.int64)


def summarised(observed: Observations, shares: Floats, grid: Grid, moved: NDArray[np.float64]) -> StepSummary:
    """Summarise one step from its attention ``(N, g)``: all classes at once, as products with their members."""
    windows = windows_of(grid)
    has_map = np.isfinite(observed.maps).any(axis=(1, 2))
    groups = (*_classes(observed.labels[has_map & (observed.labels >= 0)]), EVERYONE)
    members = np.array([has_map if group == EVERYONE else has_map & (observed.labels == group) for group in groups])
    hits = windows.hits(shares)
    counted = _sums(members, hits).astype(np.int32)
    of_all = hits[has_map]
    lone = np.stack([(of_all & ~of_all[:, mirror]).sum(axis=0) for mirror in windows.mirrors.T], axis=1).astype(
        np.int32
    )
    seen = shares.sum(axis=1) > 0
    seen_counts = (members & seen).sum(axis=1)
    means = _sums(members, shares) / np.maximum(seen_counts, 1)[:, None]
    alike = likeness_of_groups(shares, members)
    inside, area = inside_marked(observed, shares, grid)
    columns = {
        "accuracy": _right(observed),
        "probability": observed.probabilities,
        "loss": observed.losses,
        "inside": inside,
        "expected_inside": area,
    }
    averages = {name: _means(members, values) for name, values in columns.items()}
    found = {
        group: ClassSummary(
            count=int(members[row].sum()),
            seen=int(seen_counts[row]),
            hits=counted[row],
            lone=lone if group == EVERYONE else lone[:0],
            mean=means[row],
            moved=_median(moved[members[row]]),
            alike=float(alike[row]),
            **{name: float(values[row]) for name, values in averages.items()},
        )
        for row, group in enumerate(groups)
    }
    peaks = np.where(np.isfinite(observed.maps), observed.maps, -np.inf).max(axis=(1, 2))
    return StepSummary(observed.step, found, _median(peaks[has_map]))


def _classes(labels: NDArray[np.int32]) -> list[int]:
    """Return the classes of which there are enough samples, ascending."""
    classes, counts = np.unique(labels, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    return sorted(classes[most[counts[most] >= FEWEST]].tolist())


def _sums(members: NDArray[np.bool_], values: NDArray[Any]) -> Floats:
    """Return the sum of ``(N, k)`` over each group's members, ``(G, k)``; counts below 2^24 are exact."""
    return np.asarray(members.astype(np.float32) @ values.astype(np.float32), dtype=np.float32)


def _right(observed: Observations) -> Floats | None:
    if observed.predictions is None:
        return None
    judged = (observed.labels >= 0) & (observed.predictions >= 0)
    return np.where(judged, observed.predictions == observed.labels, np.nan).astype(np.float32)


def _means(members: NDArray[np.bool_], values: Floats | None) -> NDArray[np.float64]:
    """Return each group's mean of what is known, NaN where nothing is."""
    if values is None:
        return np.full(len(members), np.nan)
    known = members & np.isfinite(values)
    counts = known.sum(axis=1)
    sums = known.astype(np.float64) @ np.nan_to_num(values, posinf=0, neginf=0).astype(np.float64)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def inside_marked(observed: Observations, shares: Floats, grid: Grid) -> tuple[Floats, Floats]:
    """Return the share of each sample's evidence in its marked region, and its area; NaN where there is none."""
    nothing = np.full(len(shares), np.nan, dtype=np.float32)
    if observed.truths is None:
        return nothing, nothing
    rows, columns = observed.truths.shape[1:]
    known = np.isfinite(observed.truths).all(axis=(1, 2)) & (np.nan_to_num(observed.truths).sum(axis=(1, 2)) > 0)
    # Sums over a cell, over how many of the truth's own cells it has: the share of the cell that is marked.
    scale = grid[0] * grid[1] / (rows * columns)
    marked = regridded(np.nan_to_num(observed.truths).astype(np.float32), grid).reshape(len(shares), -1) * scale
    inside = np.where(known & (shares.sum(axis=1) > 0), (shares * marked).sum(axis=1), np.nan)
    return inside.astype(np.float32), np.where(known, marked.mean(axis=1), np.nan).astype(np.float32)


def _median(values: NDArray[np.floating]) -> float:
    # `np.median` takes ten times as long on a class's few values.
    known = np.sort(values[np.isfinite(values)])
    return float(known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2 if len(known) else float("nan")
