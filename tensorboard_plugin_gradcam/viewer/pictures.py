"""What a blob that claims to be a picture is, by its own first bytes: nothing else is ever sent as one."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_SEGMENTS = 1_000  # before a JPEG's size: a colour profile has at most 255 of them
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the others are tables


@dataclass(frozen=True)
class Picture:
    """A picture's media type and its size in pixels."""

    media_type: str
    width: int
    height: int


def recognised(data: bytes) -> Picture | None:
    """Return what `data` is if it is a PNG, JPEG or WebP with a readable size, else None."""
    for media_type, size in (("image/png", _png), ("image/jpeg", _jpeg), ("image/webp", _webp)):
        try:
            found = size(data)
        except (struct.error, IndexError):  # cut short
            continue
        if found and min(found) > 0:
            return Picture(media_type, *found)
    return None


def _png(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(_PNG) or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    for _ in range(_SEGMENTS):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker == 0xFF:  # padding
            at += 1
        else:
            at += 2 + max(struct.unpack_from(">H", data, at + 2)[0], 2)
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
