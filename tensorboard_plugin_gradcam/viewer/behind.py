"""What is behind the atlas at one step: the samples that look at a place, and classes by what was predicted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import EVERYONE, Observations, Summary
from tensorboard_plugin_gradcam.findings.evidence import portions
from tensorboard_plugin_gradcam.findings.windows import Region
from tensorboard_plugin_gradcam.viewer.findings import Summarised
from tensorboard_plugin_gradcam.viewer.parameters import Aspect

LISTED = 200  # samples behind a place


def by_prediction(found: Summarised, observed: Observations) -> Summarised:
    """Return one step of a series with its samples in the classes that were predicted."""
    said = observed.predictions if observed.predictions is not None else np.full_like(observed.labels, -1)
    summary = Summary(grid=found.summary.grid, most_classes=found.summary.most_classes)
    step = summary.add(replace(observed, labels=said))
    has_map, _ = _looked_at(observed, Region(0, 0, 1, 1))
    judged = has_map & (observed.labels >= 0) & (said >= 0)
    groups = {
        group: replace(one, accuracy=_mean((said == observed.labels)[judged & _members(said, group)]))
        for group, one in step.groups.items()
    }
    summary.steps[-1] = replace(step, groups=groups)
    return replace(found, summary=summary)


def behind_json(observed: Observations, region: Region, group: int | None, by: Aspect) -> dict[str, Any]:
    """Return the samples of a class by their share of evidence in a region, most first, and the mean share."""
    classes = observed.labels if by == "label" or observed.predictions is None else observed.predictions
    has_map, shares = _looked_at(observed, region)
    members = has_map & _members(classes, EVERYONE if group is None else group)
    ranked = np.flatnonzero(members & np.isfinite(shares))
    ranked = ranked[np.argsort(-shares[ranked], kind="stable")]
    return {
        "step": observed.step,
        "count": int(members.sum()),
        "share": _known(_mean(shares[ranked])),
        "area": region.area,
        "samples": [
            {"identity": observed.identities[index], "share": round(float(shares[index]), 4)}
            for index in ranked[:LISTED].tolist()
        ],
    }


def _looked_at(observed: Observations, region: Region) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which samples have a map, and the share of its evidence in a region."""
    count, height, width = observed.maps.shape
    has_map, shares = np.zeros(count, dtype=bool), np.full(count, np.nan)
    for part in portions(count, height * width):
        maps = observed.maps[part]
        has_map[part] = np.isfinite(maps).any(axis=(1, 2))
        shares[part] = shares_in(maps, region)
    return has_map, shares


def shares_in(maps: NDArray[np.floating], region: Region) -> NDArray[np.float64]:
    """Return the share of the positive evidence of maps ``(N, h, w)`` in a region, cells by their area.

    NaN for maps without evidence.
    """
    evidence = np.where(np.isfinite(maps), np.maximum(maps, 0), 0).astype(np.float64)
    evidence /= np.maximum(evidence.max(axis=(1, 2), keepdims=True, initial=0), np.finfo(np.float64).tiny)
    inside = _covered(maps.shape[1:], (region.x0, region.y0, region.x1, region.y1))
    if region.hole is not None:
        inside = inside - _covered(maps.shape[1:], region.hole)
    total = evidence.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 0, (evidence * inside).sum(axis=(1, 2)) / total, np.nan))


def _covered(shape: tuple[int, ...], box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return which share of each cell ``(h, w)`` lies in a box."""
    x0, y0, x1, y1 = box
    return np.asarray(np.outer(_between(shape[0], y0, y1), _between(shape[1], x0, x1)))


def _between(cells: int, first: float, last: float) -> NDArray[np.float64]:
    at = np.arange(cells)
    return np.asarray(np.maximum(np.minimum(at + 1, last * cells) - np.maximum(at, first * cells), 0), dtype=np.float64)


def _members(classes: NDArray[np.int32], group: int) -> NDArray[np.bool_]:
    return np.ones(len(classes), dtype=bool) if group == EVERYONE else classes == group


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
