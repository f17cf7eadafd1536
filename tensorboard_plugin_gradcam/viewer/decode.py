"""Serialised records to rows of tables, counting first what they claim to hold."""

from __future__ import annotations

import math

from google.protobuf.message import DecodeError

from tensorboard_plugin_gradcam.records import STEP_LIMIT, CorruptRecord, Maps, Numbers, Predictions
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.viewer.limits import TOP_CLASSES
from tensorboard_plugin_gradcam.viewer.source import Point
from tensorboard_plugin_gradcam.viewer.tables import MapTable, NumberTable, PredictionTable, Steps

Table = PredictionTable | MapTable | NumberTable
_ABSURD = 2**40  # more is not told apart, so that sums fit into 64 bits
_RECORDS: dict[str, type[Predictions] | type[Maps] | type[Numbers]] = {
    "predictions": Predictions,
    "maps": Maps,
    "numbers": Numbers,
}
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


def claimed_bytes(kind: str, data: bytes) -> int:
    """Return how much memory a record will take, by the shapes it claims; 0 for what can't be parsed at all."""
    try:
        payload = pb.Envelope.FromString(data).payload
        if kind == "predictions":
            return _claimed_by_predictions(pb.Predictions.FromString(payload))
        if kind == "numbers":
            return 12 * _cells(pb.Numbers.FromString(payload).values)
        return min(sum(_claimed_by_block(block) for block in pb.Maps.FromString(payload).blocks), 8 * _ABSURD)
    except (DecodeError, TypeError, ValueError):
        return 0


def _claimed_by_predictions(record: pb.Predictions) -> int:
    plain = (record.prediction, record.probability, record.label_probability, record.loss)
    samples = max(_cells(array) for array in plain)
    of_lists = sum(_claimed_by_list(getattr(record, name), width) for name, width in _LISTED.items())
    others = 4 * _cells(record.values) + 2 * _cells(record.masks)
    return 4 * len(plain) * samples + of_lists + others


def _claimed_by_list(array: pb.Array, width: int) -> int:
    return 4 * width * min(_cells(array) // width, max([*array.shape[:1], 1]) * TOP_CLASSES)


def _claimed_by_block(block: pb.Block) -> int:
    item = 1 if block.values.type == pb.Array.UINT8 else 4
    entries = block.values.shape[0] if block.values.shape else 0
    return _cells(block.values) * item + entries * (8 + len(block.values.shape)) * 4


def _cells(array: pb.Array) -> int:
    return min(math.prod(array.shape), _ABSURD) if array.shape else 0
