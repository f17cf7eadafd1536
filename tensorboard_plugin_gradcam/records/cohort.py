"""Lists of samples, written once and named by their digest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.arrays import MAX_CELLS, Array, Cells, pack, pack_integers
from tensorboard_plugin_gradcam.records.digests import digest_of_bytes
from tensorboard_plugin_gradcam.records.envelope import payload_of, seal
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.wire import (
    ALLOWANCE,
    FIELD,
    OBJECT,
    SMALL,
    TEXT,
    Budget,
    checked_text,
    fields,
    parsed,
    present,
    text,
)

MAX_SAMPLES = 100_000  # of a cohort
MAX_CLASS_NAMES = 100_000  # of a cohort
MAX_BOXES = 10_000  # of a sample
MAX_MASK_CELLS = 2**24  # of one mask
_MAX_UNKNOWN = 1_000  # fields of a cohort

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture and what is known of it, the same at every step.

    Attributes:
        image: digest of the picture, 32 hex digits; empty if the picture is missing.
        slices: digests of a volume's slices in order; `image` is then the middle one.
        label: class index, or None where it is not known.
        id: the sample's id in its data set.
        caption: free text.
        boxes: ground truth, ``(x0, y0, x1, y1)`` as fractions of width and height.
        mask: ground truth, ``(h, w)`` or of a volume ``(d, h, w)``, uint8, 0 outside, at any resolution.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        labels: several class indices, where a sample has a set of them; None where they are not known.
        values: of a regression: what should be predicted, one number or several.
        box_classes: class indices of `boxes`, -1 unknown: one each, or none at all.
        class_mask: ground truth of a segmentation, class indices ``(h, w)`` or ``(d, h, w)``, int16, -1 unknown.
    """

    image: str = ""
    slices: tuple[str, ...] = ()
    label: int | None = None
    id: str = ""
    caption: str = ""
    boxes: tuple[Box, ...] = ()
    mask: NDArray[np.uint8] | None = None
    width: int = 0
    height: int = 0
    labels: tuple[int, ...] | None = None
    values: tuple[float, ...] = ()
    box_classes: tuple[int, ...] = ()
    class_mask: NDArray[np.int16] | None = None

    def __post_init__(self) -> None:
        if self.mask is not None and (self.mask.ndim not in (2, 3) or self.mask.dtype != np.uint8):
            raise ValueError(
                f"expected a mask (h, w) or (d, h, w) of uint8, got {self.mask.shape} of {self.mask.dtype}"
            )
        if self.class_mask is not None and self.class_mask.ndim not in (2, 3):
            raise ValueError(f"expected a class mask (h, w) or (d, h, w), got {self.class_mask.shape}")
        if self.box_classes and len(self.box_classes) != len(self.boxes):
            raise ValueError(f"expected a class for each of {len(self.boxes)} boxes, got {len(self.box_classes)}")
        if not all(math.isfinite(edge) for box in self.boxes for edge in box):
            raise ValueError(f"expected boxes of finite numbers, got {self.boxes}")

    @property
    def identity(self) -> str:
        """What identifies the sample at every step: its id, or else its pictures."""
        return self.id or ",".join(self.slices) or self.image


