"""What is logged at each step: predictions and maps of a cohort's samples.

N is the number of samples in the cohort, M the number of maps in a block, K of classes in a top-K list. Arrays that
were not logged are None; a missing class is -1, a missing number NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.arrays import DEFLATE_FROM, Cells, pack, pack_integers
from tensorboard_plugin_gradcam.records.envelope import seal, unseal
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.quantisation import dequantised

Integers = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Stamp:
    """What every step record says of itself.

    Attributes:
        cohort: digest of its cohort, 32 hex digits.
        ordinal: 0 for the first record of this series in this writer's life, then 1, 2, ...
        session: a number for each writer process, increasing with time (its start in microseconds since 1970).
        epoch: None where it is not known.
        step: the event's step once more, under the record's checksum; None in records that were written without it.
    """

    cohort: str
    ordinal: int = 0
    session: int = 0
    epoch: float | None = None
    step: int | None = None

    def _message(self) -> pb.Stamp:
        message = pb.Stamp(cohort=bytes.fromhex(self.cohort), ordinal=self.ordinal, session=self.session)
        if self.epoch is not None:
            message.epoch, message.has_epoch = self.epoch, True
        if self.step is not None:
            message.step, message.has_step = self.step, True
        return message

    @classmethod
    def _of(cls, message: pb.Stamp) -> Stamp:
        if len(message.cohort) != 16:
            raise CorruptRecord(f"expected a cohort digest of 16 bytes, got {len(message.cohort)}")
        epoch = message.epoch if message.has_epoch else None
        step = message.step if message.has_step else None
        return cls(message.cohort.hex(), message.ordinal, message.session, epoch, step)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the model said of each sample of the cohort at one step.

    Attributes:
        stamp: which cohort, and which record of the series.
        prediction: ``(N,)``, class index.
        probability: ``(N,)`` in [0, 1], of the prediction.
        label_probability: ``(N,)`` in [0, 1], of the label.
        top_classes: ``(N, K)``, most probable first.
        top_probabilities: ``(N, K)``.
        loss: ``(N,)``.
    """

    stamp: Stamp
    prediction: Integers | None = None
    probability: Floats | None = None
    label_probability: Floats | None = None
    top_classes: Integers | None = None
    top_probabilities: Floats | None = None
    loss: Floats | None = None

    def __post_init__(self) -> None:
        arrays = dict(_arrays(self))
        counts = {name: array.shape[:1] for name, array in arrays.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"expected arrays for one number of samples, got {counts}")
        for name, array in arrays.items():
            _expect_axes(name, array, 2 if name.startswith("top_") else 1)
        tops = {array.shape for name, array in arrays.items() if name.startswith("top_")}
        if len(tops) > 1:
            raise ValueError(f"expected top classes and probabilities of one shape, got {sorted(tops)}")

    @property
    def size(self) -> int | None:
        """The number of samples, or None where nothing was logged."""
        return next((len(array) for _, array in _arrays(self)), None)

    def to_bytes(self) -> bytes:
        """Serialise it in its envelope."""
        message = pb.Predictions(stamp=self.stamp._message())
        _pack_into(message, self)
        return seal(message)

    @classmethod
    def from_bytes(cls, data: bytes) -> Predictions:
        """Verify and parse it; raises `CorruptRecord` or `NewerFormat`."""
        message = pb.Predictions()
        unseal(data, message)
        integers, floats = (
            ("prediction", "top_classes"),
            ("probability", "label_probability", "top_probabilities", "loss"),
        )
        arrays = _unpacked(message, Cells(), integers, floats)
        try:
            return cls(Stamp._of(message.stamp), **arrays)
        except ValueError as error:
            raise CorruptRecord(str(error)) from error


