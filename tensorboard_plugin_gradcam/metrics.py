"""Numbers that say how a map lies: what `metrics=True` writes, what the reader gives and what the tab shows are these.

A map's *evidence* is one number of 0 or above for each cell: the positive part where the map's kind is "positive", the
magnitude where it is "signed", the sum of the colours' magnitudes where it is "rgb"; cells that are not finite have
none. A map without any evidence has no metrics.

Against ground truth, evidence is interpolated bilinearly (half-pixel centres) on a grid of a whole multiple of its
cells, at most `FINE` a side, or `COARSE` for volumes. A point of that grid is true where its centre lies in the mask,
or else in one of the boxes (``x0 <= x < x1``). The same definitions, with the same numbers, stand in
``frontend/src/maths/metrics.ts``; ``tests/golden/metrics.json`` holds both to them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Block, MapKind, Sample

Evidence = NDArray[np.float64]
Truth = NDArray[np.bool_]

FINE = 96  # points of the longer edge on which maps of pictures and ground truth meet
COARSE = 32  # of a volume's
LEVEL = 0.5  # of the map's maximum, from which a cell or a point counts as covered


def entropy(evidence: Evidence) -> float:
    """Return the Shannon entropy of the evidence over that of a flat map: 0 is one cell, 1 is everywhere alike."""
    share = evidence.ravel() / evidence.sum()
    share = share[share > 0]
    return float(-(share * np.log(share)).sum() / np.log(evidence.size)) if evidence.size > 1 else 0.0


def coverage(evidence: Evidence) -> float:
    """Return the share of cells, in [0, 1], with at least half of the map's maximum."""
    return float((evidence >= LEVEL * evidence.max()).mean())


def pointing_game(evidence: Evidence, truth: Truth) -> float:
    """Return 1 where the center of the first strongest cell is true, else 0 (Zhang et al., 2016, sec. 4.1).

    https://arxiv.org/abs/1608.00507
    """
    return float(truth.ravel()[evidence.argmax()])


def energy_inside(evidence: Evidence, truth: Truth) -> float:
    """Return the share of evidence within the truth (Wang et al., 2020, sec. 4.4: energy-based pointing game).

    https://arxiv.org/abs/1910.01279
    """
    return float(evidence[truth].sum() / evidence.sum())


def iou(evidence: Evidence, truth: Truth, level: float | None = None) -> float:
    """Return intersection over union of the truth and what is at `level` or above: by default half of the maximum."""
    covered = evidence >= (LEVEL * evidence.max() if level is None else level)
    return float((covered & truth).sum() / (covered | truth).sum())


def evidence_of(block: Block, kind: MapKind) -> Evidence:
    """Return the evidence of a block's maps ``(M, ...)``."""
    raw = np.nan_to_num(block.dequantised().astype(np.float64), nan=0, posinf=0, neginf=0)
    magnitudes: Evidence = np.maximum(raw, 0) if kind == "positive" else np.abs(raw)
    return np.asarray(magnitudes.sum(axis=-1)) if kind == "rgb" else magnitudes


def of_map(evidence: Evidence, sample: Sample, target: int = -1) -> dict[str, float]:
    """Return the metrics of one map with some evidence, by their names.

    Against ground truth only where there is one (of a mask of classes, that of the target); `energy_inside` and `iou`
    only where a point of the grid lies in it.
    """
    found = {"entropy": entropy(evidence), "coverage": coverage(evidence)}
    at_cells = ground_truth(sample, evidence.shape, target)
    if at_cells is None:
        return found
    found["pointing_game"] = pointing_game(evidence, at_cells)
    shape = grid_of(evidence.shape)
    truth = ground_truth(sample, shape, target)
    if truth is not None and truth.any():
        fine = interpolated(evidence, shape)
        found["energy_inside"] = energy_inside(fine, truth)
        found["iou"] = iou(fine, truth, LEVEL * float(evidence.max()))
    return found


def grid_of(cells: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size of the grid on which a map of so many cells meets ground truth."""
    times = max((FINE if len(cells) < 3 else COARSE) // max(cells), 1)
    return tuple(edge * times for edge in cells)


def interpolated(evidence: Evidence, shape: tuple[int, ...]) -> Evidence:
    """Return evidence at the centres of a grid's points, linear between the centres of its cells."""
    for axis, points in enumerate(shape):
        cells = evidence.shape[axis]
        place = np.clip((np.arange(points) + 0.5) / points * cells - 0.5, 0, cells - 1)
        first = np.floor(place).astype(np.int64)
        later = (place - first).reshape([-1 if other == axis else 1 for other in range(evidence.ndim)])
        following = evidence.take(np.minimum(first + 1, cells - 1), axis)
        evidence = evidence.take(first, axis) * (1 - later) + following * later
    return evidence


def ground_truth(sample: Sample, shape: tuple[int, ...], target: int = -1) -> Truth | None:
    """Return which points of a grid over the picture, or the volume, lie in a sample's ground truth.

    None where it has none, or one of another number of axes.
    """
    if sample.class_mask is not None and target >= 0:
        return in_masks((sample.class_mask == target)[None], shape)[0] if sample.class_mask.ndim == len(shape) else None
    if sample.mask is not None:
        return in_masks(sample.mask[None], shape)[0] if sample.mask.ndim == len(shape) else None
    if not sample.boxes or len(shape) != 2:
        return None
    boxes = np.array(sample.boxes)
    return np.asarray(in_any_box(boxes, np.zeros(len(boxes), np.intp), (1, *shape))[0])


def in_any_box(boxes: NDArray[np.floating], owners: NDArray[np.integer], shape: tuple[int, int, int]) -> Truth:
    """Return which points of each picture's grid lie in any of its boxes.

    Args:
        boxes: ``(B, 4)``.
        owners: ``(B,)``, whose picture's each is.
        shape: pictures, rows and columns.
    """
    rows, columns = ((np.arange(points) + 0.5) / points for points in shape[1:])
    left, right = (np.searchsorted(columns, boxes[:, at]) for at in (0, 2))
    top, bottom = (np.searchsorted(rows, boxes[:, at]) for at in (1, 3))
    has_points = np.flatnonzero((left < right) & (top < bottom))
    # How many boxes a point is in: the running sum of what begins and ends at it, in both directions.
    changes = np.zeros((shape[0], shape[1] + 1, shape[2] + 1), dtype=np.int32)
    for across, down, change in ((left, top, 1), (right, top, -1), (left, bottom, -1), (right, bottom, 1)):
        np.add.at(changes, (owners[has_points], down[has_points], across[has_points]), change)
    return np.asarray(changes.cumsum(axis=1, out=changes).cumsum(axis=2, out=changes)[:, :-1, :-1] > 0)


def in_masks(masks: NDArray[Any], shape: tuple[int, ...]) -> Truth:
    """Return which points of a grid lie in each of some masks ``(N, ...)`` of one shape."""
    nearest = [_nearest(points, cells) for points, cells in zip(shape, masks.shape[1:], strict=True)]
    return np.asarray(masks[np.ix_(np.arange(len(masks)), *nearest)] != 0)


@lru_cache(maxsize=2**12)
def _nearest(points: int, cells: int) -> NDArray[np.int64]:
    """Return in which of so many cells in a row each of so many points lies."""
    nearest = np.minimum((np.arange(points) + 0.5) * cells // points, cells - 1)
    return np.asarray(nearest, dtype=np.int64)
