"""`Arrangement`: how an output's axes become ``(N, C, ...)``, with one spatial axis for each of the image's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Factor:
    """A part of an output's axis.

    Attributes:
        size: how many positions it has.
        axis: the axis of the image that it runs along, from 0; None for channels.
        is_mirrored: whether it runs backwards.
        rise: by how much the place rises from its first position to its last.
    """

    size: int
    axis: int | None = None
    is_mirrored: bool = False
    rise: float = 0.0


@dataclass(frozen=True)
class Arrangement:
    """What each axis of an output is.

    Attributes:
        shape: of the output, for one image.
        batch_axis: the axis that grows with the number of images.
        factors: for each axis what it is made of, the slowest first; on the batch's axis behind the images.
        skipped: for each axis, how many positions before and behind the factors are no cells (class tokens, registers,
            queries).
        rank: how many axes the image has.
    """

    shape: tuple[int, ...]
    batch_axis: int
    factors: tuple[tuple[Factor, ...], ...]
    skipped: tuple[tuple[int, int], ...]
    rank: int

    @property
    def grid(self) -> tuple[int, ...]:
        """Cells along each axis of the image."""
        every = [factor for factors in self.factors for factor in factors]
        return tuple(math.prod(factor.size for factor in every if factor.axis == axis) for axis in range(self.rank))

    @property
    def channels(self) -> int:
        """How many values a cell has."""
        return math.prod(factor.size for factors in self.factors for factor in factors if factor.axis is None)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return math.prod(self.grid)

    @property
    def is_whole(self) -> bool:
        """Say whether each axis of the image is found again."""
        return {factor.axis for factors in self.factors for factor in factors} >= set(range(self.rank))

    @property
    def is_plain(self) -> bool:
        """Say whether each axis of the image has an axis of its own, whatever the sizes."""
        return all(len(factors) <= 1 for factors in self.factors) and all(skip == (0, 0) for skip in self.skipped)

    @classmethod
    def channels_first(cls, shape: Sequence[int]) -> Arrangement:
        """Return that of a convolution's output ``(1, C, ...)``."""
        factors = [(), (Factor(shape[1]),), *((Factor(size, axis),) for axis, size in enumerate(shape[2:]))]
        return cls(tuple(shape), 0, tuple(factors), ((0, 0),) * len(shape), len(shape) - 2)

    @classmethod
    def channels_last(cls, shape: Sequence[int]) -> Arrangement:
        """Return that of an output ``(1, ..., C)``."""
        cells = [(Factor(size, axis),) for axis, size in enumerate(shape[1:-1])]
        factors: tuple[tuple[Factor, ...], ...] = ((), *cells, (Factor(shape[-1]),))
        return cls(tuple(shape), 0, factors, ((0, 0),) * len(shape), len(shape) - 2)

    def fits(self, shape: Sequence[int], batch: int) -> bool:
        """Say whether an output of `batch` images has the axes that are meant; channels may differ."""
        if len(shape) != len(self.shape):
            return False
        for axis, (size, own) in enumerate(zip(shape, self.shape, strict=True)):
            expected = own * batch if axis == self.batch_axis else own
            has_free_size = bool(self.factors[axis]) and axis != self.batch_axis
            has_free_size &= self.is_plain or all(factor.axis is None for factor in self.factors[axis])
            if size != expected and not has_free_size:
                return False
        return True

    def cells_of(self, tensor: Any, batch: int) -> Any:
        """Return an output of `batch` images as ``(batch, C, ...)``; of torch or NumPy."""
        for axis, (before, behind) in enumerate(self.skipped):
            times = batch if axis == self.batch_axis else 1
            if before or behind:
                size = tensor.shape[axis]
                tensor = tensor[(slice(None),) * axis + (slice(before * times, size - behind * times),)]
        sizes: list[int] = []
        batch_at, channels = 0, []
        along: list[list[tuple[float, int, bool]]] = [[] for _ in range(self.rank)]
        for axis, factors in enumerate(self.factors):
            if axis == self.batch_axis:
                batch_at = len(sizes)
                sizes.append(batch)
            elif len(factors) <= 1:  # as large as it is
                factors = tuple(
                    Factor(tensor.shape[axis], factor.axis, factor.is_mirrored, factor.rise) for factor in factors
                )
            for factor in factors:
                if factor.axis is None:
                    channels.append(len(sizes))
                else:
                    along[factor.axis].append((-factor.rise, len(sizes), factor.is_mirrored))
                sizes.append(factor.size)
        along = [sorted(parts) for parts in along]  # what rises most is the slowest
        split = tensor.reshape(sizes)
        for parts in along:
            for _, at, is_mirrored in parts:
                if is_mirrored:
                    split = (
                        split.flip(at)
                        if hasattr(split, "flip")
                        else split[(slice(None),) * at + (slice(None, None, -1),)]
                    )
        order = [batch_at, *channels, *(at for parts in along for _, at, _ in parts)]
        moved = split.permute(order) if hasattr(split, "permute") else split.transpose(order)
        grid = [math.prod(sizes[at] for _, at, _ in parts) for parts in along]
        return moved.reshape([batch, math.prod(sizes[at] for at in channels), *grid])


def _mirrored(array: Any, axis: int) -> Any:
    if hasattr(array, "flip"):
        return array.flip(axis)
    return array[(slice(None),) * axis + (slice(None, None, -1),)]
