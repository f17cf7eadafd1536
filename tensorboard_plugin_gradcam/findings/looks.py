"""Whether pictures look alike at a place: a mark does, a position that many samples share does not.

A place is cut out of small grey pictures, half again as large as the window that is looked at. What pictures of a data
set have in common there, the other pictures' mean crop, is taken off first: the corners of photographs that are aligned
look alike, too. What is left of the samples behind a finding is compared pair by pair, without pixels that are nearly
the same in all pictures: beside a frame that all have, brighter pictures would look alike by being brighter inside it.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import Floats, likeness, regridded
from tensorboard_plugin_gradcam.findings.windows import Region

SIDE = 32  # pixels of the square that every picture is brought to, as maps cover all of it, too
AROUND = 1.5  # of the window's width and height
MOST = 300  # pictures that are compared, evenly spaced
STILL = 0.5  # of the median pixel's standard deviation, below which a pixel is nearly the same in all pictures
FEWEST = 5  # pictures of which anything is said
ALIKE = 0.4  # mean correlation, from which crops look alike; of places that clean networks looked at none was above

Grey = NDArray[np.uint8]
Looks = Callable[[Sequence[str]], Floats]  # pictures' digests to `(n, SIDE, SIDE)`, NaN where there is none


def nothing(digests: Sequence[str]) -> Floats:
    """Return no pictures."""
    return np.full((len(digests), SIDE, SIDE), np.nan, dtype=np.float32)


def squared(thumbnails: Sequence[Grey | None]) -> Floats:
    """Bring small grey pictures ``(h, w)`` to one square by area, ``(n, SIDE, SIDE)``; NaN where there is none."""
    found = nothing([""] * len(thumbnails))
    for index, thumbnail in enumerate(thumbnails):
        if thumbnail is not None:
            share = SIDE**2 / thumbnail.size
            found[index] = regridded(thumbnail.astype(np.float32), (SIDE, SIDE)) * share
    return found


@dataclass(frozen=True, eq=False)
class Crop:
    """A grey picture of a place.

    Attributes:
        pixels: ``(h, w)``.
        box: which part of the picture it is, ``(x0, y0, x1, y1)`` in fractions.
    """

    pixels: Grey
    box: tuple[float, float, float, float]

    @property
    def png(self) -> str:
        """The file in base64, as it stands in a data URL."""
        return base64.b64encode(png(self.pixels)).decode()


@dataclass(frozen=True, eq=False)
class Look:
    """How a place looks.

    Attributes:
        alike: mean correlation of the crops of the samples behind a finding, less the others' mean, in [-1, 1].
        other_alike: the same of other pictures' crops, less their own mean.
        mean: mean crop of the samples behind it.
    """

    alike: float
    other_alike: float
    mean: Crop


def looks_alike(alike: float, other_alike: float) -> bool:
    """Say whether pictures look alike at a place, and others do not."""
    return alike - max(other_alike, 0) >= ALIKE


def look_at(region: Region, pictures: Floats, others: Floats) -> Look | None:
    """Compare a place of some pictures ``(n, SIDE, SIDE)`` with the same place of others; None for fewer than five."""
    pictures, others = _known(pictures), _known(others)
    if len(pictures) < FEWEST or len(others) < FEWEST:
        return None
    left, top, right, bottom = _around(region)
    inside = np.ones((SIDE, SIDE), dtype=bool)
    if region.hole is not None:
        x0, y0, x1, y1 = (round(edge * SIDE) for edge in region.hole)
        inside[y0:y1, x0:x1] = False
    place = np.zeros_like(inside)
    place[top:bottom, left:right] = True
    place &= inside
    box = left / SIDE, top / SIDE, right / SIDE, bottom / SIDE
    mean = Crop(grey(pictures[:, top:bottom, left:right].mean(axis=0)), box)
    place[place] = _varying(np.concatenate([pictures[:, place], others[:, place]]))
    common = others[:, place].mean(axis=0)
    return Look(likeness(pictures[:, place] - common), likeness(others[:, place] - common), mean)


def _varying(crops: Floats) -> NDArray[np.bool_]:
    """Return which pixels of crops ``(n, p)`` differ from picture to picture about as much as most do."""
    spread = crops.std(axis=0)
    return np.asarray(spread >= STILL * np.median(spread))


def spaced(indices: NDArray[np.int64], most: int = MOST) -> NDArray[np.int64]:
    """Return at most so many of some indices, evenly spaced."""
    return indices if len(indices) <= most else indices[np.linspace(0, len(indices) - 1, most).astype(int)]


def mean_picture(pictures: Floats) -> Grey | None:
    """Return the mean of pictures ``(n, SIDE, SIDE)``, None where none is known."""
    known = _known(pictures)
    return grey(known.mean(axis=0)) if len(known) else None


def grey(values: Floats) -> Grey:
    """Return values in [0, 255] as bytes."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _known(pictures: Floats) -> Floats:
    return pictures[np.isfinite(pictures).all(axis=(1, 2))]


def _around(region: Region) -> tuple[int, int, int, int]:
    """Return the pixels around a region: left, top, and behind the last right and bottom."""
    (left, right), (top, bottom) = (
        _widened(low, high) for low, high in ((region.x0, region.x1), (region.y0, region.y1))
    )
    return left, top, right, bottom


def _widened(low: float, high: float) -> tuple[int, int]:
    more = (AROUND - 1) / 2 * (high - low)
    return max(0, round((low - more) * SIDE)), min(SIDE, round((high + more) * SIDE))


def png(pixels: Grey) -> bytes:
    """Return the PNG of a grey picture ``(h, w)`` (ISO/IEC 15948): the viewer has no library of pictures."""
    height, width = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1)  # each row begins with its filter, none
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(data)) + kind + data + _crc(kind + data) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _crc(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
