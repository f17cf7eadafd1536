"""How a map's evidence lies over its cells, by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def evidence_shares(maps: NDArray[Any], kind: str = "positive") -> Floats:
    """Return each cell's share of its map's evidence, ``(M, P)``; NaN without evidence or with non-finite cells.

    Evidence is the positive part; for "signed" maps the magnitude, for "rgb" maps the sum of the colors' magnitudes.

    Args:
        maps: ``(M, ...)``, raw, with the color last if the kind is "rgb".
        kind: how to read the maps: "positive", "signed" or "rgb".
    """
    raw = np.asarray(maps, np.float64)
    evidence = np.maximum(raw, 0) if kind == "positive" else np.abs(raw)
    evidence = (evidence.sum(axis=-1) if kind == "rgb" else evidence).reshape(len(raw), -1)
    total = evidence.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(np.isfinite(total) & (total > 0), evidence / total, np.nan))


def concentration(shares: NDArray[Any]) -> Floats:
    """Return the Gini coefficient of each map's evidence: 0 for a uniform map, near 1 for a single cell.

    Hurley & Rickard (2009, eq. 7); as a measure of explanations Chalasani et al. (2020, sec. 4.1). Costs nothing. It
    describes a map but not whether it is right: look at its change during training.
    https://arxiv.org/abs/0811.4706, https://arxiv.org/abs/1810.06583

    Args:
        shares: ``(M, P)``, of `evidence_shares`.
    """
    ordered = np.sort(np.asarray(shares, np.float64), axis=1)
    cells = ordered.shape[1]
    ranks = 2 * np.arange(1, cells + 1) - cells - 1
    return np.asarray((ordered * ranks).sum(axis=1) / cells)
