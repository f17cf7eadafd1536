"""Arrays on the wire: numpy arrays to and from `Array` messages.

Integers take the narrowest type that holds them, for most of a record's bytes are small integers. What is read back has
one of a few types, whatever stood on the wire, so readers need not care: see `Cells.integers` and `Cells.floats`.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.errors import CorruptRecord

MAX_CELLS = 2**26  # of one record, all its arrays together, counted before anything is inflated
DEFLATE_FROM = 28 * 28  # cells of one map: smaller ones gain nothing (measured)

Array = NDArray[Any]

_DTYPES: dict[int, np.dtype[Any]] = {
    pb.Array.UINT8: np.dtype("u1"),
    pb.Array.INT8: np.dtype("i1"),
    pb.Array.UINT16: np.dtype("<u2"),
    pb.Array.INT32: np.dtype("<i4"),
    pb.Array.FLOAT16: np.dtype("<f2"),
    pb.Array.FLOAT32: np.dtype("<f4"),
    pb.Array.FLOAT64: np.dtype("<f8"),
}
_TYPES = {dtype: type_ for type_, dtype in _DTYPES.items()}


def pack(array: Array, deflate: bool = False) -> pb.Array:
    """Return the message of an array of one of the wire's types."""
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _TYPES:
        raise TypeError(f"expected an array of one of {sorted(map(str, _TYPES))}, got {array.dtype}")
    data = np.ascontiguousarray(array, dtype=dtype).tobytes()
    compression = pb.Array.NONE
    if deflate:
        deflated = zlib.compress(data, 6)
        if len(deflated) < len(data):
            data, compression = deflated, pb.Array.DEFLATE
    return pb.Array(type=_TYPES[dtype], compression=compression, shape=array.shape, data=data)  # type: ignore[arg-type]


def pack_integers(array: Array, deflate: bool = False) -> pb.Array:
    """Return the message of an array of integers, in the narrowest type of the wire that holds all of them."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for dtype in (np.uint8, np.int8, np.uint16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return pack(array.astype(dtype), deflate)
    raise ValueError(f"expected integers of 32 bits, got values from {low} to {high}")


class Cells:
    """Decoder of one record's arrays, which together may not have more than `limit` cells."""

    def __init__(self, limit: int = MAX_CELLS) -> None:
        self._limit = limit
        self._left = limit

    def array(self, message: pb.Array, largest: int = MAX_CELLS) -> Array:
        """Return a message's array as it is on the wire, of `largest` cells at most; read-only if it needed no copy."""
        if message.type not in _DTYPES:
            raise CorruptRecord(f"expected an array type among {sorted(_DTYPES)}, got {message.type}")
        dtype = _DTYPES[message.type]
        if len(message.shape) > 8:
            raise CorruptRecord(f"expected an array of at most 8 axes, got {len(message.shape)}")
        shape = tuple(message.shape)
        if math.prod(shape) > largest:
            raise CorruptRecord(f"expected an array of at most {largest} cells, got one of shape {shape}")
        size = self._spend(shape) * dtype.itemsize
        data = _inflated(message, size)
        if len(data) != size:
            raise CorruptRecord(f"expected {size} bytes for {dtype} of shape {shape}, got {len(data)}")
        return np.frombuffer(data, dtype=dtype).reshape(shape)

    def integers(self, message: pb.Array) -> NDArray[np.int32]:
        """Return an array of integers as int32."""
        array = self.array(message)
        if array.dtype.kind not in "iu":
            raise CorruptRecord(f"expected integers, got {array.dtype}")
        return array.astype(np.int32)

    def floats(self, message: pb.Array) -> NDArray[np.float32]:
        """Return an array of numbers as float32."""
        array = self.array(message)
        if array.dtype.kind != "f":
            raise CorruptRecord(f"expected floating-point numbers, got {array.dtype}")
        if array.dtype.itemsize <= 4:
            return array.astype(np.float32)
        with np.errstate(over="ignore"):  # which takes longer than the conversion
            return array.astype(np.float32)

    def _spend(self, shape: tuple[int, ...]) -> int:
        size = math.prod(shape)
        if size > self._left or max(shape, default=0) > self._limit:
            raise CorruptRecord(f"expected at most {self._limit} cells in a record, got an array of shape {shape}")
        self._left -= size
        return size


def _inflated(message: pb.Array, size: int) -> bytes | memoryview:
    """Return the data of a message, inflating at most one byte more than `size`."""
    if message.compression == pb.Array.NONE:
        return message.data
    if message.compression != pb.Array.DEFLATE:
        raise CorruptRecord(f"expected compression 0 or 1, got {message.compression}")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(message.data, size + 1)
    except zlib.error as error:
        raise CorruptRecord(f"damaged zlib stream: {error}") from error
    if not stream.eof and len(data) == size:
        data += stream.decompress(stream.unconsumed_tail, 1)  # the stream's end may not have been reached yet
    return data
