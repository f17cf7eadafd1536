"""The tests behind the findings, exact where that is affordable, without SciPy (which the tests of these use)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@lru_cache(maxsize=8)
def _log_factorials(count: int) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1, dtype=np.float64)))])


def _log_choose(total: int | NDArray[np.integer], factorials: Floats, chosen: NDArray[np.integer]) -> Floats:
    return np.asarray(factorials[total] - factorials[chosen] - factorials[total - chosen])


def fisher_greater(hits: int, size: int, other_hits: int, other_size: int) -> float:
    """Return the one-sided p-value of Fisher's exact test: that hits are as frequent in a group as in the others.

    Fisher (1934). It holds for groups of any size, and is exact where labels are exchangeable.

    Args:
        hits: in the group.
        size: of the group.
        other_hits: in the others.
        other_size: of the others.
    """
    total, all_hits = size + other_size, hits + other_hits
    factorials = _log_factorials(total)
    counts = np.arange(hits, min(size, all_hits) + 1)
    # P(k) = C(size, k) C(others, hits - k) / C(total, hits)
    logs = (
        _log_choose(size, factorials, counts)
        + _log_choose(other_size, factorials, all_hits - counts)
        - _log_choose(total, factorials, np.array([all_hits]))
    )
    return float(min(1.0, np.exp(logs).sum()))


def smallest_fisher(all_hits: NDArray[np.integer], size: NDArray[np.integer], total: int) -> Floats:
    """Return the smallest p-value that `fisher_greater` can have of so many hits, if as many as can be are the group's.

    Args:
        all_hits: in the group and the others together.
        size: of the group; the two are broadcast.
        total: size of the group and the others together.
    """
    factorials = _log_factorials(total)
    own = np.minimum(all_hits, size)
    ways = _log_choose(size, factorials, own) + _log_choose(total - size, factorials, all_hits - own)
    return np.asarray(np.exp(ways - _log_choose(total, factorials, all_hits)))


def fisher_two_sided(hits: int, size: int, other_hits: int, other_size: int) -> float:
    """Return twice the smaller one-sided p-value of Fisher's exact test, at most 1."""
    more = fisher_greater(hits, size, other_hits, other_size)
    fewer = fisher_greater(other_hits, other_size, hits, size)
    return min(1.0, 2 * min(more, fewer))


def sign_test_greater(wins: int, losses: int) -> float:
    """Return the one-sided p-value of the sign test: that wins are as likely as losses, P(Binomial(n, 1/2) >= wins)."""
    return binomial_greater(wins, wins + losses, 0.5)


def binomial_greater(hits: int, trials: int, rate: float) -> float:
    """Return P(Binomial(trials, rate) >= hits), for a rate above 0 and below 1."""
    counts = np.arange(hits, trials + 1)
    logs = _log_choose(trials, _log_factorials(trials), counts)
    logs = logs + counts * np.log(rate) + (trials - counts) * np.log1p(-rate)
    return float(min(1.0, np.exp(logs).sum()))


def adjusted(p_values: ArrayLike, looks: int) -> Floats:
    """Return the adjusted p-values, q, of the smallest of `looks` tests (Benjamini & Hochberg, 1995).

    Args:
        p_values: ``(n,)``, of all tests with a small p-value; those left out count as 1.
        looks: how many tests there were in all.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)
    stepped = values[order] * looks / np.arange(1, len(values) + 1)
    q = np.empty_like(values)
    q[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1)
    return q


def jump_sizes(series: Floats) -> Floats:
    """Return how much each split of series ``(R, T)`` parts their means, ``(R, T - 1)``.

    ``|mean after k - mean up to k| sqrt(k (T - k) / T)`` for k from 1 to T - 1 values before the split: the larger, the
    more of the series' squared deviations two means explain.
    """
    length = series.shape[1]
    before = np.arange(1, length)
    sums = np.cumsum(series, axis=1)
    left, right = sums[:, :-1] / before, (sums[:, -1:] - sums[:, :-1]) / (length - before)
    return np.asarray(np.abs(right - left) * np.sqrt(before * (length - before) / length))
