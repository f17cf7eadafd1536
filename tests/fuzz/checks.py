"""What must hold for any input: an answer, or one of the two errors that records may raise."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress

from tensorboard_plugin_gradcam.findings import squared, summary_of
from tensorboard_plugin_gradcam.records import Cohort, CorruptRecord, Lease, NewerFormat, Series, thumbnail_in
from tensorboard_plugin_gradcam.viewer.catalog import Key, catalogued
from tensorboard_plugin_gradcam.viewer.cohorts import packed
from tensorboard_plugin_gradcam.viewer.packets import maps_packet, numbers_packet, predictions_packet
from tensorboard_plugin_gradcam.viewer.parameters import Cut
from tensorboard_plugin_gradcam.viewer.source import Listed
from tensorboard_plugin_gradcam.viewer.store import ident_of, merged
from tensorboard_plugin_gradcam.viewer.tables import SumTable

KEY = Key("run", "tag", "maps", "m", "l")


def check(kind: str, data: bytes) -> bool:
    """Put an input through everything that the viewer does with it; return whether it could be read."""
    if kind == "series":
        return _check_series(data)
    if kind == "cohort":
        return _check_cohort(data)
    if kind == "lease":
        return _check_lease(data)
    return _check_steps(kind, data)


def _check_series(data: bytes) -> bool:
    catalog = catalogued({}, {"run": {"tag": Listed(data, 1, 1.0)}})
    json.dumps(catalog.as_json(1000), allow_nan=False)
    with suppress(CorruptRecord, NewerFormat):
        squared([thumbnail_in(data)])
    try:
        Series.from_bytes(data)
    except (CorruptRecord, NewerFormat):
        assert catalog.problems
        return False
    return True


def _check_cohort(data: bytes) -> bool:
    try:
        Cohort.from_bytes(data)
    except (CorruptRecord, NewerFormat):
        return False
    json.loads(gzip.decompress(packed(data)))
    return True


def _check_lease(data: bytes) -> bool:
    try:
        lease = Lease.from_bytes(data)
    except (CorruptRecord, NewerFormat):
        return False
    lease.overlaps(lease)
    return True


def _check_steps(kind: str, data: bytes) -> bool:
    """Every record is either a row or an error in words; a packet is made of it, whole and cut."""
    point = (1, 1.0, data)
    loaded = merged(kind, {ident_of(point): point}, None, None)
    assert (loaded.steps is None) == bool(loaded.corrupt)
    if kind == "predictions":
        predictions_packet(KEY, "positive", loaded, Cut())
    elif kind == "sums":
        for record in loaded.table.records if isinstance(loaded.table, SumTable) else ():
            summary_of(1, record)
    elif kind == "numbers":
        numbers_packet(KEY, "positive", loaded, Cut())
    else:
        for cut in (Cut(), Cut(samples=(0, 2), step=0.0)):
            maps_packet(KEY, "positive", loaded, cut)
    return loaded.steps is not None
