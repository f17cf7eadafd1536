"""Which cells of an output are looked at: few, so that watching every module stays cheap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

POSITIONS = 64  # along an axis that need not be seen whole
WHOLE = 8192  # tokens can only be arranged where each is seen
FEWEST, MOST, AT_ONCE = 32, 256, 4096  # cells at each position of an axis: more where the axis is short


@dataclass(frozen=True, eq=False)
class Sampling:
    """For each axis of an output some of its positions, and at each of them the same few cells of the other axes.

    Attributes:
        flat: indices into the output, flattened in the order of its axes.
        positions: by axis, those that are looked at; axes of one position are left out.
    """

    flat: NDArray[np.int64]
    positions: dict[int, NDArray[np.int64]]

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(shape: tuple[int, ...], rank: int) -> Sampling:
        """Choose cells of an output of that shape for an image of `rank` axes, the same at each call."""
        generator = np.random.default_rng(0)
        # With as many axes as the image, the batch and channels, space has axes of its own; otherwise it may be folded.
        is_whole = len(shape) < rank + 2 or shape[0] > 1
        strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        positions: dict[int, NDArray[np.int64]] = {}
        flat = [np.zeros(0, dtype=np.int64)]
        for axis, size in enumerate(shape):
            if size > 1:
                most = WHOLE if is_whole else POSITIONS
                along = np.unique(np.linspace(0, size - 1, min(size, most)).round().astype(np.int64))
                positions[axis] = along
                count = int(np.clip(AT_ONCE // len(along), FEWEST, MOST))
                others = np.zeros(count, dtype=np.int64)
                for other, length in enumerate(shape):
                    if other != axis:
                        others += generator.integers(0, length, count) * strides[other]
                flat.append((along[:, None] * strides[axis] + others).ravel())
        return Sampling(np.concatenate(flat), positions)

    def by_axis(self, values: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
        """Return the values at `flat` by axis: ``(positions, cells)``."""
        found: dict[int, NDArray[np.float64]] = {}
        start = 0
        lengths = [len(along) for along in self.positions.values()]
        for axis, length in zip(self.positions, lengths, strict=True):
            stop = start + length * int(np.clip(AT_ONCE // length, FEWEST, MOST))
            found[axis] = values[start:stop].reshape(length, -1)
            start = stop
        return found
