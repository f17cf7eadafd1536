"""Raw maps to 8 bits and back, each map between its own minimum and maximum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Precision = Literal["uint8", "float16", "float32"]

_HALF = np.finfo(np.float16)


@dataclass(frozen=True, eq=False)
class Quantised:
    """Quantised maps: the fields of a block of the record."""

    values: NDArray[Any]
    minimum: NDArray[np.float32]
    maximum: NDArray[np.float32]
    non_finite: NDArray[np.int32] | None


def quantised(maps: NDArray[Any], precision: Precision = "uint8") -> Quantised:
    """Store raw maps ``(M, ...)``: 8 bits keep each value within (maximum - minimum) / 510 of its own map.

    Cells that are not finite become the map's minimum and are counted. With "float16", maps that float16 cannot hold
    to 11 bits (peaks above 65504 or below 6e-5) are kept in float32, all of them, for a block has one type.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"expected precision 'uint8', 'float16' or 'float32', got {precision!r}")
    flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(len(maps), -1)
    finite = np.isfinite(flat)
    minimum = np.where(finite, flat, np.inf).min(axis=1, initial=np.inf)
    maximum = np.where(finite, flat, -np.inf).max(axis=1, initial=-np.inf)
    empty = minimum > maximum
    minimum, maximum = (np.where(empty, np.nan, edge).astype(np.float32) for edge in (minimum, maximum))
    low, high = (np.where(empty, 0, edge)[:, None] for edge in (minimum, maximum))
    filled = np.where(finite, flat, low)
    values = _scaled(filled, low, high) if precision == "uint8" else filled.astype(_width(filled, precision))
    non_finite = (~finite).sum(axis=1, dtype=np.int32)
    return Quantised(values.reshape(maps.shape), minimum, maximum, non_finite if non_finite.any() else None)


def dequantised(
    values: NDArray[Any], minimum: NDArray[np.float32], maximum: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return raw maps ``(M, ...)``, float32; where `minimum` is NaN the whole map is NaN."""
    column = (len(values),) + (1,) * (values.ndim - 1)
    low, high = (edge.astype(np.float64).reshape(column) for edge in (minimum, maximum))
    if values.dtype == np.uint8:
        # In float64: the range of a float32 map may itself not fit in float32.
        raw = low + values / 255.0 * (high - low)
    else:
        raw = np.where(np.isnan(low), np.nan, values.astype(np.float64))
    with np.errstate(over="ignore", invalid="ignore"):
        return raw.astype(np.float32)


def _scaled(maps: NDArray[np.float32], low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.uint8]:
    low, span = low.astype(np.float64), high.astype(np.float64) - low
    steps: NDArray[np.float64] = (maps - low) * (255.0 / np.where(span > 0, span, 1))
    return np.rint(steps).astype(np.uint8)


def _width(maps: NDArray[np.float32], precision: Precision) -> type[np.float16 | np.float32]:
    peaks = np.abs(maps).max(axis=1, initial=0)
    peaks = peaks[peaks > 0]
    fits = not peaks.size or (peaks.max() <= _HALF.max and peaks.min() >= _HALF.tiny)
    return np.float16 if precision == "float16" and fits else np.float32
