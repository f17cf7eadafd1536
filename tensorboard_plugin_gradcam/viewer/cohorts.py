"""Cohorts as the JSON of the route `cohort`, written sample by sample: no more than one is held at a time."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import CohortParts, CorruptRecord, Identities, Sample
from tensorboard_plugin_gradcam.records.arrays import Cells
from tensorboard_plugin_gradcam.viewer.limits import COHORT_BYTES, TEXT

_AT_ONCE = 2**14  # characters


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
    yield from _listed(
        text
        for batch in parts.batches()
        for text in _together(
            map(
                _sample,
                batch.samples(cells, lambda mask: _thinned(mask, share)),
                map(_cut, told_apart.of_all(batch.identities)),
            )
        )
    )
    yield "]}"


def _together(texts: Iterator[str]) -> Iterator[str]:
    """Join small texts, many at a time."""
    few: list[str] = []
    size = 0
    for text in texts:
        few.append(text)
        size += len(text)
        if size > _AT_ONCE:
            yield ",".join(few)
            few, size = [], 0
    if few:
        yield ",".join(few)


def _listed(texts: Iterator[str]) -> Iterator[str]:
    comma = ""
    for text in texts:
        yield comma + text
        comma = ","


_BOX = "[%.9g,%.9g,%.9g,%.9g]"  # as many digits as tell any two numbers of 32 bits apart
_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode  # `json.dumps` makes one for each call
_quoted = json.encoder.encode_basestring_ascii


def _sample(sample: Sample, identity: str) -> str:
    """Return a sample as JSON: written out, since the encoder's start takes longer than all of it."""
    mask = None if sample.mask is None else _mask((sample.mask != 0).astype(np.uint8))
    class_mask = None if sample.class_mask is None else _mask(sample.class_mask.astype("<i2"))
    return (
        f'{{"identity":{_quoted(identity)},"image":{_quoted(sample.image)},"slices":[{_each(_quoted, sample.slices)}],'
        f'"label":{_or_null(sample.label)},"id":{_quoted(_cut(sample.id))},"caption":{_quoted(_cut(sample.caption))},'
        f'"width":{sample.width},"height":{sample.height},"boxes":[{_each(_BOX.__mod__, sample.boxes)}],'
        f'"mask":{mask or "null"},"labels":{"null" if sample.labels is None else f"[{_each(str, sample.labels)}]"},'
        f'"values":[{_each(_number, sample.values)}],"box_classes":[{_each(str, sample.box_classes)}],'
        f'"class_mask":{class_mask or "null"}}}'
    )


def _each(encode: Callable[[Any], str], values: Sequence[Any]) -> str:
    return ",".join(map(encode, values)) if values else ""


def _or_null(number: int | None) -> str:
    return "null" if number is None else str(number)


def _number(value: float) -> str:
    return f"{value:.9g}" if math.isfinite(value) else "null"


def _thinned(mask: NDArray[Any], share: int) -> NDArray[Any]:
    """Leave out rows and columns of a mask that would take more than its share of the answer, in bytes."""
    most = max(share, 64)
    step = math.ceil((mask.nbytes / most) ** (1 / max(mask.ndim, 1))) if mask.nbytes > most else 1
    return mask[(slice(None, None, step),) * mask.ndim]


def _mask(mask: NDArray[Any]) -> str:
    *depth, height, width = mask.shape
    cells = base64.b64encode(mask.tobytes()).decode()
    return f'{{"depth":{_or_null(depth[0] if depth else None)},"height":{height},"width":{width},"cells":"{cells}"}}'


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else text[:TEXT] + "…"
