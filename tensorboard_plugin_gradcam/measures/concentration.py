"""How a map's evidence lies over its cells, by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def evidence_shares(maps: NDArray[Any], kind: str = "positive") -> Floats:
    """Return each cell's share of its map's evidence, ``(M, P)``; NaN where there is none, or not all is finite.

    Evidence is the positive part; of "signed" maps the magnitude, of "rgb" ones the colours' magnitudes together.

    Args:
        maps: ``(M, ...)``, raw, the colour last where the kind is "rgb".
        kind: how they are meant.
    """
    raw = np.asarray(maps, np.float64)
    evidence = np.maximum(raw, 0) if kind == "positive" else np.abs(raw)
    evidence = (evidence.sum(axis=-1) if kind == "rgb" else evidence).reshape(len(raw), -1)
    total = evidence.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(np.isfinite(total) & (total > 0), evidence / total, np.nan))


def concentration(shares: NDArray[Any]) -> Floats:
    """Return the Gini coefficient of each map's evidence: 0 is everywhere alike, near 1 is one cell.

    Hurley & Rickard (2009, eq. 7); as a measure of explanations Chalasani et al. (2020, sec. 4.1). Costs nothing. It
    says how a map lies and not whether it is right: a change in training is what to look at.
    https://arxiv.org/abs/0811.4706, https://arxiv.org/abs/1810.06583

    Args:
        shares: ``(M, P)``, of `evidence_shares`.
    """
    ordered = np.sort(np.asarray(shares, np.float64), axis=1)
    cells = ordered.shape[1]
    ranks = 2 * np.arange(1, cells + 1) - cells - 1
    return np.asarray((ordered * ranks).sum(axis=1) / cells)
