"""What a map has in common with another one of the same picture: of another class, other weights, or another step.

Maps are ``(M, ...)``, those at one place are compared. A pair has no value (NaN) where one of the two is flat or not
finite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLAT = 1e-6  # of the largest value: a map with less spread than that is rounding


def class_sensitivity(maps: NDArray[Any], rivals: NDArray[Any]) -> Floats:
    """Return 1 - Pearson's correlation of each class's map with that of the class that the network ranks next.

    Sixt et al. (2020, sec. 4: random logit, https://arxiv.org/abs/1912.09818), with the runner-up in place of a random
    class. The maps are not rectified. Costs one more target: the head's backward pass.

    In [0, 2]: 0 means that the map is the same for every class (`eigen_cam`), 1 that the two maps are unrelated, 2 that
    evidence for one class is evidence against the other. Above about 0.2 a map depends on its class. If two classes
    share their evidence, the value of a good map is low, too.

    Args:
        maps: ``(M, ...)``, raw maps of the explained classes.
        rivals: ``(M, ...)``, raw maps of the next-ranked classes.
    """
    return 1 - _correlation(_flat(maps), _flat(rivals))


def randomisation(maps: NDArray[Any], random: NDArray[Any]) -> Floats:
    """Return Spearman's rank correlation between each map and that of the untrained or re-initialized network.

    Adebayo et al. (2018, sec. 3, https://arxiv.org/abs/1810.03292). Against the first step of a log it costs nothing.

    In [-1, 1]: near 0 the map depends on what was learned; near 1 it was there before training, such as a map of edges.
    Equal values share their mean rank.

    Args:
        maps: ``(M, ...)``, raw, of the trained network.
        random: ``(M, ...)``, of the untrained one.
    """
    return _correlation(_ranks(_flat(maps)), _ranks(_flat(random)))


def entropy_change(shares: NDArray[Any], random: NDArray[Any]) -> Floats:
    """Return how much more spread out the untrained network's evidence is: ``(H_0 - H_t) / H_t``.

    H is Shannon's entropy over cells. Hedström et al. (2024, eq. 3: efficient MPRT, https://arxiv.org/abs/2401.06465);
    above 0 if training concentrated the maps.

    Args:
        shares: ``(M, P)``, of `evidence_shares`, of the trained network.
        random: ``(M, P)``, of the untrained one.
    """
    after, before = _entropy(shares), _entropy(random)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(after > 0, (before - after) / after, np.nan))


def steadiness(shares: NDArray[Any], before: NDArray[Any]) -> Floats:
    """Return 1 - Hellinger's distance of each map's evidence from that of the step before, in [0, 1].

    1 means no change; near 0 the evidence moved elsewhere. A change says something about the map only if the prediction
    stayed the same, which the caller has to check. Costs nothing.

    Args:
        shares: ``(M, P)``, of `evidence_shares`.
        before: ``(M, P)``, at the step before.
    """
    return 1 - hellinger(shares, before)


def hellinger(shares: NDArray[Any], other: NDArray[Any]) -> Floats:
    """Return Hellinger's distance of distributions ``(..., P)``: 0 is the same, 1 is nowhere in common.

    NaN where one of the two is empty (zeros alone) or unknown (NaN). Summed in float64, in whichever precision the
    distributions are.
    """
    apart = np.square(np.sqrt(shares) - np.sqrt(other)).sum(axis=-1, dtype=np.float64)
    empty = (np.sum(shares, axis=-1) == 0) | (np.sum(other, axis=-1) == 0)
    return np.where(empty, np.nan, np.sqrt(np.minimum(apart / 2, 1)))


def _flat(maps: NDArray[Any]) -> Floats:
    return np.asarray(maps, np.float64).reshape(len(maps), -1)


def _correlation(one: Floats, other: Floats) -> Floats:
    """Return Pearson's correlation of each row, NaN where one of the two does not vary."""
    if one.shape != other.shape:
        raise ValueError(f"expected maps of one size to compare, got {one.shape[1]} and {other.shape[1]} cells")
    centred = [rows - rows.mean(axis=1, keepdims=True) for rows in (one, other)]
    with np.errstate(divide="ignore", invalid="ignore"):
        norms = [np.sqrt((rows**2).sum(axis=1)) for rows in centred]
        found = (centred[0] * centred[1]).sum(axis=1) / (norms[0] * norms[1])
    varies = np.logical_and(*(_varies(rows) for rows in (one, other)))
    return np.asarray(np.where(varies, np.clip(found, -1, 1), np.nan))


def _varies(rows: Floats) -> NDArray[np.bool_]:
    spread = rows.max(axis=1, initial=-np.inf) - rows.min(axis=1, initial=np.inf)
    return np.asarray(np.isfinite(spread) & (spread > FLAT * np.abs(rows).max(axis=1, initial=0)))


def _ranks(rows: Floats) -> Floats:
    """Return each value's rank in its row from 1; equal ones share the mean of theirs."""
    found = np.empty_like(rows)
    for row, values in zip(found, rows, strict=True):
        if not np.isfinite(values).all():
            row[:] = np.nan
            continue
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        row[:] = (last - (counts - 1) / 2)[inverse.reshape(-1)]
    return found


def _entropy(shares: NDArray[Any]) -> Floats:
    share = np.asarray(shares, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-np.where(share > 0, share * np.log(share), share * 0).sum(axis=1))
