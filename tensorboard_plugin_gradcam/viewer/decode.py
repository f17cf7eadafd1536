"""Serialised records to rows of tables, counting first what they claim to hold."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from tensorboard_plugin_gradcam.records import STEP_LIMIT, CorruptRecord, Maps, NewerFormat, Numbers, Predictions
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.envelope import payload_of
from tensorboard_plugin_gradcam.records.wire import ALLOWANCE, Budget, parsed
from tensorboard_plugin_gradcam.viewer.limits import ENTRY_BYTES, NOTES, RECORD_BYTES, TEXT, TOP_CLASSES
from tensorboard_plugin_gradcam.viewer.source import Point
from tensorboard_plugin_gradcam.viewer.tables import MapTable, NumberTable, PredictionTable, Steps

Table = PredictionTable | MapTable | NumberTable
_STAMP_FIELDS, _ARRAY_FIELDS = 10, 5  # that these have
_ABSURD = 2**40  # more is not told apart, so that sums fit into 64 bits
_RECORDS: dict[str, type[Predictions] | type[Maps] | type[Numbers]] = {
    "predictions": Predictions,
    "maps": Maps,
    "numbers": Numbers,
}
_MESSAGES: dict[str, Any] = {"predictions": pb.Predictions, "maps": pb.Maps, "numbers": pb.Numbers}
_LISTED = {  # numbers for each member of a list
    "top_classes": 1, "top_probabilities": 1, "set_classes": 1, "set_probabilities": 1, "boxes": 4, "box_classes": 1,
    "box_scores": 1,
}  # fmt: skip


def decoded(kind: str, point: Point) -> tuple[Steps, Table]:
    """Decode one record; raises `CorruptRecord` or `NewerFormat`."""
    step, wall_time, data = point
    if abs(step) > STEP_LIMIT:
        raise CorruptRecord(f"expected a step between -2^53 and 2^53, got {step}")
    record = _RECORDS[kind].from_bytes(data)
    if record.stamp.step not in (None, step):
        raise CorruptRecord(f"logged at step {record.stamp.step}, found at step {step}")
    return Steps.of(step, wall_time, record.stamp), _table(record)


def _table(record: Predictions | Maps | Numbers) -> Table:
    if isinstance(record, Predictions):
        return PredictionTable.of(record)
    return MapTable.of(record) if isinstance(record, Maps) else NumberTable.of(record)


class Claim(NamedTuple):
    """What a record will take, by the shapes it claims, in bytes.

    Attributes:
        kept: as a row of the table.
        reading: while it is read.
        parts: of that, for its small parts, which also stand for the time that reading takes.
    """

    kept: int
    reading: int
    parts: int


def claimed(kind: str, data: bytes) -> Claim:
    """Return what a record will take; what can't be parsed takes what it took to find out."""
    budget = Budget(len(data) + ALLOWANCE)
    fields = kept = in_place = 0
    try:
        message = parsed(payload_of(data), _MESSAGES[kind], budget)
        fields = _fields(kind, message)
        kept, in_place = _claimed(kind, message)
    except (CorruptRecord, NewerFormat):
        pass
    parts = RECORD_BYTES + ENTRY_BYTES * max(budget.fields, fields)
    return Claim(min(kept, _ABSURD), min(2 * kept - in_place + parts, 2 * _ABSURD), parts)


def _fields(kind: str, message: Any) -> int:
    """Return how many fields a message has, about: each takes time, whoever parsed it."""
    found = _STAMP_FIELDS + len(message.stamp.notes) + 4 * len(message.stamp.replaced)
    if kind != "maps":
        return found + _ARRAY_FIELDS * len(_MESSAGES[kind].DESCRIPTOR.fields)
    texts = sum(len(block.names) + len(block.flags) + len(block.native_shape) for block in message.blocks)
    return found + texts + 3 * _ARRAY_FIELDS * len(message.blocks)


def _claimed(kind: str, message: Any) -> tuple[int, int]:
    """Return bytes of the rows, and of those the bytes that are used where they stand in the record."""
    notes = 4 * sum(min(len(note), TEXT) for note in message.stamp.notes[:NOTES])
    if kind == "predictions":
        return _claimed_by_predictions(message) + notes, 0
    if kind == "numbers":
        return 12 * _cells(message.values) + notes, 0
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
