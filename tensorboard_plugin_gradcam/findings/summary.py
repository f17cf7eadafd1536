"""What is kept of each step, so that a new step costs that step: counts and means, never the maps themselves.

Steps of the same samples are summarised together, as a `Stretch`: of small maps most of the time would go into calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import (
    Floats,
    Grid,
    attention,
    grid_of,
    likeness_of_groups,
    regridded,
)
from tensorboard_plugin_gradcam.findings.windows import windows_of
from tensorboard_plugin_gradcam.measures.comparison import hellinger

EVERYONE = -1  # in place of a class
FEWEST = 5  # samples of which anything is said
LEAST_SHARE_OF_ALL = 0.3  # of all samples, from which on a window is compared with the mirrored ones
OBJECT_BYTES = 700  # of a class's summary at one step, beside its arrays
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

    @property
    def stretch(self) -> Stretch:
        """The one step as a stretch."""
        return Stretch(
            (self.step,),
            self.maps[None],
            self,
            predictions=None if self.predictions is None else self.predictions[None],
            probabilities=None if self.probabilities is None else self.probabilities[None],
            losses=None if self.losses is None else self.losses[None],
        )


@dataclass(frozen=True, eq=False)
class Stretch:
    """T steps of the same N samples, which are summarised together.

    Attributes:
        steps: of the training, ascending.
        maps: ``(T, N, h, w)``; see `Observations`.
        known: what is the same at all steps: labels, truths, identities, pictures.
        predictions: ``(T, N)``.
        probabilities: ``(T, N)``.
        losses: ``(T, N)``.
    """

    steps: tuple[int, ...]
    maps: NDArray[np.floating]
    known: Observations
    predictions: NDArray[np.int32] | None = None
    probabilities: Floats | None = None
    losses: Floats | None = None

    def last(self) -> Observations:
        """Return its last step."""
        return replace(
            self.known,
            step=self.steps[-1],
            maps=self.maps[-1],
            predictions=None if self.predictions is None else self.predictions[-1],
            probabilities=None if self.probabilities is None else self.probabilities[-1],
            losses=None if self.losses is None else self.losses[-1],
        )


@dataclass(frozen=True, eq=False, slots=True)
class ClassSummary:
    """What one class, or everyone, looked at in one step.

    Attributes:
        count: samples with a map.
        seen: those whose map has evidence.
        hits: ``(W,)``, how many look at each window.
        lone: ``(W, 3)``, how many look at it and not at its mirrored window; of `EVERYONE` only, else ``(0, 3)``;
            0 for windows that fewer than `LEAST_SHARE_OF_ALL` look at.
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
        most_classes: that are told apart, those with the most samples.
    """

    grid: Grid | None = None
    steps: list[StepSummary] = field(default_factory=list)
    last: Floats | None = None
    observed: Observations | None = None
    most_classes: int = MOST_CLASSES
    _classes: set[int] = field(default_factory=set, repr=False)
    _classes_until: int = field(default=0, repr=False)
    _series: dict[tuple[int, str], list[float]] = field(default_factory=dict, repr=False)

    def add(self, observed: Observations) -> StepSummary:
        """Summarise one more step; its cost does not depend on how many there were."""
        if observed.maps.ndim != 3:
            raise ValueError(f"expected maps (N, h, w), got shape {observed.maps.shape}: volumes are not summarised")
        self.extend(observed.stretch)
        return self.steps[-1]

    def extend(self, stretch: Stretch) -> None:
        """Summarise further steps of the same samples, at a fifth of the time that one by one they take."""
        if self.grid is None:
            self.grid = grid_of(stretch.maps.shape[2:])
        shares = attention(stretch.maps, self.grid)
        self.steps += summarised(stretch, shares, self.grid, self._moved(stretch.known, shares), self.most_classes)
        self.last, self.observed = shares[-1], stretch.last()

    def adopt(self, step: StepSummary, grid: Grid) -> None:
        """Take over a step that was summarised before; one of another grid than the series' is left out."""
        if self.grid is None:
            self.grid = grid
        if grid == self.grid:
            self.steps.append(step)

    def look_at(self, observed: Observations) -> None:
        """Take the samples' own maps of a step that stands in the summary already, which becomes the last known one."""
        if self.grid is None:
            self.grid = grid_of(observed.maps.shape[1:])
        self.last, self.observed = attention(observed.maps, self.grid), observed

    @property
    def nbytes(self) -> int:
        """Bytes of memory, roughly: what is kept of steps, and the last one."""
        if not self.steps:
            return 0
        one = self.steps[-1].groups[EVERYONE]
        of_steps = sum(len(step.groups) for step in self.steps) * (one.hits.nbytes + one.mean.nbytes + OBJECT_BYTES)
        if self.observed is None or self.last is None:
            return of_steps
        known = 0 if self.observed.truths is None else self.observed.truths.nbytes
        names = 200 * len(self.observed.identities)
        return of_steps + self.last.nbytes + self.observed.maps.nbytes + known + names

    @property
    def is_current(self) -> bool:
        """Whether the samples' own maps are known of the last step."""
        return self.observed is not None and bool(self.steps) and self.observed.step == self.steps[-1].step

    @property
    def classes(self) -> tuple[int, ...]:
        """Classes that occur at any step, ascending, without `EVERYONE`."""
        for step in self.steps[self._classes_until :]:
            self._classes |= step.groups.keys()
        self._classes_until = len(self.steps)
        return tuple(sorted(self._classes - {EVERYONE}))

    def series(self, group: int, name: str) -> NDArray[np.float64]:
        """Return one number of a class over the steps, ``(T,)``, NaN where the class has no sample."""
        known = self._series.setdefault((group, name), [])
        for step in self.steps[len(known) :]:
            summary = step.groups.get(group)
            known.append(np.nan if summary is None else getattr(summary, name))
        return np.array(known, dtype=np.float64)

    def _moved(self, known: Observations, shares: Floats) -> NDArray[np.float64]:
        """Return how far each sample's attention moved from step to step ``(T, N)``, NaN where it is not known."""
        moved = np.full(shares.shape[:2], np.nan)
        moved[1:] = hellinger(shares[1:], shares[:-1])
        if self.last is None or self.observed is None:
            return moved
        if known.identities == self.observed.identities and shares.shape[1] == len(self.last):
            moved[0] = hellinger(shares[0], self.last)
        else:
            here, there = in_both(known.identities, self.observed.identities)
            moved[0, here] = hellinger(shares[0, here], self.last[there])
        return moved


