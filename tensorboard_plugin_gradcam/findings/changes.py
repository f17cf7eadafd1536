"""The steps at which a series changed.

One change is the split of a series into two means that fits best; further ones are found in its parts (binary
segmentation; Scott & Knott, 1974). Whether a split is one is told by permuting the steps, with Bonferroni's correction
for the number of series, so that many classes raise no false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.statistics import jump_sizes

LEVEL = 0.01  # of a false change in any of the series
SHORTEST = 8  # kept steps: of fewer, too few permutations differ to be sure
SHORT = 24  # kept steps
LONGEST = 300  # values that are split; longer series are averaged first
FIRST, BATCH = 30, 200  # permutations at first, and then at a time: nearly all of noise is known after the first few
ENOUGH = 10  # permutations with as large a jump, after which it is none

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """A change of one of several series.

    Attributes:
        row: of which series.
        at: index of the first kept step after it.
        before: mean of the kept steps before it, back to the last change.
        after: mean of those from it on, up to the next change.
        p: p-value of the split among permutations of its part of the series.
    """

    row: int
    at: int
    before: float
    after: float
    p: float


def changes(series: Series, least: float = 0.0, seed: int = 0) -> list[Change]:
    """Return the changes of several series ``(R, T)`` by at least `least`, in the order of their steps.

    NaN is a gap; series with fewer than eight values have no changes.
    """
    found = [change for row in range(len(series)) for change in _of_row(series, row, least, seed)]
    return sorted((change for change in found if abs(change.after - change.before) >= least), key=lambda one: one.at)


def _of_row(series: Series, row: int, least: float, seed: int) -> list[Change]:
    known = np.flatnonzero(np.isfinite(series[row]))
    values = series[row, known]
    splits = sorted(_splits(values, least, len(series), seed))
    edges = [0, *(at for at, _ in splits), len(values)]
    return [
        Change(
            row,
            int(known[at]),
            float(values[edges[index] : at].mean()),
            float(values[at : edges[index + 2]].mean()),
            p,
        )
        for index, (at, p) in enumerate(splits)
    ]


def _splits(values: Series, least: float, rows: int, seed: int) -> list[tuple[int, float]]:
    """Return where a series splits, as indices of the first value after it, each with its p-value."""
    averaged, stride = _averaged(values)
    random = np.random.default_rng(seed)
    found: list[tuple[int, float]] = []
    parts = [(0, len(averaged))]
    while parts:
        first, last = parts.pop()
        if last - first < SHORTEST or np.ptp(averaged[first:last]) < least:  # no two means are farther apart
            continue
        # Of a short series few permutations differ, and p is close to the level: it has to be known well.
        enough = (2 if last - first > SHORT else 20) * rows / LEVEL
        at, p = best_split(averaged[first:last], int(enough) - 1, random)
        if p * rows <= LEVEL:
            found.append(((first + at) * stride, p))
            parts += [(first, first + at), (first + at, last)]
    return found


def _averaged(values: Series) -> tuple[Series, int]:
    """Return a series of at most `LONGEST` values, each the mean of so many that follow each other."""
    stride = -(-len(values) // LONGEST) or 1
    firsts = np.arange(0, len(values), stride)
    return np.add.reduceat(values, firsts) / np.diff(firsts, append=len(values)) if len(values) else values, stride


def best_split(values: Series, permutations: int, random: np.random.Generator) -> tuple[int, float]:
    """Return the split of a series ``(T,)`` that fits best, and its p-value among permutations of the series.

    No permutation is made where a bound on the p-value is small already; few are where it is large (Besag & Clifford,
    1991).
    """
    sizes = jump_sizes(values[None])[0]
    at, largest = int(sizes.argmax()) + 1, float(sizes.max())
    bound = largest_p(values, largest)
    if bound <= 1 / permutations:
        return at, bound
    as_large = made = 0
    while made < permutations and as_large < ENOUGH:
        count = min(BATCH if made else FIRST, permutations - made)
        shuffled = random.permuted(np.broadcast_to(values, (count, len(values))), axis=1)
        as_large += int((jump_sizes(shuffled).max(axis=1) >= largest - 1e-12).sum())
        made += count
    return at, (1 + as_large) / (1 + made)


def largest_p(values: Series, size: float) -> float:
    """Return an upper bound on how likely a permutation of a series ``(T,)`` has a jump of `size` or more.

    By Hoeffding's inequality for the mean of k of T values drawn without replacement (1963), over all splits.
    """
    length, spread = len(values), float(np.ptp(values))
    if spread == 0:
        return 1.0
    before = np.arange(1, length)
    after = length - before
    # The jump of a split as the distance of the mean of the k values before it from the mean of all.
    apart = size * np.sqrt(length / (before * after)) * after / length
    exponents = 2 * np.square(apart / spread) * np.maximum(before, np.square(before) / after)
    return float(min(1.0, 2 * np.exp(-exponents).sum()))
