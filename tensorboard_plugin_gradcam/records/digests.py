"""Names of pictures and cohorts: BLAKE2b of what they hold, 128 bits, as 32 hex digits."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def digest_of_bytes(data: bytes) -> str:
    """Return the digest of a serialised record."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest_of_pixels(pixels: NDArray[np.uint8]) -> str:
    """Return the digest of a decoded picture: its pixels and its shape, not how it is encoded."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
