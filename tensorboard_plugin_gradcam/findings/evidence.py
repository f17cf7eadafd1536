"""One step's maps as evidence, read from the record for a portion of the samples at a time.

A record of a few megabytes may hold maps that take fifty times as much as numbers, so they are never all held at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.findings.attention import Floats, Grid, grid_of, interval_shares, regridded
from tensorboard_plugin_gradcam.records import Block, MapKind

PORTION = 2**18  # cells that are worked on together
LARGEST = 64**2  # cells of a map; larger ones are averaged


def portions(count: int, each: int, most: int = PORTION) -> Iterator[slice]:
    """Yield parts of `count` things of `each` numbers, as many together as have `most` numbers at most."""
    together = max(1, most // max(each, 1))
    for first in range(0, count, together):
        yield slice(first, min(first + together, count))


class Evidence:
    """Maps ``(N, h, w)``, of which those are made that are asked for: ``evidence[samples]`` is float32.

    NaN in all cells where a sample has no map; of several maps of a sample the first counts. The first block's shape is
    that of all; maps of more than `LARGEST` cells are averaged by area onto `grid_of` their shape.
    """

    ndim = 3

    def __init__(self, blocks: Sequence[Block], kind: MapKind, count: int) -> None:
        """Find each sample's map.

        Args:
            blocks: at least one, with maps of pictures.
            kind: of the maps.
            count: N, the number of samples.
        """
        self._blocks, self._kind = blocks, kind
        self.shape = (count, *_cells_of(blocks[0]))
        self._block = np.full(count, -1, dtype=np.int32)
        self._entry = np.zeros(count, dtype=np.int64)
        for number in reversed(range(len(blocks))):
            samples = blocks[number].sample_indices
            # In reverse, so that the first map of a sample is the one that stays.
            entries = np.flatnonzero((samples < count) & np.isfinite(blocks[number].minimum))[::-1]
            self._block[samples[entries]] = number
            self._entry[samples[entries]] = entries

    @property
    def nbytes(self) -> int:
        """Bytes of memory beside the record's own."""
        return self._block.nbytes + self._entry.nbytes

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all maps."""
        return self[:].astype(dtype or np.float32, copy=False)

    def __getitem__(self, samples: slice | NDArray[np.integer]) -> Floats:
        """Return the maps of some samples."""
        chosen, entries = self._block[samples], self._entry[samples]
        found = np.full((len(chosen), *self.shape[1:]), np.nan, dtype=np.float32)
        for number in np.unique(chosen[chosen >= 0]).tolist():
            here, block = np.flatnonzero(chosen == number), self._blocks[number]
            for part in portions(len(here), _size(block)):
                found[here[part]] = self._of_block(block, entries[here[part]])
        return found

    def _of_block(self, block: Block, entries: NDArray[np.int64]) -> Floats:
        """Return the evidence of some entries of a block, in the shape that all have."""
        if _size(block) > LARGEST:
            found = np.stack([self._averaged(block, entry) for entry in entries.tolist()])
        else:
            found = self._dequantised(block, entries, slice(None), slice(None))
        if found.shape[1:] == self.shape[1:]:
            return found
        return regridded(np.nan_to_num(np.maximum(found, 0), posinf=0), self.shape[1:])

    def _averaged(self, block: Block, entry: int) -> Floats:
        """Return one map, averaged a tile at a time; what is negative or not finite counts as none."""
        height, width = block.values.shape[1:3]
        grid = grid_of((height, width))
        total = np.zeros(grid)
        across = min(width, max(512, PORTION // height))
        for left in range(0, width, across):
            columns = interval_shares(width, grid[1], left, min(left + across, width))
            down = max(1, PORTION // across)
            for top in range(0, height, down):
                rows = interval_shares(height, grid[0], top, min(top + down, height))
                tile = self._dequantised(
                    block, np.array([entry]), slice(top, top + rows.shape[1]), slice(left, left + columns.shape[1])
                )[0]
                amounts = np.where(np.isfinite(tile), np.maximum(tile, 0), 0).astype(np.float64)
                total += rows @ amounts @ columns.T
        return np.asarray(total * (grid[0] * grid[1] / (height * width)), dtype=np.float32)

    def _dequantised(self, block: Block, entries: NDArray[np.int64], rows: slice, columns: slice) -> Floats:
        part = replace(
            block, values=block.values[_run_of(entries), rows, columns], minimum=block.minimum[entries],
            maximum=block.maximum[entries], samples=None, targets=None, scores=None, names=(), flags=(),
            non_finite=None, boxes=None,
        )  # fmt: skip
        return evidence_of(part, self._kind)


def evidence_of(block: Block, kind: MapKind) -> Floats:
    """Return the evidence of a block's maps; of those of kind "positive" as they are, with what is negative."""
    if kind == "positive":  # what `attention` takes anyway
        return block.dequantised()
    found = metrics.evidence_of(block, kind).astype(np.float32)
    found[~np.isfinite(block.minimum)] = np.nan
    return found


def _run_of(entries: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return entries that follow each other as a slice, which copies nothing."""
    first, last = int(entries[0]), int(entries[-1])
    is_run = last - first == len(entries) - 1 and bool((np.diff(entries) == 1).all())
    return slice(first, last + 1) if is_run else entries


def _size(block: Block) -> int:
    """Return the cells of each map, colours counted."""
    return int(np.prod(block.values.shape[1:]))


def _cells_of(block: Block) -> Grid:
    height, width = block.values.shape[1:3]
    return (height, width) if _size(block) <= LARGEST else grid_of((height, width))