@dataclass(frozen=True, eq=False)
class Cohort:
    """The samples of a tag and the names of their classes."""

    samples: tuple[Sample, ...]
    class_names: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Serialise it in its envelope; equal cohorts give equal bytes.

        Raises:
            ValueError: it is larger than readers take, or a text can't be encoded.
        """
        masks = [mask for one in self.samples for mask in (one.mask, one.class_mask) if mask is not None]
        cells = [mask.size for mask in masks]
        for name, found, limit in (
            ("samples", len(self.samples), MAX_SAMPLES),
            ("class names", len(self.class_names), MAX_CLASS_NAMES),
            ("cells of one mask", max(cells, default=0), MAX_MASK_CELLS),
            ("mask cells", sum(cells), MAX_CELLS),
            ("boxes of one sample", max((len(one.boxes) for one in self.samples), default=0), MAX_BOXES),
        ):
            if found > limit:
                raise ValueError(f"expected at most {limit:,} {name}, got {found:,}")
        class_names = [checked_text("a class name", name) for name in self.class_names]
        data = seal(pb.Cohort(samples=[_message(sample) for sample in self.samples], class_names=class_names))
        if len(data) > 2**20:
            _expect_readable(data)
        return data

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """Each sample's name, by which it is found again in other cohorts of its series; no two are equal.

        Repeated samples of a cohort are numbered, so that each has its own name.
        """
        told_apart = Identities()
        return tuple(told_apart(sample.identity) for sample in self.samples)

    @property
    def digest(self) -> str:
        """The digest under which it is stored, 32 hex digits."""
        return digest_of_bytes(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Cohort:
        """Verify and parse it; raises `CorruptRecord` or `NewerFormat`."""
        parts, cells = CohortParts(data), Cells()
        return cls(tuple(sample_of(sample, cells) for sample in parts.samples()), tuple(parts.class_names()))


class CohortParts:
    """A serialised cohort, of which one part is read at a time; counts what it holds before anything is made of it."""

    def __init__(self, data: bytes) -> None:
        """Verify it; raises `CorruptRecord` or `NewerFormat`."""
        self._payload = payload_of(data)
        self._stretches: list[tuple[int, int]] = []  # of whole fields: as many as protobuf may parse at once, or one
        self.count = names = others = begin = last = 0
        for number, _, _, end, _ in fields(self._payload):
            self.count += number == _SAMPLES
            names += number == _CLASS_NAMES
            others += number not in (_SAMPLES, _CLASS_NAMES)
            if self.count > MAX_SAMPLES or names > MAX_CLASS_NAMES or others > _MAX_UNKNOWN:
                raise CorruptRecord(
                    f"expected at most {MAX_SAMPLES} samples and {MAX_CLASS_NAMES} class names, got more"
                )
            if end - begin > SMALL and last > begin:
                self._stretches.append((begin, last))
                begin = last
            last = end
        self._named = names > 0
        self._stretches.append((begin, last))

    def class_names(self) -> Iterator[str]:
        """Yield the names of the classes."""
        if not self._named:
            return
        for number, wire_type, start, end, _ in fields(self._payload):
            if number == _CLASS_NAMES and wire_type == 2:
                yield text(self._payload, start, end)

    def samples(self) -> Iterator[pb.Sample]:
        """Yield the samples' messages."""
        # All samples together may have a few hundred bytes' worth of small parts each.
        left = Budget(4 * len(self._payload) + 2**26)
        for begin, end in self._stretches:
            budget = Budget(end - begin + ALLOWANCE)
            cohort = parsed(self._payload[begin:end], pb.Cohort, budget)
            left.spend(end - begin + ALLOWANCE - budget.left)
            for sample in cohort.samples:
                left.spend(_cost(sample))
                if len(sample.boxes) > 4 * MAX_BOXES:
                    raise CorruptRecord(f"expected at most {MAX_BOXES} boxes, got {len(sample.boxes) // 4}")
                yield sample

    def identities(self) -> tuple[str, ...]:
        """Return each sample's name, as `Cohort.identities` does, without reading what is large."""
        told_apart = Identities()
        return tuple(told_apart(one.id or ",".join(one.slices) or one.image) for one in self.samples())


def _expect_readable(data: bytes) -> None:
    try:
        for _ in CohortParts(data).samples():
            pass
    except CorruptRecord as error:
        raise ValueError(f"more of one list of samples than a reader takes: {error}") from error


def _cost(sample: pb.Sample) -> int:
    """Return the bytes that a sample is counted as, so that many with long lists take no more time than memory."""
    numbers = len(sample.boxes) + len(sample.labels) + len(sample.values) + len(sample.box_classes)
    return OBJECT + TEXT * len(sample.slices) + 2 * FIELD * numbers


