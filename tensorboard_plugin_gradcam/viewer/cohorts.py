"""Cohorts as the JSON of the route `cohort`."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Cohort, Sample
from tensorboard_plugin_gradcam.viewer.limits import TEXT


def as_json(cohort: Cohort) -> dict[str, Any]:
    """Return a cohort for the browser; texts longer than any tooltip are cut."""
    return {
        "class_names": [_cut(name) for name in cohort.class_names],
        "samples": [_sample(sample) for sample in cohort.samples],
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
        "mask": None if sample.mask is None else _mask(sample.mask),
    }


def _mask(mask: NDArray[np.uint8]) -> dict[str, Any]:
    cells = base64.b64encode((mask != 0).astype(np.uint8).tobytes()).decode()
    return {"height": mask.shape[0], "width": mask.shape[1], "cells": cells}


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else text[:TEXT] + "…"
