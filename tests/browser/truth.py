"""Numbers about maps, worked out with NumPy and OpenCV: what the tab has to agree with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FINE = 480
Map = NDArray[np.float32]
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions


def evidence(map_: Map) -> NDArray[np.float64]:
    """Return what speaks for the class."""
    return np.maximum(np.nan_to_num(map_.astype(np.float64)), 0)


def entropy(map_: Map) -> float:
    """Return the evidence's entropy over that of a flat map, NaN where there is none."""
    total = evidence(map_).sum()
    share = evidence(map_)[evidence(map_) > 0] / total
    return float(-(share * np.log(share)).sum() / np.log(map_.size)) if total else float("nan")


def moved(before: Map, after: Map) -> float:
    """Return the share of the evidence that is somewhere else, NaN where there is none."""
    p, q = evidence(before), evidence(after)
    return float(np.abs(p / p.sum() - q / q.sum()).sum() / 2) if p.sum() and q.sum() else float("nan")


def hit(map_: Map, box: Box) -> float:
    """Return whether the middle of the highest cell is in the box."""
    row, column = np.unravel_index(evidence(map_).argmax(), map_.shape)
    y, x = (row + 0.5) / map_.shape[0], (column + 0.5) / map_.shape[1]
    return float(box[0] <= x < box[2] and box[1] <= y < box[3])


def energy(map_: Map, box: Box) -> float:
    """Return the share of the resized evidence in the box."""
    fine, inside = _fine(map_), _inside(box)
    return float(fine[inside].sum() / fine.sum())


def iou(map_: Map, box: Box, threshold: float) -> float:
    """Return intersection over union of the box and where the mask reaches a threshold."""
    fine, inside = _fine(map_), _inside(box)
    finite = map_[np.isfinite(map_)]
    low, high = max(float(finite.min(initial=np.inf)), 0), float(finite.max(initial=0))
    if not high > low:
        return 0.0
    covered = (fine - low) / (high - low) >= threshold
    return float((covered & inside).sum() / (covered | inside).sum())


def _fine(map_: Map) -> NDArray[np.float64]:
    return np.asarray(cv2.resize(evidence(map_), (FINE, FINE), interpolation=cv2.INTER_LINEAR))


def _inside(box: Box) -> NDArray[np.bool_]:
    y, x = (np.mgrid[:FINE, :FINE] + 0.5) / FINE
    return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
