"""Maps as distributions of attention over one grid, so that samples, steps and runs can be compared.

``p = max(map, 0) / sum``: the share of a map's positive evidence in each cell of the picture. Maps of any resolution
are brought to one grid by area, which keeps the shares of every region that the grid's lines bound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import LONGEST_GRID

Floats = NDArray[np.float32]
Grid = tuple[int, int]

LONGEST = LONGEST_GRID  # what lies closer together is one place


def grid_of(shape: tuple[int, ...]) -> Grid:
    """Return the grid for maps of a shape ``(h, w)``: the maps' own, or whole cells of it where they are finer."""
    height, width = shape
    cells = -(-max(height, width) // LONGEST)
    return -(-height // cells), -(-width // cells)


def attention(evidence: NDArray[np.floating], grid: Grid) -> Floats:
    """Return the share of each map's evidence in each cell of a grid, ``(..., g)``, its g cells row by row.

    Args:
        evidence: ``(..., h, w)``; what is negative or not finite counts as none.
        grid: rows and columns.

    Returns:
        Shares that sum to 1, and zeros for maps without evidence.
    """
    positive = np.where(np.isfinite(evidence), np.maximum(evidence, 0), 0).astype(np.float32)
    # By its maximum first: squares and sums of tiny or huge maps leave the range of float32.
    peak = positive.max(axis=(-2, -1), keepdims=True, initial=0)
    positive = np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)
    onto = regridded(positive, grid).reshape(*positive.shape[:-2], grid[0] * grid[1])
    total = onto.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(onto, total, out=np.zeros_like(onto), where=total > 0))


def regridded(amounts: Floats, grid: Grid) -> Floats:
    """Spread amounts ``(..., h, w)`` over the cells of another grid by area; sums stay what they are."""
    if amounts.shape[-2:] == grid:
        return amounts
    rows, columns = interval_shares(amounts.shape[-2], grid[0]), interval_shares(amounts.shape[-1], grid[1])
    return np.asarray(rows @ amounts @ columns.T, dtype=np.float32)


def interval_shares(cells: int, onto: int, first: int = 0, after: int | None = None) -> Floats:
    """Return which share of each of `cells` equal intervals of [0, 1] lies in each of `onto`: ``(onto, cells)``.

    Of the intervals from `first` to before `after` only, if they are given.
    """
    edges = np.linspace(0, 1, cells + 1) if after is None else np.arange(first, after + 1) / cells
    new = np.linspace(0, 1, onto + 1)
    shared = np.minimum(edges[None, 1:], new[1:, None]) - np.maximum(edges[None, :-1], new[:-1, None])
    return np.asarray(np.maximum(shared, 0) * cells, dtype=np.float32)


def overlap(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Return the share of attention that two distributions ``(..., g)`` have in common, in [0, 1]."""
    return np.asarray(np.minimum(first, second).sum(axis=-1, dtype=np.float64))


def likeness(shares: Floats) -> float:
    """Return the mean correlation of all pairs of maps ``(N, g)``, in [-1, 1]; NaN for fewer than two that vary."""
    units = unit_vectors(shares)
    return float(mean_of_pairs(units.sum(axis=0), np.asarray(units.any(axis=-1).sum())))


def mean_of_pairs(sums: NDArray[np.float64], counts: NDArray[np.number]) -> NDArray[np.float64]:
    """Return the mean product of all pairs of unit vectors, from their sums ``(..., g)`` and numbers ``(...)``."""
    # |sum of unit vectors|² is the sum over all pairs, each with itself included.
    squares = np.square(sums).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(counts > 1, (squares - counts) / (counts * (counts - 1)), np.nan))


def unit_vectors(shares: Floats) -> NDArray[np.float64]:
    """Return maps ``(..., g)`` less their mean, of length 1: their products are correlations; zeros for flat ones."""
    centred = shares - shares.mean(axis=-1, keepdims=True, dtype=np.float64)
    norms = np.sqrt(np.square(centred).sum(axis=-1, keepdims=True))
    return np.asarray(np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 1e-7))
