"""What is kept of each step, so that a new step costs that step: counts and means, never the maps themselves.

Steps of the same samples are summarised together, as a `Stretch`: of small maps most of the time would go into calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import (
    Floats,
    Grid,
    attention,
    grid_of,
    mean_of_pairs,
    regridded,
    unit_vectors,
)
from tensorboard_plugin_gradcam.findings.evidence import Evidence, portions
from tensorboard_plugin_gradcam.findings.windows import Windows, windows_of
from tensorboard_plugin_gradcam.measures.comparison import hellinger

EVERYONE = -1  # in place of a class
FEWEST = 5  # samples of which anything is said
LEAST_SHARE_OF_ALL = 0.2  # of all samples, from which on a window is compared with the mirrored ones
OBJECT_BYTES = 700  # of a class's summary at one step, beside its arrays
MOST_CLASSES = 200  # that are told apart, those with the most samples
TOGETHER = 2**20  # numbers of samples that are counted together


@dataclass(frozen=True, eq=False)
class Observations:
    """N samples at one step, as they were logged.

    Attributes:
        step: of the training.
        maps: ``(N, h, w)``, evidence; NaN in all cells where a sample has no map. An array, or what makes a part of one
            that is asked for.
        labels: ``(N,)``, class index; -1 where there is none.
        predictions: ``(N,)``, class index; -1 where nothing was predicted.
        probabilities: ``(N,)``, of the prediction; NaN where unknown.
        losses: ``(N,)``; NaN where unknown.
        truths: ``(N, h', w')``, the share of each cell of any grid that lies in the marked region; zeros or NaN where a
            sample has none.
        identities: N names of the samples, by which steps and runs are joined.
        pictures: N digests of their pictures, "" where there is none.
    """

    step: int
    maps: NDArray[np.floating] | Evidence
    labels: NDArray[np.int32]
    predictions: NDArray[np.int32] | None = None
    probabilities: Floats | None = None
    losses: Floats | None = None
    truths: NDArray[Any] | None = None
    identities: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    @property
    def stretch(self) -> Stretch:
        """The one step as a stretch."""
        return Stretch(
            (self.step,),
            self.maps if isinstance(self.maps, Evidence) else self.maps[None],
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
        maps: ``(T, N, h, w)``; see `Observations`. Of one step they may be without the first axis.
        known: what is the same at all steps: labels, truths, identities, pictures.
        predictions: ``(T, N)``.
        probabilities: ``(T, N)``.
        losses: ``(T, N)``.
    """

    steps: tuple[int, ...]
    maps: NDArray[np.floating] | Evidence
    known: Observations
    predictions: NDArray[np.int32] | None = None
    probabilities: Floats | None = None
    losses: Floats | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of steps, samples, and rows and columns of each map."""
        count, height, width = self.maps.shape[-3:]
        return len(self.steps), count, height, width

    def portion(self, samples: slice) -> NDArray[np.floating]:
        """Return the maps of some of the samples, ``(T, n, h, w)``."""
        return self.maps[samples][None] if isinstance(self.maps, Evidence) else self.maps[:, samples]

    def last(self) -> Observations:
        """Return its last step."""
        return replace(
            self.known,
            step=self.steps[-1],
            maps=self.maps if isinstance(self.maps, Evidence) else self.maps[-1],
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
        alike: mean correlation between the maps; that of two flat maps is 1.
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
        observed: the last step itself, without its maps.
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
            self.grid = grid_of(stretch.shape[2:])
        looked = _looked_at(stretch, self.grid)
        self.steps += summarised(stretch, looked, self.grid, self._moved(stretch.known, looked), self.most_classes)
        self.last, self.observed = looked.shares[-1], _without_maps(stretch.last())

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
        self.last = _looked_at(observed.stretch, self.grid).shares[0]
        self.observed = _without_maps(observed)

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
        return of_steps + self.last.nbytes + known + names

    def end(self) -> Summary:
        """Return its last step, and of the samples' own maps what runs are compared by."""
        observed = None if self.observed is None else replace(self.observed, truths=None, pictures=())
        return Summary(self.grid, self.steps[-1:], self.last, observed, self.most_classes)

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

    def _moved(self, known: Observations, looked: _Looked) -> NDArray[np.float64]:
        """Return how far each sample's attention moved from step to step ``(T, N)``, NaN where it is not known."""
        shares = looked.shares
        count, cells = shares.shape[1:]
        moved = np.full(shares.shape[:2], np.nan)
        for part in portions(count, len(shares) * cells):
            moved[1:, part] = hellinger(shares[1:, part], shares[:-1, part])
        if self.last is None or self.observed is None:
            return moved
        is_same = known.identities == self.observed.identities and count == len(self.last)
        here, there = (np.arange(count),) * 2 if is_same else in_both(known.identities, self.observed.identities)
        for part in portions(len(here), cells):
            moved[0, here[part]] = hellinger(shares[0, here[part]], self.last[there[part]])
        return moved


