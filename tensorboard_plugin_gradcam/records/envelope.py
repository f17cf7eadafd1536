"""The checksum around each record."""

from __future__ import annotations

import zlib

from google.protobuf.message import DecodeError, Message

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.versions import check_version, stamp_version

MAX_BYTES = 2**28  # of one record: what TensorBoard's data server can carry at once


def seal(message: Message) -> bytes:
    """Serialise a message with its version and checksum."""
    payload = message.SerializeToString(deterministic=True)
    envelope = pb.Envelope(crc32=zlib.crc32(payload), payload=payload)
    stamp_version(envelope.version)
    return envelope.SerializeToString(deterministic=True)


def unseal(data: bytes, message: Message) -> None:
    """Verify version and checksum, then parse the payload into `message`."""
    if len(data) > MAX_BYTES:
        raise CorruptRecord(f"expected a record of at most {MAX_BYTES} bytes, got {len(data)}")
    envelope = pb.Envelope()
    parse(data, envelope)
    check_version(envelope.version)
    if not envelope.payload:  # cut off right behind the version: the checksum of nothing is 0, as is a missing one
        raise CorruptRecord("expected a payload, got none")
    if zlib.crc32(envelope.payload) != envelope.crc32:
        raise CorruptRecord("checksum mismatch")
    parse(envelope.payload, message)


def parse(data: bytes, message: Message) -> None:
    """Parse bytes into `message`; whatever is wrong with them is a `CorruptRecord`."""
    try:
        message.ParseFromString(data)
    except (DecodeError, TypeError, ValueError) as error:
        raise CorruptRecord(f"not a {message.DESCRIPTOR.name} message: {error}") from error
