"""What is logged at each step: predictions and maps of a cohort's samples.

N is the number of samples in the cohort, M the number of maps in a block, K of classes in a top-K list. Arrays that
were not logged are None; a missing class is -1, a missing number NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.arrays import DEFLATE_FROM, Cells, pack, pack_integers
from tensorboard_plugin_gradcam.records.envelope import seal, unseal
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.quantisation import dequantised

Integers = NDArray[np.int32]
Floats = NDArray[np.float32]
Relation = Literal["goes_on", "adds", "adds_on"]
Task = Literal["classification", "multilabel", "regression", "detection", "segmentation"]

STEP_LIMIT = 2**53  # beyond it, doubles (and so JavaScript) can't tell steps apart
RELATIONS: tuple[Relation, ...] = get_args(Relation)  # by their number on the wire
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True)
class Replaced:
    """Steps that a training replaced when it went on from an earlier one: how many, from `first` to `last`."""

    first: int
    last: int
    steps: int


@dataclass(frozen=True)
class Stamp:
    """What every step record says of itself.

    Attributes:
        cohort: digest of its cohort, 32 hex digits.
        ordinal: 0 for the first record of this series in this writer's life, then 1, 2, ...
        session: a number for each writer process, increasing with time (its start in microseconds since 1970).
        epoch: None where it is not known.
        step: the event's step once more, under the record's checksum; None in records that were written without it.
        notes: what befell this step, for people.
        relation: what becomes of earlier records: "goes_on", all at this step or above are replaced; "adds", those at
            the same step; "adds_on", those at the same step, and within its own session all above, too.
        held: steps of this series that stand in the run with this one; None where it is not known.
        replaced: what this session replaced in this series so far; the last few.
    """

    cohort: str
    ordinal: int = 0
    session: int = 0
    epoch: float | None = None
    step: int | None = None
    notes: tuple[str, ...] = ()
    relation: Relation = "goes_on"
    held: int | None = None
    replaced: tuple[Replaced, ...] = ()

    def _message(self) -> pb.Stamp:
        message = pb.Stamp(
            cohort=bytes.fromhex(self.cohort),
            ordinal=self.ordinal,
            session=self.session,
            notes=self.notes,
            relation=RELATIONS.index(self.relation),  # type: ignore[arg-type]
            held=self.held or 0,
            replaced=[pb.Replaced(first=one.first, last=one.last, steps=one.steps) for one in self.replaced],
        )
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
        return cls(
            message.cohort.hex(),
            message.ordinal,
            message.session,
            epoch,
            message.step if message.has_step else None,
            tuple(message.notes),
            _one_of(RELATIONS, message.relation, "relation"),
            message.held or None,
            tuple(Replaced(one.first, one.last, one.steps) for one in message.replaced),
        )


PREDICTION_AXES: dict[str, tuple[int, ...]] = {
    "prediction": (1,),
    "probability": (1,),
    "label_probability": (1,),
    "top_classes": (2,),
    "top_probabilities": (2,),
    "loss": (1,),
    "set_classes": (2,),
    "set_probabilities": (2,),
    "values": (2,),
    "boxes": (3,),
    "box_classes": (2,),
    "box_scores": (2,),
    "masks": (3, 4),
}
_INTEGER_PREDICTIONS = ("prediction", "top_classes", "set_classes", "box_classes")
_FLOAT_PREDICTIONS = (
    "probability", "label_probability", "top_probabilities", "loss", "set_probabilities", "values", "boxes",
    "box_scores",
)  # fmt: skip
_LISTS = (
    ("top_classes", "top_probabilities"),
    ("set_classes", "set_probabilities"),
    ("boxes", "box_classes", "box_scores"),
)


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
        task: what the model does; the arrays below are of tasks other than classification.
        set_classes: ``(N, K)``, of "multilabel": the classes whose probability was logged.
        set_probabilities: ``(N, K)`` in [0, 1].
        threshold: of "multilabel": a class of at least this probability is predicted.
        values: ``(N, D)``, of "regression"; what should have been is `Sample.values`.
        boxes: ``(N, B, 4)``, of "detection": ``(x0, y0, x1, y1)`` as fractions of width and height.
        box_classes: ``(N, B)``.
        box_scores: ``(N, B)``.
        masks: ``(N, h, w)`` or ``(N, d, h, w)`` of int16, of "segmentation": class indices at any resolution.
    """

    stamp: Stamp
    prediction: Integers | None = None
    probability: Floats | None = None
    label_probability: Floats | None = None
    top_classes: Integers | None = None
    top_probabilities: Floats | None = None
    loss: Floats | None = None
    task: Task = "classification"
    set_classes: Integers | None = None
    set_probabilities: Floats | None = None
    threshold: float = 0.5
    values: Floats | None = None
    boxes: Floats | None = None
    box_classes: Integers | None = None
    box_scores: Floats | None = None
    masks: NDArray[np.int16] | None = None

    def __post_init__(self) -> None:
        arrays = dict(_arrays(self))
        counts = {name: array.shape[:1] for name, array in arrays.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"expected arrays for one number of samples, got {counts}")
        for name, array in arrays.items():
            _expect_axes(name, array, *PREDICTION_AXES[name])
        for lists in _LISTS:
            sizes = {array.shape[1] for name, array in arrays.items() if name in lists}
            if len(sizes) > 1:
                raise ValueError(f"expected {' and '.join(lists)} of one length, got {sorted(sizes)}")
        if self.boxes is not None and self.boxes.shape[2] != 4:
            raise ValueError(f"expected 4 numbers per box, got boxes of shape {self.boxes.shape}")

    @property
    def size(self) -> int | None:
        """The number of samples, or None where nothing was logged."""
        return next((len(array) for _, array in _arrays(self)), None)

    def to_bytes(self) -> bytes:
        """Serialise it in its envelope."""
        message = pb.Predictions(stamp=self.stamp._message(), task=TASKS.index(self.task))  # type: ignore[arg-type]
        if self.threshold != 0.5:
            message.threshold = self.threshold
        _pack_into(message, self)
        return seal(message)

    @classmethod
    def from_bytes(cls, data: bytes) -> Predictions:
        """Verify and parse it; raises `CorruptRecord` or `NewerFormat`."""
        message = unseal(data, pb.Predictions)
        cells = Cells()
        arrays = _unpacked(message, cells, _INTEGER_PREDICTIONS, _FLOAT_PREDICTIONS)
        if message.HasField("masks"):
            arrays["masks"] = cells.integers(message.masks).astype(np.int16)
        task = _one_of(TASKS, message.task, "task")
        if not math.isfinite(message.threshold):
            raise CorruptRecord(f"expected a finite threshold, got {message.threshold}")
        try:
            return cls(Stamp._of(message.stamp), task=task, threshold=message.threshold or 0.5, **arrays)
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
        boxes: ``(M,)``, which of the sample's predicted boxes is explained, counted from 0; -1 for none.
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
    boxes: Integers | None = None

    def __post_init__(self) -> None:
        if self.values.ndim < 2 or self.values.dtype not in (np.uint8, np.float16, np.float32):
            raise ValueError(
                f"expected maps (M, ...) of uint8, float16 or float32, got {self.values.shape} of {self.values.dtype}"
            )
        for name, array in _arrays(self):
            if name != "values":
                _expect_axes(name, array, 1)
            if len(array) != self.size:
                raise ValueError(f"expected {self.size} {name}, one per map, got {len(array)}")
        for name, texts in (("names", self.names), ("flags", self.flags)):
            if texts and len(texts) != self.size:
                raise ValueError(f"expected {self.size} {name}, one per map, or none, got {len(texts)}")
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
        arrays = _unpacked(
            message, cells, ("samples", "targets", "non_finite", "boxes"), ("scores", "minimum", "maximum")
        )
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
        message = unseal(data, pb.Maps)
        cells = Cells()
        blocks = tuple(Block._of(block, cells) for block in message.blocks)
        return cls(Stamp._of(message.stamp), blocks)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers of one name at one step: of samples, or of maps where their series has a method and layer.

    Attributes:
        stamp: which cohort, and which record of the series.
        values: ``(M,)``, NaN unknown.
        samples: ``(M,)``, index into the cohort; None means 0 .. M-1.
        targets: ``(M,)``, the class of the map that a number is of; None means all -1, none.
    """

    stamp: Stamp
    values: Floats
    samples: Integers | None = None
    targets: Integers | None = None

    def __post_init__(self) -> None:
        for name, array in _arrays(self):
            _expect_axes(name, array, 1)
            if len(array) != len(self.values):
                raise ValueError(f"expected {len(self.values)} {name}, one per number, got {len(array)}")
        if self.samples is not None and self.samples.size and self.samples.min() < 0:
            raise ValueError(f"expected sample indices from 0, got {self.samples.min()}")

    @property
    def sample_indices(self) -> Integers:
        """``(M,)``, index into the cohort of each number."""
        return np.arange(len(self.values), dtype=np.int32) if self.samples is None else self.samples

    def to_bytes(self) -> bytes:
        """Serialise it in its envelope."""
        message = pb.Numbers(stamp=self.stamp._message(), values=pack(self.values.astype(np.float32)))
        for name in ("samples", "targets"):
            array = getattr(self, name)
            if array is not None:
                getattr(message, name).CopyFrom(pack_integers(array))
        return seal(message)

    @classmethod
    def from_bytes(cls, data: bytes) -> Numbers:
        """Verify and parse it; raises `CorruptRecord` or `NewerFormat`."""
        message = unseal(data, pb.Numbers)
        arrays = _unpacked(message, Cells(), ("samples", "targets"), ("values",))
        try:
            return cls(Stamp._of(message.stamp), **({"values": np.zeros(0, np.float32)} | arrays))
        except ValueError as error:
            raise CorruptRecord(str(error)) from error


def _arrays(record: Predictions | Block | Numbers) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in vars(record).items():
        if isinstance(value, np.ndarray):
            yield name, value


def _expect_axes(name: str, array: NDArray[Any], *axes: int) -> None:
    if array.ndim not in axes:
        raise ValueError(f"expected {name} with {' or '.join(map(str, axes))} axes, got shape {array.shape}")


def _one_of(names: tuple[Any, ...], number: int, what: str) -> Any:
    if not 0 <= number < len(names):
        raise CorruptRecord(f"expected a {what} from 0 to {len(names) - 1}, got {number}")
    return names[number]


def _pack_into(message: pb.Predictions | pb.Block, record: Predictions | Block) -> None:
    for name, array in _arrays(record):
        if name == "values" and isinstance(record, Block):  # which chooses for itself
            continue
        deflate = name == "masks"
        packed = pack_integers(array, deflate) if array.dtype.kind in "iu" else pack(array.astype(np.float32))
        getattr(message, name).CopyFrom(packed)


def _unpacked(
    message: pb.Predictions | pb.Block | pb.Numbers, cells: Cells, integers: tuple[str, ...], floats: tuple[str, ...]
) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for names, decode in ((integers, cells.integers), (floats, cells.floats)):
        arrays |= {name: decode(getattr(message, name)) for name in names if message.HasField(name)}
    return arrays