@dataclass(frozen=True, eq=False)
class _Looked:
    """Where the samples of a stretch look.

    Attributes:
        shares: attention ``(T, N, g)``.
        has_map: ``(T, N)``.
        peaks: the maps' largest values ``(T, N)``, -inf where there is none.
    """

    shares: Floats
    has_map: NDArray[np.bool_]
    peaks: NDArray[np.floating]


def _looked_at(stretch: Stretch, grid: Grid) -> _Looked:
    steps, count, height, width = stretch.shape
    looked = _Looked(
        np.empty((steps, count, grid[0] * grid[1]), dtype=np.float32),
        np.empty((steps, count), dtype=bool),
        np.empty((steps, count), dtype=np.float32),
    )
    for part in portions(count, steps * height * width):
        maps = stretch.portion(part)
        finite = np.isfinite(maps)
        looked.shares[:, part] = attention(maps, grid)
        looked.has_map[:, part] = finite.any(axis=(2, 3))
        looked.peaks[:, part] = np.where(finite, maps, -np.inf).max(axis=(2, 3), initial=-np.inf)
    return looked


def _without_maps(observed: Observations) -> Observations:
    return replace(observed, maps=np.zeros((len(observed.labels), 0, 0), dtype=np.float32))


def in_both(own: Sequence[str], others: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the samples that two lists of identities share, in the one and in the other."""
    if own is others or own == others:  # as of runs that are compared: a dictionary for each pair takes long
        return np.arange(len(own)), np.arange(len(own))
    places = {name: index for index, name in enumerate(others)}
    here = [index for index, name in enumerate(own) if name in places]
    return np.array(here, dtype=np.int64), np.array([places[own[index]] for index in here], dtype=np.int64)


def summarised(
    stretch: Stretch, looked: _Looked, grid: Grid, moved: NDArray[np.float64], most_classes: int = MOST_CLASSES
) -> list[StepSummary]:
    """Summarise steps from their attention: steps whose maps are of the same samples together."""
    has_map = looked.has_map
    found: list[StepSummary] = []
    first = 0
    for after in range(1, len(has_map) + 1):
        if after == len(has_map) or (has_map[after] != has_map[first]).any():
            part = slice(first, after)
            groups = (*_classes(stretch.known.labels[has_map[first]], most_classes), EVERYONE)
            found += _of_same(stretch, part, looked, grid, moved[part], groups)
            first = after
    return found


def _of_same(
    stretch: Stretch, part: slice, looked: _Looked, grid: Grid, moved: NDArray[np.float64], groups: tuple[int, ...]
) -> list[StepSummary]:
    """Summarise steps at which the same samples have maps: all classes at once, as products with their members."""
    members = _Members(np.array(groups), stretch.known.labels, looked.has_map[part.start])
    shares = looked.shares[part]
    windows = windows_of(grid)
    totals = _totals(members, shares, windows)
    counts = members.counts
    means = totals.shares / np.maximum(totals.seen, 1)[:, :, None]
    lone = _lone(members, shares, totals.hits[:, -1], windows)
    columns = {name: _means(members, values) for name, values in _columns(stretch, part, shares, grid).items()}
    columns["moved"] = np.stack([_medians(moved[:, members.of(row)]) for row in range(len(groups))], axis=1)
    columns["alike"] = totals.likeness
    shape = len(shares), len(groups)
    numbers = {name: np.broadcast_to(column, shape).tolist() for name, column in columns.items()}
    peaks: list[float] = _medians(looked.peaks[part][:, members.has_map].astype(np.float64)).tolist()
    everyone = len(groups) - 1
    return [
        StepSummary(
            stretch.steps[part][at],
            {
                group: ClassSummary(
                    count=int(counts[row]),
                    seen=int(totals.seen[at, row]),
                    hits=totals.hits[at, row],
                    lone=lone[at] if row == everyone else _NO_LONE,
                    mean=means[at, row],
                    **{name: column[at][row] for name, column in numbers.items()},
                )
                for row, group in enumerate(groups)
            },
            peaks[at],
        )
        for at in range(len(shares))
    ]


@dataclass(frozen=True, eq=False)
class _Members:
    """Which of N samples with a map belong to which of G groups, the last of which is everyone."""

    groups: NDArray[np.int64]
    labels: NDArray[np.int32]
    has_map: NDArray[np.bool_]

    def __getitem__(self, part: slice) -> NDArray[np.bool_]:
        """Return the members among some of the samples, ``(G, n)``."""
        is_in = self.labels[part] == self.groups[:, None]
        is_in[-1] = True
        return np.asarray(is_in & self.has_map[part])

    def of(self, row: int) -> NDArray[np.bool_]:
        """Return the members of one group, ``(N,)``."""
        return self.has_map if row == len(self.groups) - 1 else self.has_map & (self.labels == self.groups[row])

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many samples each group has, ``(G,)``."""
        return np.array([self.of(row).sum() for row in range(len(self.groups))])

    def portions(self, each: int) -> Iterator[slice]:
        """Yield parts of the samples, of which each has `each` numbers."""
        return portions(len(self.labels), max(each, len(self.groups)), TOGETHER)


class _Totals:
    """Sums over the members of G groups.

    Attributes:
        hits: ``(T, G, W)``, how many look at each window.
        seen: ``(T, G)``, how many look anywhere.
        shares: ``(T, G, g)``, sums of their attention.
    """

    def __init__(self, shape: tuple[int, int], windows: int, cells: int) -> None:
        self.hits = np.zeros((*shape, windows), dtype=np.int32)
        self.seen = np.zeros(shape, dtype=np.int64)
        self.shares = np.zeros((*shape, cells), dtype=np.float32)
        self._units = np.zeros((*shape, cells))
        self._varying = np.zeros(shape)

    def add(self, members: NDArray[np.bool_], shares: Floats, windows: Windows) -> None:
        """Add some samples: their attention ``(T, n, g)``, and which are members ``(G, n)``."""
        self.hits += _sums(members, windows.hits(shares)).astype(np.int32)
        self.seen += ((shares.sum(axis=2) > 0)[:, None] & members).sum(axis=2)
        self.shares += _sums(members, shares)
        units = unit_vectors(shares)
        self._varying += units.any(axis=-1).astype(np.float64) @ members.T.astype(np.float64)
        self._units += members.astype(np.float64) @ units

    @property
    def likeness(self) -> NDArray[np.float64]:
        """Mean correlation of all pairs of members' maps, ``(T, G)``; 1 for two flat maps."""
        if self._units.shape[-1] == 1:  # of one cell all maps are flat
            return mean_of_pairs(self._units, self._varying)
        flat = self.seen - self._varying  # as if each had one more cell, which is all that flat ones have
        return mean_of_pairs(np.concatenate([self._units, flat[..., None]], axis=-1), self.seen)


def _totals(members: _Members, shares: Floats, windows: Windows) -> _Totals:
    totals = _Totals((len(shares), len(members.groups)), len(windows.regions), shares.shape[2])
    for part in members.portions(len(shares) * max(len(windows.regions), shares.shape[2])):
        totals.add(members[part], shares[:, part], windows)
    return totals


_NO_LONE = np.zeros((0, 3), dtype=np.int32)


def _lone(members: _Members, shares: Floats, counts: NDArray[np.int32], windows: Windows) -> NDArray[np.int32]:
    """Return how many samples look at each window and not at its mirrored ones, ``(T, W, 3)``; `counts` look at it."""
    lone = np.zeros((len(shares), *windows.mirrors.shape), dtype=np.int32)
    often = counts >= max(FEWEST, LEAST_SHARE_OF_ALL * int(members.has_map.sum()))
    for at in np.flatnonzero(often.any(axis=1)).tolist():
        chosen = np.flatnonzero(often[at])
        lone[at, chosen] = counts[at, chosen, None]
        for part in members.portions(len(windows.regions)):
            hits = windows.hits(shares[at, part])[members.has_map[part]]
            lone[at, chosen] -= (hits[:, chosen, None] & hits[:, windows.mirrors[chosen]]).sum(axis=0, dtype=np.int32)
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


def _means(members: _Members, values: Floats | None) -> NDArray[np.float64]:
    """Return each group's mean of what is known of ``(T, N)``, ``(T, G)``, NaN where nothing is."""
    if values is None:
        return np.full((1, len(members.groups)), np.nan)
    counts, sums = np.zeros((2, len(values), len(members.groups)))
    for part in members.portions(len(values)):
        known, is_in = np.isfinite(values[:, part]), members[part].T.astype(np.float64)
        counts += known.astype(np.float64) @ is_in
        sums += np.where(known, values[:, part], 0).astype(np.float64) @ is_in
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def inside_marked(known: Observations, shares: Floats, grid: Grid) -> tuple[Floats | None, Floats | None]:
    """Return the share of each sample's evidence in its marked region, as ``(..., N)``, and the region's area ``(N,)``.

    NaN where a sample has none, None where no sample has one.
    """
    if known.truths is None:
        return None, None
    count, rows, columns = known.truths.shape
    inside, area = np.full(shares.shape[:-1], np.nan, dtype=np.float32), np.full(count, np.nan, dtype=np.float32)
    # Sums over a cell, over how many of the truth's own cells it has: the share of the cell that is marked.
    scale = grid[0] * grid[1] / (rows * columns)
    for part in portions(count, max(rows * columns, shares[..., :1, :].size)):
        truths, looked = known.truths[part], shares[..., part, :]
        is_marked = np.isfinite(truths).all(axis=(1, 2)) & (np.nan_to_num(truths).sum(axis=(1, 2)) > 0)
        marked = regridded(np.nan_to_num(truths).astype(np.float32), grid).reshape(len(is_marked), -1) * scale
        inside[..., part] = np.where(is_marked & (looked.sum(axis=-1) > 0), (looked * marked).sum(axis=-1), np.nan)
        area[part] = np.where(is_marked, marked.mean(axis=1), np.nan)
    return inside, area


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
