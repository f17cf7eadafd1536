"""What a step's record takes to be read: counted by readers before they decode it, and by writers before they write it.

Every reader reads what a writer accepts, so the limits are defined here and not in the viewer.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.envelope import payload_of
from tensorboard_plugin_gradcam.records.errors import CorruptRecord, NewerFormat
from tensorboard_plugin_gradcam.records.steps import Maps, Numbers, Predictions
from tensorboard_plugin_gradcam.records.sums import Sums
from tensorboard_plugin_gradcam.records.wire import ALLOWANCE, Budget, parsed

MIB = 2**20
SERIES_BYTES = 192 * MIB  # of one series, decoded; beyond it steps are left out
ALLOWANCE_BYTES = 48 * MIB  # that reading a series may take beyond twice what TensorBoard hands over, and it itself
RECORD_BYTES = 4096  # that each record is counted as, at least: also for the time it takes
ENTRY_BYTES = 96  # that each text or small part of a record is counted as
TEXT = 10_000  # characters of a caption, an id or a class name that are passed on
NOTES = 100  # of one step that are passed on
TOP_CLASSES = 100  # of one prediction

Record = Predictions | Maps | Numbers | Sums
RECORDS: dict[str, type[Predictions] | type[Maps] | type[Numbers] | type[Sums]] = {
    "predictions": Predictions,
    "maps": Maps,
    "numbers": Numbers,
    "sums": Sums,
}
_STAMP_FIELDS, _ARRAY_FIELDS = 10, 5  # that these have
_BLOCK_FIELDS = 25  # that reading a block takes the time of
_ABSURD = 2**40  # more is not told apart, so that sums fit into 64 bits
_MESSAGES: dict[str, Any] = {"predictions": pb.Predictions, "maps": pb.Maps, "numbers": pb.Numbers, "sums": pb.Sums}
_ARRAYS: dict[str, list[str]] = {
    kind: [one.name for one in message.DESCRIPTOR.fields if one.message_type is pb.Array.DESCRIPTOR]
    for kind, message in {**_MESSAGES, "maps": pb.Block}.items()
}
_ITEM_BYTES = {
    pb.Array.UINT8: 1,
    pb.Array.INT8: 1,
    pb.Array.UINT16: 2,
    pb.Array.FLOAT16: 2,
    pb.Array.INT32: 4,
    pb.Array.FLOAT32: 4,
}
_LISTED = {  # numbers for each member of a list
    "top_classes": 1, "top_probabilities": 1, "set_classes": 1, "set_probabilities": 1, "boxes": 4, "box_classes": 1,
    "box_scores": 1,
}  # fmt: skip


class Claim(NamedTuple):
    """What a record will take, by the shapes it claims, in bytes.

    Attributes:
        kept: as a row of the table.
        reading: while it is read.
        parts: bytes of that for its small parts, which also measure how long reading takes.
    """

    kept: int
    reading: int
    parts: int


def claimed(kind: str, data: bytes) -> Claim:
    """Return what a record will take; what can't be parsed takes what it took to find out."""
    budget = Budget(len(data) + ALLOWANCE)
    fields = kept = in_place = passing = 0
    try:
        message = parsed(payload_of(data), _MESSAGES[kind], budget)
        fields = _fields(kind, message)
        kept, in_place = _claimed(kind, message)
        passing = _passing(kind, message)
    except (CorruptRecord, NewerFormat):
        pass
    parts = RECORD_BYTES + ENTRY_BYTES * max(budget.fields, fields)
    return Claim(min(kept, _ABSURD), min(2 * kept - in_place + passing + parts, 2 * _ABSURD), parts)


def _passing(kind: str, message: Any) -> int:
    """Return the bytes of what is made while reading and kept by nobody: what was inflated, and what is cut off lists.

    The values of maps are used as they come out of the inflater.
    """
    parts = message.blocks if kind == "maps" else (message,)
    found = 0
    for part in parts:
        for name in _ARRAYS[kind]:
            array = getattr(part, name)
            if not array.shape:
                continue
            cells = _cells(array)
            if array.compression != pb.Array.NONE and name != "masks" and not (kind == "maps" and name == "values"):
                found += _ITEM_BYTES.get(array.type, 8) * cells
            if name in _LISTED:
                found += max(4 * cells - _claimed_by_list(array, _LISTED[name]), 0)
    return min(found, _ABSURD)