@dataclass(frozen=True, eq=False)
class Block:
    """Maps of one resolution: one map for each of M samples.

    Attributes:
        values: ``(M, ...)``: uint8 quantised between `minimum` and `maximum`, or float16 or float32 as they are.
        minimum: ``(M,)``, raw value of 0 in `values`; NaN marks a map with no finite value.
        maximum: ``(M,)``, raw value of 255 in `values`.
        samples: ``(M,)``, index into the cohort; None means 0 .. M-1.
        targets: ``(M,)``, the class that is explained; -1 unknown or none; None means all -1.
        scores: ``(M,)``, the target's score before softmax.
        names: M names of targets that are not classes, or none at all.
        native_shape: a map's cells on each axis before they were averaged; empty if they were not.
        non_finite: ``(M,)``, how many cells were NaN or infinite (they are stored as the minimum); None means 0.
        flags: M texts that a viewer should show with the map ("" for nothing), or none at all.
    """

    values: NDArray[Any]
    minimum: Floats
    maximum: Floats
    samples: Integers | None = None
    targets: Integers | None = None
    scores: Floats | None = None
    names: tuple[str, ...] = ()
    native_shape: tuple[int, ...] = ()
    non_finite: Integers | None = None
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim < 2 or self.values.dtype not in (np.uint8, np.float16, np.float32):
            raise ValueError(
                f"expected maps (M, ...) of uint8, float16 or float32, got {self.values.shape} of {self.values.dtype}"
            )
        for name, array in _arrays(self):
            if name != "values":
                _expect_axes(name, array, 1)
            if len(array) != self.size:
                raise ValueError(f"expected {self.size} {name}, one a map, got {len(array)}")
        for name, texts in (("names", self.names), ("flags", self.flags)):
            if texts and len(texts) != self.size:
                raise ValueError(f"expected {self.size} {name}, one a map, or none, got {len(texts)}")
        if len(self.native_shape) > 8:
            raise ValueError(f"expected a native shape of at most 8 axes, got {len(self.native_shape)}")
        if self.samples is not None and self.samples.size and self.samples.min() < 0:
            raise ValueError(f"expected sample indices from 0, got {self.samples.min()}")

    @property
    def size(self) -> int:
        """M, the number of maps."""
        return len(self.values)

    @property
    def sample_indices(self) -> Integers:
        """``(M,)``, index into the cohort of each map."""
        return np.arange(self.size, dtype=np.int32) if self.samples is None else self.samples

    def dequantised(self) -> Floats:
        """Return the raw maps ``(M, ...)``, float32; maps with no finite value are all NaN."""
        return dequantised(self.values, self.minimum, self.maximum)

    def _message(self) -> pb.Block:
        message = pb.Block(names=self.names, native_shape=self.native_shape, flags=self.flags)
        _pack_into(message, self)
        cells = self.values[0].size if self.size else 0
        message.values.CopyFrom(pack(self.values, deflate=cells >= DEFLATE_FROM))
        return message

    @classmethod
    def _of(cls, message: pb.Block, cells: Cells) -> Block:
        if not (message.HasField("values") and message.HasField("minimum") and message.HasField("maximum")):
            raise CorruptRecord("expected a block with values, minimum and maximum")
        arrays = _unpacked(message, cells, ("samples", "targets", "non_finite"), ("scores", "minimum", "maximum"))
        values = cells.array(message.values)
        try:
            return cls(
                values=values,
                names=tuple(message.names),
                native_shape=tuple(message.native_shape),
                flags=tuple(message.flags),
                **arrays,
            )
        except ValueError as error:
            raise CorruptRecord(str(error)) from error


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps of one method and layer at one step."""

    stamp: Stamp
    blocks: tuple[Block, ...]

    def to_bytes(self) -> bytes:
        """Serialise it in its envelope."""
        blocks = [block._message() for block in self.blocks]
        return seal(pb.Maps(stamp=self.stamp._message(), blocks=blocks))

    @classmethod
    def from_bytes(cls, data: bytes) -> Maps:
        """Verify and parse it; raises `CorruptRecord` or `NewerFormat`."""
        message = pb.Maps()
        unseal(data, message)
        cells = Cells()
        blocks = tuple(Block._of(block, cells) for block in message.blocks)
        return cls(Stamp._of(message.stamp), blocks)


def _arrays(record: Predictions | Block) -> Iterator[tuple[str, NDArray[Any]]]:
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray):
            yield field.name, value


def _expect_axes(name: str, array: NDArray[Any], axes: int) -> None:
    if array.ndim != axes:
        raise ValueError(f"expected {name} with {axes} axes, got shape {array.shape}")


def _pack_into(message: pb.Predictions | pb.Block, record: Predictions | Block) -> None:
    for name, array in _arrays(record):
        if name == "values":
            continue
        packed = pack_integers(array) if array.dtype.kind in "iu" else pack(array.astype(np.float32))
        getattr(message, name).CopyFrom(packed)


def _unpacked(
    message: pb.Predictions | pb.Block, cells: Cells, integers: tuple[str, ...], floats: tuple[str, ...]
) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for names, decode in ((integers, cells.integers), (floats, cells.floats)):
        arrays |= {name: decode(getattr(message, name)) for name in names if message.HasField(name)}
    return arrays
