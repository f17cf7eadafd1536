"""What classes look at at one step: of whole data sets, whose samples' own maps are kept for the last steps alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.arrays import Cells, pack, pack_integers
from tensorboard_plugin_gradcam.records.envelope import seal, unseal
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.steps import Floats, Integers, Stamp

NUMBERS = ("accuracy", "probability", "loss", "inside", "expected_inside", "moved", "alike")
LONGEST_GRID = 10  # cells of the grid's longer edge
_INTEGERS = ("grid", "classes", "count", "seen", "hits", "lone")
_FLOATS = ("mean", "square", "numbers")


@dataclass(frozen=True, eq=False)
class Sums:
    """One step of G classes; W windows and g cells of the grid as in `findings`.

    Attributes:
        stamp: which cohort, and which record of the series.
        grid: ``(2,)``, rows and columns.
        classes: ``(G,)``, class index; -1, the last, are all samples.
        count: ``(G,)``, samples with a map.
        seen: ``(G,)``, those whose map has evidence.
        mean: ``(G, g)``, mean attention of those with evidence.
        square: ``(G, g)``, mean of its square.
        hits: ``(G, W)``, how many look at each window.
        lone: ``(W, 3)``, of all samples, how many look at a window and not at its mirrored one.
        numbers: ``(G, 7)``, the means that `NUMBERS` names, NaN unknown.
        peak: median of the maps' largest values.
    """

    stamp: Stamp
    grid: Integers
    classes: Integers
    count: Integers
    seen: Integers
    mean: Floats
    square: Floats
    hits: Integers
    lone: Integers
    numbers: Floats
    peak: float = 0.0

    def __post_init__(self) -> None:
        if self.grid.shape != (2,) or self.grid.min() < 1 or self.grid.max() > LONGEST_GRID:
            raise ValueError(f"expected at most {LONGEST_GRID} rows and columns, got {self.grid.tolist()[:10]}")
        groups, cells = len(self.classes), int(self.grid[0]) * int(self.grid[1])
        windows = len(self.lone)
        shapes = {
            "classes": (groups,), "count": (groups,), "seen": (groups,), "mean": (groups, cells),
            "square": (groups, cells), "hits": (groups, windows), "lone": (windows, 3),
            "numbers": (groups, len(NUMBERS)),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"expected {name} of shape {shape}, got {getattr(self, name).shape}")
        if not groups or self.classes[-1] != -1:
            raise ValueError("expected the last class to be -1, all samples")

    def to_bytes(self) -> bytes:
        """Serialise it in its envelope."""
        arrays = {name: pack_integers(getattr(self, name)) for name in _INTEGERS}
        arrays |= {name: pack(getattr(self, name).astype(np.float32)) for name in _FLOATS}
        return seal(pb.Sums(stamp=self.stamp._message(), peak=self.peak, **arrays))

    @classmethod
    def from_bytes(cls, data: bytes) -> Sums:
        """Verify and parse it; raises `CorruptRecord` or `NewerFormat`."""
        message = unseal(data, pb.Sums)
        cells = Cells()
        missing = [name for name in (*_INTEGERS, *_FLOATS) if not message.HasField(name)]
        if missing:
            raise CorruptRecord(f"expected sums with {missing[0]}")
        arrays: dict[str, Any] = {name: cells.integers(getattr(message, name)) for name in _INTEGERS}
        arrays |= {name: cells.floats(getattr(message, name)) for name in _FLOATS}
        try:
            return cls(Stamp._of(message.stamp), peak=message.peak, **arrays)
        except ValueError as error:
            raise CorruptRecord(str(error)) from error

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays: list[NDArray[Any]] = [getattr(self, name) for name in (*_INTEGERS, *_FLOATS)]
        return sum(array.nbytes for array in arrays) + 1000
