"""The checksum around each record."""

from __future__ import annotations

import zlib

from google.protobuf.message import Message

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.versions import check_version, stamp_version
from tensorboard_plugin_gradcam.records.wire import M, parsed, read

MAX_BYTES = 2**28  # of one record: what TensorBoard's data server can carry at once


def seal(message: Message) -> bytes:
    """Serialise a message with its version and checksum."""
    payload = message.SerializeToString(deterministic=True)
    envelope = pb.Envelope(crc32=zlib.crc32(payload), payload=payload)
    stamp_version(envelope.version)
    return envelope.SerializeToString(deterministic=True)


def unseal(data: bytes, message: type[M]) -> M:
    """Verify version and checksum, then read the payload as a message of the given class, as `wire.parsed` does."""
    return parsed(payload_of(data), message)


def payload_of(data: bytes) -> memoryview:
    """Verify version and checksum, and return the payload without a copy."""
    if len(data) > MAX_BYTES:
        raise CorruptRecord(f"expected a record of at most {MAX_BYTES} bytes, got {len(data)}")
    envelope = read(data, pb.Envelope)
    check_version(envelope.version)
    payload = memoryview(envelope.payload)
    if not payload:  # cut off right behind the version: the checksum of nothing is 0, as is a missing one
        raise CorruptRecord("expected a payload, got none")
    if zlib.crc32(payload) != envelope.crc32:
        raise CorruptRecord("checksum mismatch")
    return payload
