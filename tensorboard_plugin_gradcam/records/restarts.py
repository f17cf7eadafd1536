"""Which of a series' records count once a training was restarted: pure functions, for every reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records.steps import RELATIONS, Stamp

GOES_ON, ADDS, ADDS_ON = 0, 1, 2  # indices into `steps.RELATIONS`
Spans = Mapping[int, tuple[float, float]]


def surviving(
    step: NDArray[Any], session: NDArray[Any], ordinal: NDArray[Any], relation: NDArray[Any] | None = None
) -> NDArray[np.intp]:
    """Return the indices of the records that count, in ascending order of their steps, which are then unique.

    Earlier means a lower session, then a lower ordinal, then an earlier position; the two loaders of TensorBoard differ
    in what they leave of the replaced records, and give the same result here.

    Args:
        step: ``(S,)``.
        session: ``(S,)``, of the writer.
        ordinal: ``(S,)``, of the record in its session.
        relation: ``(S,)``, index into `RELATIONS`: 0, a training went on, and all earlier records at this step or above
            are replaced; 1, added, which replaces those at the same step; 2, added, and those above of its own session
            are replaced, too. All 0 by default, as in format 1.0.
    """
    order = np.lexsort((np.arange(len(step)), ordinal, session))
    relation = np.zeros(len(step), np.int8) if relation is None else relation
    steps, sessions, relations = step[order], session[order], relation[order]
    counts = _above_later(steps, relations == GOES_ON)
    for one in np.unique(sessions[relations == ADDS_ON]):
        of_session = (sessions == one) & (relations == ADDS_ON)
        counts &= ~of_session | _above_later(steps, of_session)
    _, last = np.unique(steps[::-1], return_index=True)
    is_last = np.zeros(len(steps), dtype=bool)
    is_last[len(steps) - 1 - last] = True
    kept = np.flatnonzero(counts & is_last)
    return order[kept[np.argsort(steps[kept], kind="stable")]]


def surviving_moments(moments: Iterable[tuple[int, Stamp]]) -> list[int]:
    """Return the indices of a series' records that count, as `surviving` does, of their steps and stamps."""
    ages = [(step, stamp.session, stamp.ordinal, RELATIONS.index(stamp.relation)) for step, stamp in moments]
    columns = [np.array(column) for column in zip(*ages, strict=True)]
    return [int(index) for index in surviving(*columns)] if columns else []


def _above_later(steps: NDArray[Any], replacing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which steps are lower than all later ones that are `replacing`."""
    lowest = np.minimum.accumulate(np.where(replacing, steps, np.inf)[::-1])[::-1]
    stays = np.ones(len(steps), dtype=bool)
    stays[:-1] = steps[:-1] < lowest[1:]
    return stays


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
