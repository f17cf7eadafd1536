"""Means over a step's maps and predictions, written as scalars to be plotted over the steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.records import Block, MapKind, Sample, scalar_tag
from tensorboard_plugin_gradcam.writer.batch import MapKey
from tensorboard_plugin_gradcam.writer.measured import columns


def scalars(
    tag: str,
    samples: Sequence[Sample],
    predictions: dict[str, NDArray[Any]],
    blocks: dict[MapKey, list[Block]],
) -> tuple[dict[str, float], list[str]]:
    """Return means over the samples, and in words which of them count in no mean.

    The means are by their tag: ``gradcam:TAG/METRIC`` and ``gradcam:TAG/METHOD/LAYER/METRIC``.
    """
    found: dict[str, float] = {}
    notes: list[str] = []
    for name in ("probability", "label_probability"):
        if name in predictions and np.isfinite(predictions[name]).any():
            found[scalar_tag(tag, f"mean_{name}")] = float(np.nanmean(predictions[name]))
    for (method, layer, kind), of_series in blocks.items():
        place = (tag, method, layer, "" if kind == "positive" else kind)
        rows = metric_rows(samples, of_series, kind)
        found |= {scalar_tag(*place, name): mean for name, mean in means(rows).items()}
        found |= {
            scalar_tag(*place, name): float(np.nanmean(values))
            for name, values in columns(of_series).items()
            if np.isfinite(values).any()
        }
        notes += [f"{method} at {layer or 'no layer'}: {note}" for note in left_out(rows)]
    return found, notes


def metric_rows(samples: Sequence[Sample], blocks: Iterable[Block], kind: MapKind) -> list[dict[str, float]]:
    """Return each map's metrics; nothing of a map without evidence."""
    return [
        metrics.of_map(evidence, samples[index], target) if evidence.max(initial=0) > 0 else {}
        for block in blocks
        for index, target, evidence in zip(
            block.sample_indices.tolist(),
            [-1] * block.size if block.targets is None else block.targets.tolist(),
            metrics.evidence_of(block, kind),
            strict=True,
        )
    ]


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over the maps that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def left_out(rows: Sequence[dict[str, float]]) -> list[str]:
    """Say how many maps count in no mean, or only in some."""
    dark = sum(not row for row in rows)
    blind = sum("pointing_game" in row and "iou" not in row for row in rows)
    said = [f"{dark} of {len(rows)} maps have no evidence and are left out of all metrics"] if dark else []
    if blind:
        said.append(f"{blind} of {len(rows)} maps are left out of energy and IoU: their ground truth is too small")
    return said
