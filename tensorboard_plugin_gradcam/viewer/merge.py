"""Which of a series' records count: pure functions over their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import surviving as surviving

Numbers = NDArray[Any]


def affordable(sizes: Numbers, budget: int, padded: bool = False) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which records of the given sizes to keep, and which to refuse, so that those kept fit into `budget`.

    A few records far above the others are refused; where all are large, every other one is left out, never the last.
    With `padded`, each record will take as much as the largest.
    """
    affordable_alone = sizes <= budget
    kept, refused = np.flatnonzero(affordable_alone), np.flatnonzero(~affordable_alone)
    if _cost(sizes[kept], padded) > budget:
        large = sizes[kept] > budget / len(kept)
        if 2 * np.count_nonzero(large) < len(kept):
            refused = np.union1d(refused, kept[large])
            kept = kept[~large]
    while _cost(sizes[kept], padded) > budget:
        kept = kept[(len(kept) - 1) % 2 :: 2]
    return kept, refused


def _cost(sizes: Numbers, padded: bool) -> int:
    return int(len(sizes) * sizes.max(initial=0) if padded else sizes.sum())


def nearest(ascending: Numbers, value: float) -> int:
    """Return the index of the number nearest to `value`, the lower of two equally near ones."""
    right = int(np.searchsorted(ascending, value))
    if right == 0:
        return 0
    if right == len(ascending) or value - ascending[right - 1] <= ascending[right] - value:
        return right - 1
    return right
