"""Which of a series' records count once a training was restarted: pure functions, for every reader."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Spans = Mapping[int, tuple[float, float]]


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


def spans(session: NDArray[Any], wall_time: NDArray[Any], known: Spans = MappingProxyType({})) -> Spans:
    """Return when each session wrote first and last (seconds since 1970), with what is `known` of earlier records."""
    found = dict(known)
    for one in np.unique(session).tolist():
        times = wall_time[session == one]
        begun, ended = found.get(one, (np.inf, -np.inf))
        found[one] = min(begun, float(times.min())), max(ended, float(times.max()))
    return found


def overlap(sessions: Spans) -> bool:
    """Tell whether a session wrote on after a later one had begun: two processes write the series at once."""
    in_order = [sessions[session] for session in sorted(sessions)]
    return any(earlier[1] > later[0] for earlier, later in pairwise(in_order))
