"""Tables to the binary answers of the routes `predictions` and `maps`; the layout is in http_api.md."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import MapKind
from tensorboard_plugin_gradcam.viewer.catalog import Key
from tensorboard_plugin_gradcam.viewer.limits import NOTES, TEXT
from tensorboard_plugin_gradcam.viewer.merge import nearest
from tensorboard_plugin_gradcam.viewer.parameters import Cut
from tensorboard_plugin_gradcam.viewer.places import Numbering
from tensorboard_plugin_gradcam.viewer.store import Loaded
from tensorboard_plugin_gradcam.viewer.tables import MapTable, NumberTable, PredictionTable, Steps

Array = NDArray[Any]

_NO_STEPS = Steps.none()
_NO_NUMBERS = NumberTable(np.zeros(1, "i8"), np.zeros(0, "i4"), np.zeros(0, "i4"), np.zeros(0, "f4"))
# zlib spends ten times as long on noise at its default level and saves 2 % more.
_LEVEL = 1


def packet(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Encode a header and its arrays, gzipped."""
    layout: dict[str, Any] = {}
    offset = 0
    for name, array in arrays.items():
        layout[name] = {"type": array.dtype.name, "shape": array.shape, "offset": offset}
        offset += array.nbytes + -array.nbytes % 8
    text = json.dumps({**header, "arrays": layout}, allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    return _gzipped([b"GCAM", struct.pack("<I", len(text)), text, *_bodies(arrays)])


def _bodies(arrays: Mapping[str, Array]) -> Iterator[bytes | memoryview]:
    for array in arrays.values():
        yield np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
        yield bytes(-array.nbytes % 8)


def _gzipped(parts: Iterable[bytes | memoryview]) -> bytes:
    """Compress piece by piece: a large series is never held a second time."""
    compressor = zlib.compressobj(_LEVEL, wbits=31)
    return b"".join([*(compressor.compress(part) for part in parts), compressor.flush()])


def predictions_packet(key: Key, kind: MapKind, loaded: Loaded, cut: Cut, numbering: Numbering | None = None) -> bytes:
    """Encode the predictions of the steps asked for."""
    start, stop = _rows(loaded, cut)
    steps = _NO_STEPS if loaded.steps is None else loaded.steps.take(slice(start, stop))
    header, arrays = _common(key, loaded, steps, numbering)
    header |= {"task": "classification", "threshold": 0.5}
    if isinstance(loaded.table, PredictionTable):
        header |= {"task": loaded.table.task, "threshold": loaded.table.threshold}
        arrays |= loaded.table.take(slice(start, stop)).columns
    return packet(header, arrays)


def maps_packet(key: Key, kind: MapKind, loaded: Loaded, cut: Cut, numbering: Numbering | None = None) -> bytes:
    """Encode the maps of the steps and samples asked for."""
    start, stop = _rows(loaded, cut)
    steps = _NO_STEPS if loaded.steps is None else loaded.steps.take(slice(start, stop))
    header, arrays = _common(key, loaded, steps, numbering)
    header |= {"method": key.method, "layer": key.layer, "kind": kind, "names": [], "native_shape": None}
    if isinstance(loaded.table, MapTable):
        table = loaded.table.rows_between(start, stop)
        if numbering:
            table = table.placed(numbering.of(header["cohorts"]), arrays["cohort"])
        table = table if cut.samples is None else table.of_samples(np.array(cut.samples))
        names, name = _used(table)
        header |= {"names": names, "native_shape": list(table.native_shape) or None}
        arrays |= _entries(table) | name
    else:
        arrays |= _no_entries()
    return packet(header, arrays)


def numbers_packet(key: Key, kind: MapKind, loaded: Loaded, cut: Cut, numbering: Numbering | None = None) -> bytes:
    """Encode the numbers of the steps asked for."""
    start, stop = _rows(loaded, cut)
    steps = _NO_STEPS if loaded.steps is None else loaded.steps.take(slice(start, stop))
    header, arrays = _common(key, loaded, steps, numbering)
    header |= {"name": key.name, "method": key.method, "layer": key.layer}
    table = loaded.table.take(slice(start, stop)) if isinstance(loaded.table, NumberTable) else _NO_NUMBERS
    if numbering:
        table = table.placed(numbering.of(header["cohorts"]), arrays["cohort"])
    arrays |= {"first": table.first.astype(np.int32)}
    return packet(header, arrays | {name: getattr(table, name) for name in ("sample", "target", "value")})


def _rows(loaded: Loaded, cut: Cut) -> tuple[int, int]:
    if loaded.steps is None:
        return 0, 0
    steps = loaded.steps.step
    if cut.step is not None:
        row = nearest(steps, cut.step)
        return row, row + 1
    start = 0 if cut.after is None else int(np.searchsorted(steps, cut.after, side="right"))
    return start, len(steps)


def _common(
    key: Key, loaded: Loaded, steps: Steps, numbering: Numbering | None
) -> tuple[dict[str, Any], dict[str, Array]]:
    cohorts, cohort = np.unique(steps.cohort, return_inverse=True)
    header: dict[str, Any] = {
        "run": key.run,
        "tag": key.tag,
        "cohorts": [digest.decode() for digest in cohorts.tolist()],
        "total": loaded.total,
        "generation": loaded.generation + (numbering.token if numbering else ""),
        "sampled_down": loaded.sampled_down,
        "two_writers": loaded.two_writers,
        "writers": [{"host": one.host[:TEXT], "process": one.process} for one in loaded.writers],
        "replaced": _replaced(loaded),
        "notes": [
            {"step": int(step), "texts": list(texts)}
            for step, texts in zip(steps.step.tolist(), steps.notes.tolist(), strict=True)
            if texts
        ],
        "corrupt": [{"step": ident[0], "message": text} for ident, text in sorted(loaded.corrupt.items())],
    }
    arrays = {
        "steps": steps.step,
        "wall_times": steps.wall_time,
        "epochs": steps.epoch,
        "ordinals": steps.ordinal.astype(np.float64),
        "cohort": cohort.reshape(-1).astype(np.int32),
    }
    if numbering and len(cohorts):
        arrays["places"] = numbering.of(header["cohorts"])
    return header, arrays


def _replaced(loaded: Loaded) -> list[dict[str, int]]:
    """Return what each session replaced, in the order of time; every record says it of its own session so far."""
    if loaded.steps is None:
        return []
    said = zip(loaded.steps.session.tolist(), loaded.steps.replaced.tolist(), strict=True)
    found = sorted({(session, one.first, one.last, one.steps) for session, events in said for one in events})
    return [{"first": first, "last": last, "steps": steps} for _, first, last, steps in found[-NOTES:]]


def _entries(table: MapTable) -> dict[str, Array]:
    sizes = table.sizes
    arrays = {
        "first": table.first.astype(np.int32),
        "sample": table.sample,
        "target": table.target,
        "score": table.score,
        "minimum": table.minimum,
        "maximum": table.maximum,
        "shape": table.shape,
        "offset": (np.cumsum(sizes) - sizes).astype(np.int32),
        "values": table.values,
    }
    arrays |= {"non_finite": table.non_finite} if table.non_finite.any() else {}
    return arrays | ({"box": table.box} if (table.box >= 0).any() else {})


def _no_entries() -> dict[str, Array]:
    arrays: dict[str, Array] = {name: np.zeros(0, np.int32) for name in ("sample", "target", "offset")}
    arrays |= {name: np.zeros(0, np.float32) for name in ("score", "minimum", "maximum")}
    return {
        "first": np.zeros(1, np.int32),
        "shape": np.zeros((0, 2), np.int32),
        "values": np.zeros(0, np.uint8),
        **arrays,
    }


def _used(table: MapTable) -> tuple[list[str], dict[str, Array]]:
    """Return the names that the entries use, and each entry's index among them."""
    used = np.unique(table.name[table.name >= 0])
    if not len(used):
        return [], {}
    index = np.where(table.name < 0, -1, np.searchsorted(used, table.name)).astype(np.int32)
    return [table.names[i] for i in used], {"name": index}
