"""Which of a series' records count once a training was restarted: a pure function, for every reader."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def surviving(step: NDArray[Any], session: NDArray[Any], ordinal: NDArray[Any]) -> NDArray[np.intp]:
    """Return the indices of the records that count, in ascending order of their steps, which are then unique.

    A lower step is a restart: a record replaces all earlier ones at its step or above. Earlier means a lower session,
    then a lower ordinal, then an earlier position; the two loaders of TensorBoard differ in what they leave of the
    replaced records, and give the same result here.
    """
    order = np.lexsort((np.arange(len(step)), ordinal, session))
    in_order = step[order]
    lowest_later = np.minimum.accumulate(in_order[::-1])[::-1]
    counts = np.ones(len(step), dtype=bool)
    counts[:-1] = in_order[:-1] < lowest_later[1:]
    return order[counts]
