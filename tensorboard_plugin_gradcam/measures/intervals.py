"""How sure a mean over samples is: bootstrap intervals, which assume nothing about the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """The mean of `count` numbers and its 95 % confidence interval; NaN without numbers."""

    mean: float
    low: float
    high: float
    count: int

    def overlaps(self, other: Interval) -> bool:
        """Return whether two means do not clearly differ: one lies in the other's interval, or the intervals meet."""
        return self.low <= other.high and other.low <= self.high


def interval(values: NDArray[Any], confidence: float = 0.95, seed: int = 0) -> Interval:
    """Return the mean of the finite numbers, with its percentile bootstrap interval (Efron, 1979).

    The samples drawn are the same at each call, so that methods and steps can be compared.

    Args:
        values: ``(N,)``, NaN for none.
        confidence: confidence level of the interval.
        seed: seed of the draws.
    """
    known = np.asarray(values, np.float64).reshape(-1)
    known = known[np.isfinite(known)]
    if not known.size:
        return Interval(np.nan, np.nan, np.nan, 0)
    draws = np.random.default_rng(seed).integers(known.size, size=(RESAMPLES, known.size))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(known[draws].mean(axis=1), [tail, 100 - tail])
    return Interval(float(known.mean()), float(low), float(high), known.size)