class Identities:
    """Names of a cohort's samples, in order; equal ones are numbered."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, identity: str) -> str:
        """Return the name of the next sample."""
        name = f"{identity}#{self._seen[identity]}"
        self._seen[identity] += 1
        return name


_PLAIN = ("image", "id", "caption", "width", "height")
_LIGHT = {*_PLAIN, "label", "has_label", "boxes"}
_TUPLES = ("slices", "values", "box_classes")
_MASKS = ("mask", "volume_mask", "class_mask")
_SAMPLES, _CLASS_NAMES = (pb.Cohort.DESCRIPTOR.fields_by_name[name].number for name in ("samples", "class_names"))


def _message(sample: Sample) -> pb.Sample:
    message = pb.Sample(
        image=sample.image,
        slices=sample.slices,
        id=checked_text("an id", sample.id),
        caption=checked_text("a caption", sample.caption),
        boxes=[edge for box in sample.boxes for edge in box],
        width=sample.width,
        height=sample.height,
        labels=sample.labels or (),
        has_labels=sample.labels is not None,
        values=sample.values,
        box_classes=sample.box_classes,
    )
    if sample.label is not None:
        message.label, message.has_label = sample.label, True
    if sample.mask is not None:
        mask = message.mask if sample.mask.ndim == 2 else message.volume_mask
        mask.CopyFrom(pack(sample.mask, deflate=True))
    if sample.class_mask is not None:
        message.class_mask.CopyFrom(pack_integers(sample.class_mask, deflate=True))
    return message


def sample_of(message: pb.Sample, cells: Cells, thinned: Callable[[Array], Array] = np.asarray) -> Sample:
    """Return the sample that a message is of; raises `CorruptRecord`.

    Args:
        message: as `CohortParts.samples` yields it.
        cells: decoder of the cohort's masks.
        thinned: makes a mask smaller, before it is brought into its own type.
    """
    found = present(message)
    if found.keys() <= _LIGHT:
        return _light(found)
    known: dict[str, Any] = {name: found[name] for name in _PLAIN if name in found}
    known |= {name: tuple(found[name]) for name in _TUPLES if name in found}
    masks = {name: thinned(cells.array(found[name], MAX_MASK_CELLS)) for name in _MASKS if name in found}
    classes = masks.get("class_mask")
    if classes is not None and classes.dtype.kind not in "iu":
        raise CorruptRecord(f"expected a class mask of integers, got {classes.dtype}")
    try:
        return Sample(
            label=found.get("label", 0) if found.get("has_label") else None,
            boxes=tuple(_boxes(found.get("boxes", ()))),
            mask=masks.get("volume_mask", masks.get("mask")),
            labels=tuple(found.get("labels", ())) if found.get("has_labels") else None,
            class_mask=None if classes is None else classes.astype(np.int16),
            **known,
        )
    except ValueError as error:
        raise CorruptRecord(str(error)) from error


def _light(found: dict[str, Any]) -> Sample:
    """Return a sample of little, as almost all are: to have each field set and checked takes three times as long."""
    values = dict(found)
    label = values.pop("label", 0)
    if values.pop("has_label", False):
        values["label"] = label
    if "boxes" in values:
        edges = list(values["boxes"])
        if not all(map(math.isfinite, edges)):
            raise CorruptRecord(f"expected boxes of finite numbers, got {edges[:4]}")
        values["boxes"] = tuple(_boxes(edges))
    sample = object.__new__(Sample)
    sample.__dict__.update(values)  # the class has the defaults of absent fields
    return sample


def _boxes(edges: Iterable[float]) -> list[Box]:
    numbers = list(edges)
    if len(numbers) == 4:
        return [(numbers[0], numbers[1], numbers[2], numbers[3])]
    if not numbers:
        return []
    if len(numbers) % 4:
        raise CorruptRecord(f"expected 4 numbers per box, got {len(numbers)} in all")
    return [(a, b, c, d) for a, b, c, d in zip(*(iter(numbers),) * 4, strict=True)]
