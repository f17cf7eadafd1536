"""Serialised records to rows of tables."""

from __future__ import annotations

from tensorboard_plugin_gradcam.records import RECORDS, STEP_LIMIT, CorruptRecord, Maps, Numbers, Predictions, Sums
from tensorboard_plugin_gradcam.viewer.source import Point
from tensorboard_plugin_gradcam.viewer.tables import MapTable, NumberTable, PredictionTable, Steps, SumTable

Table = PredictionTable | MapTable | NumberTable | SumTable


def decoded(kind: str, point: Point) -> tuple[Steps, Table]:
    """Decode one record; raises `CorruptRecord` or `NewerFormat`."""
    step, wall_time, data = point
    if abs(step) > STEP_LIMIT:
        raise CorruptRecord(f"expected a step between -2^53 and 2^53, got {step}")
    record = RECORDS[kind].from_bytes(data)
    if record.stamp.step not in (None, step):
        raise CorruptRecord(f"logged at step {record.stamp.step}, found at step {step}")
    return Steps.of(step, wall_time, record.stamp), _table(record)


def _table(record: Predictions | Maps | Numbers | Sums) -> Table:
    if isinstance(record, Predictions):
        return PredictionTable.of(record)
    if isinstance(record, Sums):
        return SumTable((record,))
    return MapTable.of(record) if isinstance(record, Maps) else NumberTable.of(record)
