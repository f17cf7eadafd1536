"""Events and the values of ours in them, as far as they can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tensorboard_plugin_gradcam.records import (
    LATER_PLUGIN_NAME,
    PLUGIN_NAME,
    STEP_LIMIT,
    Cohort,
    CorruptRecord,
    Lease,
    Maps,
    Numbers,
    Predictions,
    Series,
    Sums,
    verify_picture,
)
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.wire import read

PLUGINS = (PLUGIN_NAME, LATER_PLUGIN_NAME)
STEPS: dict[str, Any] = {
    "maps": Maps,
    "predictions": Predictions,
    "numbers": Numbers,
    "sums": Sums,
}  # records of a step, by kind


@dataclass(frozen=True)
class Value:
    """A value of an event that belongs to this plugin.

    Attributes:
        tag: TensorBoard's.
        content: of the tag's metadata.
        message: the value as it stands in the event.
    """

    tag: str
    content: bytes
    message: Any

    @property
    def size(self) -> int:
        """Bytes in the event."""
        return int(self.message.ByteSize())

    def series(self) -> Series:
        """Return what the tag holds; raises `CorruptRecord` or `NewerFormat`."""
        return Series.from_bytes(self.content)

    def format(self) -> tuple[int, int]:
        """Return the version of the format that its tag was written in."""
        version = read(self.content, pb.Series).version
        return version.major, version.minor

    def data(self) -> bytes:
        """Return the serialized record; raises `CorruptRecord` where there is not exactly one."""
        strings = self.message.tensor.string_val
        if len(strings) != 1:
            raise CorruptRecord(f"expected one string, got {len(strings)}")
        return bytes(strings[0])


def event_of(data: bytes) -> Any:
    """Return the event that a frame holds, None where it holds none."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        return Event.FromString(data)
    except DecodeError:
        return None


def values_of(event: Any, owners: dict[str, tuple[str, bytes]]) -> Iterator[Value]:
    """Yield an event's values of ours.

    Args:
        event: of an event file.
        owners: which plugin each tag of the run belongs to, and its content, by the first that names one; extended.
    """
    for message in event.summary.value:
        plugin = message.metadata.plugin_data
        owner, content = owners.get(message.tag, ("", b""))
        if not owner:  # or the value that named it is damaged
            owner, content = owners[message.tag] = plugin.plugin_name, plugin.content
        if owner in PLUGINS and message.HasField("tensor"):
            yield Value(message.tag, content, message)


def record_of(series: Series, data: bytes, step: int) -> Any:
    """Return the record that bytes are, a picture as it is; raises `CorruptRecord` or `NewerFormat`."""
    if series.kind == "image":
        verify_picture(data)
        return data
    if series.kind == "cohort":
        return Cohort.from_bytes(data)
    if series.kind == "lease":
        return Lease.from_bytes(data)
    if abs(step) > STEP_LIMIT:
        raise CorruptRecord(f"expected a step between -2^53 and 2^53, got {step}")
    record = STEPS[series.kind].from_bytes(data)
    if not series.turn and record.stamp.step not in (None, step):
        raise CorruptRecord(f"logged at step {record.stamp.step}, found at step {step}")
    return record
