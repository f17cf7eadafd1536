"""Small gray pictures, stored in the metadata of the pictures that they show.

A viewer that decodes no pictures compares places by them, and one listing of a run's pictures brings them all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.arrays import Cells, pack
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.series import metadata_of

THUMBNAIL = 32  # pixels of the longer edge, as written
LARGEST = 64  # as read

Grey = NDArray[np.uint8]


def with_thumbnail(content: bytes, thumbnail: Grey) -> bytes:
    """Return a series' metadata with a small grey picture ``(h, w)``; protobuf's messages are joined end to end."""
    if thumbnail.ndim != 2 or not 0 < max(thumbnail.shape) <= LARGEST:
        raise ValueError(f"expected a thumbnail (h, w) of at most {LARGEST} pixels per side, got {thumbnail.shape}")
    message = pb.Series(thumbnail=pack(thumbnail, deflate=True))
    return content + message.SerializeToString(deterministic=True)


def thumbnail_in(content: bytes) -> Grey | None:
    """Return the small grey picture in a series' metadata, ``(h, w)``, None where there is none.

    Raises:
        CorruptRecord: it is not one.
    """
    message = metadata_of(content)
    if not message.HasField("thumbnail"):
        return None
    found = Cells(LARGEST**2).array(message.thumbnail)
    if found.ndim != 2 or found.dtype != np.uint8 or not 0 < max(found.shape) <= LARGEST or not found.size:
        raise CorruptRecord(f"expected a thumbnail (h, w) of bytes, got {found.shape} of {found.dtype}")
    return found
