"""Numbers that say how maps lie, to be plotted over the steps.

Maps are rectified first (the positive part is the evidence); those that are flat or have no finite value do not count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Block, MapKind, Sample

Evidence = NDArray[np.float64]

GRID = 224  # pixels of the longer edge on which maps and ground truth meet
LEVEL = 0.5  # of the map's maximum, from which a pixel counts as covered


def entropy(evidence: Evidence) -> float:
    """Return the Shannon entropy of a map's evidence over that of a flat map: 0 is one cell, 1 is everywhere alike."""
    share = evidence.ravel() / evidence.sum()
    share = share[share > 0]
    return float(-(share * np.log(share)).sum() / np.log(evidence.size)) if evidence.size > 1 else 0.0


def coverage(evidence: Evidence) -> float:
    """Return the share of cells with at least half of the map's maximum."""
    return float((evidence >= LEVEL * evidence.max()).mean())


def pointing_game(evidence: Evidence, truth: NDArray[np.bool_]) -> float:
    """Return 1 where the maximum lies within the truth, else 0 (Zhang et al., 2016, sec. 4.1).

    https://arxiv.org/abs/1608.00507
    """
    return float(truth.ravel()[evidence.argmax()])


def energy_inside(evidence: Evidence, truth: NDArray[np.bool_]) -> float:
    """Return the share of evidence within the truth (Wang et al., 2020, sec. 4.4: energy-based pointing game).

    https://arxiv.org/abs/1910.01279
    """
    return float(evidence[truth].sum() / evidence.sum())


def iou(evidence: Evidence, truth: NDArray[np.bool_]) -> float:
    """Return intersection over union of the truth and the pixels with at least half of the maximum."""
    covered = evidence >= LEVEL * evidence.max()
    return float((covered & truth).sum() / (covered | truth).sum())


def evidence_of(block: Block, kind: MapKind) -> Evidence:
    """Return the evidence of a block's maps ``(M, ...)``: the positive part, or of colours the sum of magnitudes."""
    raw = np.nan_to_num(block.dequantised().astype(np.float64))
    return np.abs(raw).sum(axis=-1) if kind == "rgb" else np.maximum(raw, 0)


def of_map(evidence: Evidence, sample: Sample) -> dict[str, float]:
    """Return the metrics of one map with a positive maximum, by their names."""
    found = {"entropy": entropy(evidence), "coverage": coverage(evidence)}
    truth = ground_truth(sample) if evidence.ndim == 2 else None
    if truth is not None and truth.any():
        resized = _resized(evidence, truth.shape)
        found |= {
            "pointing_game": pointing_game(resized, truth),
            "energy_inside": energy_inside(resized, truth),
            "iou": iou(resized, truth),
        }
    return found


def _resized(evidence: Evidence, size: tuple[int, ...]) -> Evidence:
    import cv2

    resized: Evidence = cv2.resize(evidence, (size[1], size[0]), interpolation=cv2.INTER_LINEAR).astype(np.float64)
    return resized


def ground_truth(sample: Sample) -> NDArray[np.bool_] | None:
    """Return the pixels within a sample's mask, or else its boxes, ``(h, w)``; None where it has neither."""
    if sample.mask is not None:
        return sample.mask.astype(bool)
    if not sample.boxes:
        return None
    longest = max(sample.width, sample.height) or GRID
    height, width = (max(1, round(GRID * edge / longest)) if edge else GRID for edge in (sample.height, sample.width))
    rows, columns = ((np.arange(cells) + 0.5) / cells for cells in (height, width))
    truth = np.zeros((height, width), dtype=bool)
    for x0, y0, x1, y1 in sample.boxes:
        truth |= ((rows >= y0) & (rows <= y1))[:, None] & ((columns >= x0) & (columns <= x1))
    return truth
