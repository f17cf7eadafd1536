"""Means over a step's maps and predictions, written as scalars to be plotted over the steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.records import Block, MapKind, Sample, scalar_tag
from tensorboard_plugin_gradcam.writer.batch import MapKey


def scalars(
    tag: str,
    samples: Sequence[Sample],
    predictions: dict[str, NDArray[Any]],
    blocks: dict[MapKey, list[Block]],
) -> dict[str, float]:
    """Return means over the samples, by their tag: ``gradcam:TAG/METRIC`` and ``gradcam:TAG/METHOD/LAYER/METRIC``."""
    found: dict[str, float] = {}
    for name in ("probability", "label_probability"):
        if name in predictions and np.isfinite(predictions[name]).any():
            found[scalar_tag(tag, f"mean_{name}")] = float(np.nanmean(predictions[name]))
    for (method, layer, kind), of_series in blocks.items():
        place = (tag, method, layer, "" if kind == "positive" else kind)
        found |= {scalar_tag(*place, name): mean for name, mean in map_metrics(samples, of_series, kind).items()}
    return found


def map_metrics(samples: Sequence[Sample], blocks: Iterable[Block], kind: MapKind) -> dict[str, float]:
    """Return means over maps: entropy and coverage, and against ground truth where there is one."""
    rows = [
        metrics.of_map(evidence, samples[index])
        for block in blocks
        for index, evidence in zip(block.sample_indices, metrics.evidence_of(block, kind), strict=True)
        if evidence.max(initial=0) > 0
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
