"""Cohorts as the JSON of the route `cohort`, written sample by sample: no more than one is held at a time."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import CohortParts, CorruptRecord, Identities, Sample, sample_of
from tensorboard_plugin_gradcam.records.arrays import Cells
from tensorboard_plugin_gradcam.viewer.limits import COHORT_BYTES, TEXT

_AT_ONCE = 20
_FEW = 10  # boxes
_LARGE = ("slices", "mask", "labels", "values", "box_classes", "class_mask")


def packed(data: bytes) -> bytes:
    """Return a serialized cohort as gzipped JSON; raises `CorruptRecord` or `NewerFormat`.

    Texts longer than any tooltip are cut, and masks are thinned out where they would take more than the record itself
    and `COHORT_BYTES`.
    """
    compressor = zlib.compressobj(3, wbits=31)
    found, size, limit = [], 0, 2 * len(data) + 2 * COHORT_BYTES
    for text in _texts(data):
        part = text.encode()
        size += len(part)
        if size > limit:
            raise CorruptRecord(f"expected samples of at most {limit:,} bytes of text, got more")
        found.append(compressor.compress(part))
    return b"".join([*found, compressor.flush()])


def _texts(data: bytes) -> Iterator[str]:
    parts, cells = CohortParts(data), Cells()
    yield '{"class_names":['
    yield from _listed(_json(_cut(name)) for name in parts.class_names())
    yield '],"samples":['
    share = (len(data) + COHORT_BYTES // 2) // max(parts.count, 1)
    told_apart = Identities()
    samples = (sample_of(message, cells, lambda mask: _thinned(mask, share)) for message in parts.samples())
    yield from _listed(_together(_sample(sample, _cut(told_apart(sample.identity))) for sample in samples))
    yield "]}"


def _together(samples: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Encode small samples a few at a time: the encoder's start takes longer than they do."""
    small: list[dict[str, Any]] = []
    for sample in samples:
        small.append(sample)
        if len(small) == _AT_ONCE or _is_large(sample):
            yield _json(small)[1:-1]
            small = []
    if small:
        yield _json(small)[1:-1]


def _is_large(sample: dict[str, Any]) -> bool:
    return len(sample["boxes"]) > _FEW or any(map(sample.get, _LARGE))


def _listed(texts: Iterator[str]) -> Iterator[str]:
    comma = ""
    for text in texts:
        yield comma + text
        comma = ","


_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode  # `json.dumps` makes one for each call


def _sample(sample: Sample, identity: str) -> dict[str, Any]:
    return {
        "identity": identity,
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


def _thinned(mask: NDArray[Any], share: int) -> NDArray[Any]:
    """Leave out rows and columns of a mask that would take more than its share of the answer, in bytes."""
    most = max(share, 64)
    step = math.ceil((mask.nbytes / most) ** (1 / max(mask.ndim, 1))) if mask.nbytes > most else 1
    return mask[(slice(None, None, step),) * mask.ndim]


def _mask(mask: NDArray[Any]) -> dict[str, Any]:
    *depth, height, width = mask.shape
    cells = base64.b64encode(mask.tobytes()).decode()
    return {"depth": depth[0] if depth else None, "height": height, "width": width, "cells": cells}


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else text[:TEXT] + "…"
