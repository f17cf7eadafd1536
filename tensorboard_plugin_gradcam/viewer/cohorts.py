"""Cohorts as the JSON of the route `cohort`."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Cohort, Sample
from tensorboard_plugin_gradcam.viewer.limits import TEXT


def as_json(cohort: Cohort) -> dict[str, Any]:
    """Return a cohort for the browser; texts longer than any tooltip are cut."""
    return {
        "class_names": [_cut(name) for name in cohort.class_names],
        "samples": [
            _sample(sample) | {"identity": _cut(identity)}
            for sample, identity in zip(cohort.samples, cohort.identities, strict=True)
        ],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "image": sample.image,
        "slices": list(sample.slices),
        "label": sample.label,
        "id": _cut(sample.id),
        "caption": _cut(sample.caption),
        "width": sample.width,
        "height": sample.height,
        "boxes": [list(box) for box in sample.boxes],
        "mask": None if sample.mask is None else _mask((sample.mask != 0).astype(np.uint8)),
        "labels": None if sample.labels is None else list(sample.labels),
        "values": [number if math.isfinite(number) else None for number in sample.values],
        "box_classes": list(sample.box_classes),
        "class_mask": None if sample.class_mask is None else _mask(sample.class_mask.astype("<i2")),
    }


def _mask(mask: NDArray[Any]) -> dict[str, Any]:
    *depth, height, width = mask.shape
    cells = base64.b64encode(mask.tobytes()).decode()
    return {"depth": depth[0] if depth else None, "height": height, "width": width, "cells": cells}


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else text[:TEXT] + "…"
