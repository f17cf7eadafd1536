"""What happens to a score when cells are taken away, the most relevant first or last.

The gain of a map is the area between two curves: the score while cells are put back, the most relevant first, and the
score while they are taken away in that order. Insertion minus deletion (Petsiuk et al., 2018), least minus most
relevant first (Samek et al., 2017), twice ROAD's combined score (Rong et al., 2022) and the symmetric relevance gain
(Blücher et al., 2024) are this one number, with different ways to take away.

P is the number of cells of a map (or of pixels), k of steps. A *row* keeps some cells, the others get a baseline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kept = NDArray[np.bool_]

LEAST_SHARE = 0.01  # of the scores' spread: what less is lost by taking everything away divides nothing
LEAST_PRECISION = 1e-5  # of the score's size: differences below it are rounding


@dataclass(frozen=True, eq=False)
class Gain:
    """The gains of M maps.

    Attributes:
        logits: ``(M,)``, the area between the curves, in the score's unit.
        normalised: ``(M,)``, `logits` divided by what the score loses when everything is removed; NaN if that is less
            than 1 % of the scores' spread.
    """

    logits: Floats
    normalised: Floats


def removed_counts(cells: int, steps: int) -> list[int]:
    """Return how many of so many cells are taken away, or put back, at each point of the curves, from none to all.

    Example:
        >>> removed_counts(49, 4)
        [0, 13, 26, 39, 49]
    """
    if steps < 2:
        raise ValueError(f"expected at least 2 steps, got {steps}")
    return [*range(0, cells, -(-cells // steps)), cells]


def kept_cells(maps: NDArray[Any], steps: int) -> Kept:
    """Return the rows of the two curves' inner points ``(M, R, P)``: which cells keep what they are.

    Rows alternate: first the one without the most relevant cells, then the one with no more than as many of them.
    A cell's relevance is its raw value, so that among those without evidence the less negative counts more; of equal
    ones the first.

    Args:
        maps: ``(M, ...)``, raw.
        steps: k.
    """
    flat = np.asarray(maps, np.float64).reshape(len(maps), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None], axis=1)
    inner = removed_counts(flat.shape[1], steps)[1:-1]
    rows = [[ranks >= count, ranks < count] for count in inner]
    kept = np.array([row for pair in rows for row in pair], bool).reshape(2 * len(inner), *flat.shape)
    return np.moveaxis(kept, 0, 1)


def gain_of_scores(scores: NDArray[Any], whole: NDArray[Any], nothing: NDArray[Any], cells: int, steps: int) -> Gain:
    """Return the gain of the scores that the rows of `kept_cells` had.

    Args:
        scores: ``(M, R)``, of the rows.
        whole: ``(M,)``, of everything kept.
        nothing: ``(M,)``, of everything taken away.
        cells: P.
        steps: k.
    """
    shares = np.array(removed_counts(cells, steps)) / cells
    rows = np.asarray(scores, np.float64)
    first, last = (np.asarray(end, np.float64)[:, None] for end in (whole, nothing))
    removed = np.concatenate([first, rows[:, 0::2], last], axis=1)
    inserted = np.concatenate([last, rows[:, 1::2], first], axis=1)
    between = inserted - removed
    logits = (np.diff(shares) * (between[:, 1:] + between[:, :-1]) / 2).sum(axis=1)
    return Gain(logits, _divided(logits, rows, first[:, 0], last[:, 0]))


def _divided(logits: Floats, rows: Floats, whole: Floats, nothing: Floats) -> Floats:
    seen = np.concatenate([rows, whole[:, None], nothing[:, None]], axis=1)
    least = np.maximum(LEAST_SHARE * np.ptp(seen, axis=1), LEAST_PRECISION * np.abs(seen).max(axis=1))
    lost = whole - nothing
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(lost > least, logits / lost, np.nan))


def gain(maps: NDArray[Any], score: Callable[[int, Kept], NDArray[Any]], steps: int = 4) -> Gain:
    """Return how much more of the score is kept by following each map's ranking than by the opposite order.

    With g(S) the score with the cells S alone, the integral over the share f of cells, from 0 to 1, of
    ``g(the most relevant f) - g(all but the most relevant f)``, by the trapezium rule over k steps. Insertion minus
    deletion of Petsiuk et al. (2018, sec. 4.2, https://arxiv.org/abs/1806.07421); Blücher et al. (2024,
    https://arxiv.org/abs/2401.06654). Costs 2 (k - 1) + 1 rows per map.

    In [-1, 1] if the score falls steadily: 0 for an uninformative map (the mean of `random_cam`), 0.3 and more for a
    map whose ranking the network follows, and negative for a map that marks evidence against the class.

    Args:
        maps: ``(M, ...)``, raw.
        score: from a map's index and rows ``(R, P)`` of the cells that stay to their scores ``(R,)``.
        steps: k.
    """
    kept = kept_cells(maps, steps)
    cells = kept.shape[2]
    ends = np.stack([np.ones(cells, bool), np.zeros(cells, bool)])
    found = np.array([score(index, np.concatenate([ends, rows])) for index, rows in enumerate(kept)], np.float64)
    return gain_of_scores(found[:, 2:], found[:, 0], found[:, 1], cells, steps)


def average_drop(whole: NDArray[Any], shown: NDArray[Any]) -> Floats:
    """Return the share of each probability that is lost if only what a map shows is left, in [0, 1] (Chattopadhay et
    al., 2018).

    Equation 8: ``max(0, Y - O) / Y``; 0 is good. The picture is multiplied by its mask. The measure does not
    distinguish small or wide maps from good ones. https://arxiv.org/abs/1710.11063

    Args:
        whole: ``(M,)``, probabilities Y of the pictures.
        shown: ``(M,)``, O, of the pictures times their masks.
    """
    before, after = np.asarray(whole, np.float64), np.asarray(shown, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(before > 0, np.maximum(before - after, 0) / before, np.nan))


def average_increase(whole: NDArray[Any], shown: NDArray[Any]) -> Floats:
    """Return 1 if a probability rises when only what a map shows is left, else 0 (Chattopadhay et al., 2018, eq. 9).

    https://arxiv.org/abs/1710.11063
    """
    before, after = np.asarray(whole, np.float64), np.asarray(shown, np.float64)
    return np.where(np.isnan(before) | np.isnan(after), np.nan, np.asarray(after > before, np.float64))
