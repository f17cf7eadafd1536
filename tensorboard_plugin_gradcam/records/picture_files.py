"""The checksum of a picture's file: TensorBoard's data server passes on what was damaged on the disk."""

from __future__ import annotations

import struct
import zlib

from tensorboard_plugin_gradcam.records.errors import CorruptRecord

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNKS = 1_000
_MARK = b"GCRC"  # decoders of JPEG and WebP ignore bytes behind the picture


def seal_picture(data: bytes) -> bytes:
    """Return a PNG as it is, for each of its chunks has a CRC; a JPEG or WebP with its CRC-32 behind it."""
    return data if data.startswith(_PNG) else data + _MARK + struct.pack("<I", zlib.crc32(data))


def verify_picture(data: bytes) -> None:
    """Raise `CorruptRecord` if a picture is not what was written; without a checksum there is no telling."""
    if data.startswith(_PNG):
        _verify_chunks(data)
    elif data[-8:-4] == _MARK and struct.pack("<I", zlib.crc32(memoryview(data)[:-8])) != data[-4:]:
        raise CorruptRecord("checksum mismatch in a picture")


def _verify_chunks(data: bytes) -> None:
    view = memoryview(data)
    at, kind, chunks = len(_PNG), b"", 0
    while kind != b"IEND":
        chunks += 1
        if chunks > _CHUNKS + len(data) // 1024:  # encoders write 8 KB at a time
            raise CorruptRecord("expected a picture of a few large chunks, got far too many small ones")
        if at + 12 > len(data):
            raise CorruptRecord("expected a whole picture, got one that is cut short")
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(data) or struct.pack(">I", zlib.crc32(view[at + 4 : end])) != data[end : end + 4]:
            raise CorruptRecord("checksum mismatch in a picture")
        at = end + 4
