"""Scaling large maps down by averaging areas."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def area_averaged(maps: NDArray[Any], max_size: int | None, axes: tuple[int, ...]) -> NDArray[Any]:
    """Average maps down to at most `max_size` cells on each of `axes`, all by one factor, exactly as areas overlap.

    Cells that are not finite are left out of their area's mean; an area without any finite cell is NaN.
    """
    longest = max((maps.shape[axis] for axis in axes), default=0)
    if max_size is None or longest <= max_size:
        return maps
    scale = max_size / longest
    finite = np.isfinite(maps)
    total, weight = np.where(finite, maps, 0).astype(np.float64), finite.astype(np.float64)
    for axis in axes:
        cells = max(1, round(maps.shape[axis] * scale))
        total, weight = (averaged(array, axis, cells) for array in (total, weight))
    with np.errstate(invalid="ignore"):
        return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan).astype(np.float32)


def averaged(array: NDArray[np.float64], axis: int, cells: int) -> NDArray[np.float64]:
    """Integrate along an axis, then difference at the new edges: partial cells count by their part."""
    length = array.shape[axis]
    moved = np.moveaxis(array, axis, -1)
    integral = np.concatenate([np.zeros((*moved.shape[:-1], 1)), moved.cumsum(axis=-1)], axis=-1)
    edges = np.linspace(0, length, cells + 1)
    below = np.minimum(edges.astype(np.int64), length - 1)
    at_edges = integral[..., below] + (edges - below) * moved[..., below]
    return np.moveaxis(np.diff(at_edges, axis=-1) * (cells / length), -1, axis)