def _fields(kind: str, message: Any) -> int:
    """Return roughly how many fields a message has: each takes time, with any parser."""
    found = _STAMP_FIELDS + len(message.stamp.notes) + 4 * len(message.stamp.replaced)
    if kind != "maps":
        return found + _ARRAY_FIELDS * len(_MESSAGES[kind].DESCRIPTOR.fields)
    texts = sum(len(block.names) + len(block.flags) + len(block.native_shape) for block in message.blocks)
    return found + texts + _BLOCK_FIELDS * len(message.blocks)


def _claimed(kind: str, message: Any) -> tuple[int, int]:
    """Return the bytes of the rows, and how many of them are used in place, without a copy."""
    notes = 4 * sum(min(len(note), TEXT) for note in message.stamp.notes[:NOTES])
    if kind == "predictions":
        return _claimed_by_predictions(message) + notes, 0
    if kind == "numbers":
        return 12 * _cells(message.values) + notes, 0
    if kind == "sums":
        names = ("grid", "classes", "count", "seen", "mean", "square", "hits", "lone", "numbers")
        return 4 * sum(_cells(getattr(message, name)) for name in names) + notes, 0
    blocks = [_claimed_by_block(block) for block in message.blocks]
    return sum(kept for kept, _ in blocks) + notes, sum(in_place for _, in_place in blocks)


def _claimed_by_predictions(record: pb.Predictions) -> int:
    plain = (record.prediction, record.probability, record.label_probability, record.loss)
    samples = max(_cells(array) for array in plain)
    of_lists = sum(_claimed_by_list(getattr(record, name), width) for name, width in _LISTED.items())
    others = 4 * _cells(record.values) + 2 * _cells(record.masks)
    return 4 * len(plain) * samples + of_lists + others


def _claimed_by_list(array: pb.Array, width: int) -> int:
    return 4 * width * min(_cells(array) // width, max([*array.shape[:1], 1]) * TOP_CLASSES)


def _claimed_by_block(block: pb.Block) -> tuple[int, int]:
    item = 1 if block.values.type == pb.Array.UINT8 else 4
    entries = block.values.shape[0] if block.values.shape else 0
    texts = sum(ENTRY_BYTES + 4 * min(len(name), TEXT) for name in dict.fromkeys(block.names))
    values = _cells(block.values) * item
    data: Any = block.values.data
    plain = item == 1 and block.values.compression == pb.Array.NONE
    in_place = values if plain and isinstance(data, memoryview) else 0
    return values + entries * (8 + len(block.values.shape)) * 4 + texts, in_place


def _cells(array: pb.Array) -> int:
    return min(math.prod(array.shape), _ABSURD) if array.shape else 0


def expect_readable(record: Record) -> None:
    """Raise a `ValueError` for a record that a reader would refuse, though it stood alone in its series."""
    if _is_surely_small(record):
        return
    kind = next(kind for kind, of in RECORDS.items() if isinstance(record, of))
    data = record.to_bytes()
    claim = claimed(kind, data)
    try:
        RECORDS[kind].from_bytes(data)
    except CorruptRecord as error:
        raise ValueError(f"more {kind} at one step than a reader takes: {error}") from error
    most = 2 * len(data) + ALLOWANCE_BYTES
    if claim.kept > SERIES_BYTES or claim.reading > most:
        needed = max(claim.kept / SERIES_BYTES, claim.reading / most)
        raise ValueError(f"{claim.kept / MIB:,.0f} MiB of {kind} at one step, {needed:.1f} times what a reader takes")


def _is_surely_small(record: Record) -> bool:
    """Tell without serialising it whether it is far below every limit, as almost every record is."""
    parts: tuple[object, ...] = record.blocks if isinstance(record, Maps) else (record,)
    values = [value for part in parts[:1001] for value in vars(part).values()]
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    texts = sum(len(value) for value in values if isinstance(value, tuple))
    cells = sum(array.size for array in arrays)
    is_plain = len(parts) <= 1000 and all(array.ndim <= 8 for array in arrays)
    return is_plain and texts <= 10_000 and cells <= ALLOWANCE_BYTES // 32
