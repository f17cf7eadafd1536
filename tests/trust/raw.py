"""Records and event files written byte by byte, so that nothing of the package decides what can be written."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from tensorboard.compat.tensorflow_stub import pywrap_tensorflow


def varint(number: int) -> bytes:
    """Encode a number as protobuf does."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int) -> bytes:
    """Encode a field: bytes with their length, a number as a varint."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def array(type_: int, shape: list[int], data: bytes, deflate: bool = False) -> bytes:
    """Encode an `Array`."""
    body = zlib.compress(data, 9) if deflate else data
    return field(1, type_) + field(2, int(deflate)) + field(3, b"".join(map(varint, shape))) + field(4, body)


def zeros(count: int) -> bytes:
    """Deflate zeros without holding them."""
    stream = zlib.compressobj(9)
    parts = [stream.compress(bytes(min(2**20, count - at))) for at in range(0, count, 2**20)]
    return b"".join([*parts, stream.flush()])


def zero_array(type_: int, shape: list[int], count: int) -> bytes:
    """Encode an `Array` of deflated zeros, `count` bytes of them."""
    packed = field(3, b"".join(map(varint, shape)))
    return field(1, type_) + field(2, 1) + packed + field(4, zeros(count))


def envelope(payload: bytes) -> bytes:
    """Seal a payload as a record of format 1.0."""
    return field(1, field(1, 1)) + varint(2 << 3 | 5) + struct.pack("<I", zlib.crc32(payload)) + field(3, payload)


def stamp(cohort: int = 0) -> bytes:
    """Encode the `Stamp` of a record of the cohort with such a digest."""
    return field(1, field(1, cohort.to_bytes(16, "big")))


STAMP = stamp()
INT, FLOAT = 3, 5


def block(values: bytes, count: int, *more: bytes) -> bytes:
    """Encode a `Block` of a maps record."""
    edges = array(FLOAT, [count], bytes(4 * count)) if count < 2**16 else zero_array(FLOAT, [count], 4 * count)
    return field(2, field(4, values) + field(5, edges) + field(6, edges) + b"".join(more))


def shown_block(values: bytes, count: int, *more: bytes) -> bytes:
    """Encode a `Block` of maps that reach from 0 to 1, and so have evidence."""
    low = array(FLOAT, [count], bytes(4 * count), deflate=True)
    high = array(FLOAT, [count], struct.pack("<f", 1) * count, deflate=True)
    return field(2, field(4, values) + field(5, low) + field(6, high) + b"".join(more))


class RawLog:
    """An event file, byte by byte."""

    def __init__(self, run: Path) -> None:
        run.mkdir(parents=True)
        self._file = (run / "events.out.tfevents.1700000000.host.1.0").open("wb")
        self._frame(field(3, b"brain.Event:2"))

    def add(
        self, tag: str, content: bytes, data: bytes, step: int, data_class: int, plugin: bytes = b"gradcam"
    ) -> None:
        """Write one string tensor of our plugin."""
        shape = field(2, field(2, field(1, 1))) if data_class == 3 else b""
        tensor = field(1, 7) + shape + field(8, data)
        metadata = field(1, field(1, plugin) + field(2, content)) + field(4, data_class)
        value = field(1, tag.encode()) + field(9, metadata) + field(8, tensor)
        wall_time = varint(1 << 3 | 1) + struct.pack("<d", 1.7e9 + step)
        self._frame(wall_time + field(2, step) + field(5, field(1, value)))

    def _frame(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._file.write(length + _crc(length) + data + _crc(data))
        self._file.flush()


def _crc(data: bytes) -> bytes:
    from tensorboard_plugin_gradcam.event_files import masked_crc32c  # TensorBoard's own takes a second a megabyte

    crc = pywrap_tensorflow.masked_crc32c(data) & 0xFFFFFFFF if len(data) < 2**12 else masked_crc32c(data)
    return struct.pack("<I", crc)