def in_both(own: Sequence[str], others: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the samples that two lists of identities share, in the one and in the other."""
    places = {name: index for index, name in enumerate(others)}
    here = [index for index, name in enumerate(own) if name in places]
    return np.array(here, dtype=np.int64), np.array([places[own[index]] for index in here], dtype=np.int64)


def summarised(
    stretch: Stretch, shares: Floats, grid: Grid, moved: NDArray[np.float64], most_classes: int = MOST_CLASSES
) -> list[StepSummary]:
    """Summarise steps from their attention ``(T, N, g)``: steps whose maps are of the same samples together."""
    has_map = np.isfinite(stretch.maps).any(axis=(2, 3))
    found: list[StepSummary] = []
    first = 0
    for after in range(1, len(shares) + 1):
        if after == len(shares) or (has_map[after] != has_map[first]).any():
            part = slice(first, after)
            groups = (*_classes(stretch.known.labels[has_map[first]], most_classes), EVERYONE)
            found += _of_same(stretch, part, shares[part], grid, moved[part], has_map[first], groups)
            first = after
    return found


def _of_same(
    stretch: Stretch,
    part: slice,
    shares: Floats,
    grid: Grid,
    moved: NDArray[np.float64],
    has_map: NDArray[np.bool_],
    groups: tuple[int, ...],
) -> list[StepSummary]:
    """Summarise steps at which the same samples have maps: all classes at once, as products with their members."""
    labels = stretch.known.labels
    members = np.array([has_map if group == EVERYONE else has_map & (labels == group) for group in groups])
    counts = members.sum(axis=1)
    windows = windows_of(grid)
    hits = windows.hits(shares)
    counted = _sums(members, hits).astype(np.int32)
    seen = (shares.sum(axis=2) > 0)[:, None] & members
    seen_counts = seen.sum(axis=2)
    means = _sums(members, shares) / np.maximum(seen_counts, 1)[:, :, None]
    columns = {name: _means(members, values) for name, values in _columns(stretch, part, shares, grid).items()}
    columns["moved"] = np.stack([_medians(moved[:, of_group]) for of_group in members], axis=1)
    columns["alike"] = likeness_of_groups(shares, members)
    shape = len(shares), len(groups)
    numbers = {name: np.broadcast_to(column, shape).tolist() for name, column in columns.items()}
    peaks = _peaks(stretch.maps[part], has_map)
    everyone = len(groups) - 1
    return [
        StepSummary(
            stretch.steps[part][at],
            {
                group: ClassSummary(
                    count=int(counts[row]),
                    seen=int(seen_counts[at, row]),
                    hits=counted[at, row],
                    lone=_lone(hits[at, has_map], counted[at, row], windows.mirrors) if row == everyone else _NO_LONE,
                    mean=means[at, row],
                    **{name: column[at][row] for name, column in numbers.items()},
                )
                for row, group in enumerate(groups)
            },
            peaks[at],
        )
        for at in range(len(shares))
    ]


_NO_LONE = np.zeros((0, 3), dtype=np.int32)


def _lone(hits: NDArray[np.bool_], counts: NDArray[np.int32], mirrors: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return how many samples look at each window and not at its mirrored ones, ``(W, 3)``."""
    lone = np.zeros(mirrors.shape, dtype=np.int32)
    often = np.flatnonzero(counts >= max(FEWEST, LEAST_SHARE_OF_ALL * len(hits)))
    if len(often):
        both = hits[:, often, None] & hits[:, mirrors[often]]
        lone[often] = counts[often, None] - both.sum(axis=0)
    return lone


def _classes(labels: NDArray[np.int32], most_classes: int) -> list[int]:
    """Return the classes of which there are enough samples, ascending."""
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    most = np.argsort(-counts, kind="stable")[:most_classes]
    return sorted(classes[most[counts[most] >= FEWEST]].tolist())


def _sums(members: NDArray[np.bool_], values: NDArray[Any]) -> Floats:
    """Return the sums of ``(T, N, k)`` over each group's members, ``(T, G, k)``; counts below 2^24 are exact."""
    return np.asarray(members.astype(np.float32) @ values.astype(np.float32), dtype=np.float32)


def _columns(stretch: Stretch, part: slice, shares: Floats, grid: Grid) -> dict[str, Floats | None]:
    """Return the samples' numbers that are averaged, ``(T, N)`` or, of what never changes, ``(1, N)``."""
    inside, area = inside_marked(stretch.known, shares, grid)
    probabilities, losses = (
        None if column is None else column[part] for column in (stretch.probabilities, stretch.losses)
    )
    right = None
    if stretch.predictions is not None:
        labels, predictions = stretch.known.labels, stretch.predictions[part]
        judged = (labels >= 0) & (predictions >= 0)
        right = np.where(judged, predictions == labels, np.nan).astype(np.float32)
    return {
        "accuracy": right,
        "probability": probabilities,
        "loss": losses,
        "inside": inside,
        "expected_inside": None if area is None else np.broadcast_to(area, shares.shape[:2]),
    }


def _means(members: NDArray[np.bool_], values: Floats | None) -> NDArray[np.float64]:
    """Return each group's mean of what is known of ``(T, N)``, ``(T, G)``, NaN where nothing is."""
    if values is None:
        return np.full((1, len(members)), np.nan)
    known = np.isfinite(values)
    counts = known.astype(np.float64) @ members.T.astype(np.float64)
    sums = np.where(known, values, 0).astype(np.float64) @ members.T.astype(np.float64)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def inside_marked(known: Observations, shares: Floats, grid: Grid) -> tuple[Floats | None, Floats | None]:
    """Return the share of each sample's evidence in its marked region, as ``(..., N)``, and the region's area ``(N,)``.

    NaN where a sample has none, None where no sample has one.
    """
    if known.truths is None:
        return None, None
    rows, columns = known.truths.shape[1:]
    is_marked = np.isfinite(known.truths).all(axis=(1, 2)) & (np.nan_to_num(known.truths).sum(axis=(1, 2)) > 0)
    # Sums over a cell, over how many of the truth's own cells it has: the share of the cell that is marked.
    scale = grid[0] * grid[1] / (rows * columns)
    marked = regridded(np.nan_to_num(known.truths).astype(np.float32), grid).reshape(len(is_marked), -1) * scale
    inside = np.where(is_marked & (shares.sum(axis=-1) > 0), (shares * marked).sum(axis=-1), np.nan)
    return inside.astype(np.float32), np.where(is_marked, marked.mean(axis=1), np.nan).astype(np.float32)


def _peaks(maps: NDArray[np.floating], has_map: NDArray[np.bool_]) -> list[float]:
    """Return the median over the samples of their maps' largest value, for each step."""
    finite = np.where(np.isfinite(maps), maps, -np.inf) if not np.isfinite(maps).all() else maps
    largest: list[float] = _medians(finite.max(axis=(2, 3))[:, has_map].astype(np.float64)).tolist()
    return largest


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of what is finite in each row of ``(T, n)``, NaN where nothing is."""
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=1)  # NaN goes to the end
    count = np.isfinite(ordered).sum(axis=1)
    if not ordered.shape[1]:
        return np.full(len(ordered), np.nan)
    lower, upper = (
        np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]
        for place in (np.maximum(count - 1, 0) // 2, count // 2)
    )
    return np.where(count > 0, (lower + upper) / 2, np.nan)
