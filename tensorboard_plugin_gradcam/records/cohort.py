"""Lists of samples, written once and named by their digest."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.arrays import MAX_CELLS, Array, Cells, pack, pack_integers
from tensorboard_plugin_gradcam.records.columns import BYTES, Layout, columns
from tensorboard_plugin_gradcam.records.digests import digest_of_bytes
from tensorboard_plugin_gradcam.records.envelope import payload_of, seal
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.wire import (
    ALLOWANCE,
    FIELD,
    OBJECT,
    TEXT,
    Budget,
    checked_text,
    fields,
    parsed,
    text,
)

MAX_SAMPLES = 100_000  # of a cohort
MAX_CLASS_NAMES = 100_000  # of a cohort
MAX_BOXES = 10_000  # of a sample
MAX_MASK_CELLS = 2**24  # of one mask
_MAX_UNKNOWN = 1_000  # fields of a cohort
ALONE = 1280  # bytes that a sample is counted as which columns can't hold: it takes that much more time
_BATCH_SAMPLES, _BATCH_BYTES = 2**13, 2**17  # that are read at once

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
        return _identity_of(self)


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
        if len(data) > 2**17:
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
        parts = CohortParts(data)
        return cls(tuple(parts.samples()), tuple(parts.class_names()))


class Lists(NamedTuple):
    """A list of values for each of N samples, one after the other, and how many each has ``(N,)``."""

    values: Array
    counts: NDArray[np.int64]

    def of_each(self) -> Iterator[list[Any]]:
        """Yield each sample's list."""
        values, begin = self.values.tolist(), 0
        for count in self.counts.tolist():
            yield values[begin : begin + count]
            begin += count


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples that follow each other in a cohort, as columns.

    Attributes:
        identities: as `Sample.identity`.
        images: digests of the pictures.
        ids: as they were given.
        captions: free texts.
        labels: ``(N,)``, class indices; they count where `has_label`.
        has_label: ``(N,)``.
        has_labels: ``(N,)``, whether `sets` is known of a sample.
        sizes: ``(N, 2)``, width and height.
        boxes: four numbers each.
        sets: of class indices.
        values: of a regression.
        box_classes: one for each of the boxes, or none.
        others: messages of the samples of which there is more to say, by their place here; see `sample_of`. Of these,
            the columns hold nothing but the texts.
    """

    identities: list[str]
    images: list[str]
    ids: list[str]
    captions: list[str]
    labels: NDArray[np.int32]
    has_label: NDArray[np.bool_]
    has_labels: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    boxes: Lists
    sets: Lists
    values: Lists
    box_classes: Lists
    others: dict[int, pb.Sample]

    def samples(self, cells: Cells, thinned: Callable[[Array], Array] = np.asarray) -> Iterator[Sample]:
        """Yield them as objects, with masks as `sample_of` does; raises `CorruptRecord`."""
        texts = zip(self.images, self.ids, self.captions, strict=True)
        labels = zip(self.labels.tolist(), self.has_label.tolist(), self.has_labels.tolist(), strict=True)
        lists = (self.boxes, self.sets, self.values, self.box_classes)
        rows = zip(texts, labels, self.sizes.tolist(), *(one.of_each() for one in lists), strict=True)
        for place, (words, label, size, boxes, sets, values, classes) in enumerate(rows):
            if place in self.others:
                yield sample_of(self.others[place], cells, thinned)
                continue
            yield _with(
                {
                    "image": words[0],
                    "id": words[1],
                    "caption": words[2],
                    "width": size[0],
                    "height": size[1],
                    "label": label[0] if label[1] else None,
                    "labels": tuple(sets) if label[2] else None,
                    "boxes": tuple(map(tuple, boxes)),
                    "values": tuple(values),
                    "box_classes": tuple(classes),
                }
            )


class CohortParts:
    """A serialised cohort, of which one part is read at a time; counts what it holds before anything is made of it."""

    def __init__(self, data: bytes) -> None:
        """Verify it; raises `CorruptRecord` or `NewerFormat`."""
        self._payload = payload_of(data)
        self._starts, self._stops = array("q"), array("q")  # of the samples
        names = others = 0
        for number, wire_type, start, end, _ in fields(self._payload):
            if number == _SAMPLES and wire_type == BYTES:
                self._starts.append(start)
                self._stops.append(end)
            names += number == _CLASS_NAMES
            others += number not in (_SAMPLES, _CLASS_NAMES) or wire_type != BYTES
            if self.count > MAX_SAMPLES or names > MAX_CLASS_NAMES or others > _MAX_UNKNOWN:
                raise CorruptRecord(
                    f"expected at most {MAX_SAMPLES} samples and {MAX_CLASS_NAMES} class names, got more"
                )
        self._named = names > 0

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(self._starts)

    def class_names(self) -> Iterator[str]:
        """Yield the names of the classes."""
        if not self._named:
            return
        for number, wire_type, start, end, _ in fields(self._payload):
            if number == _CLASS_NAMES and wire_type == BYTES:
                yield text(self._payload, start, end)

    def batches(self) -> Iterator[Batch]:
        """Yield the samples, many at a time; raises `CorruptRecord`."""
        # All samples together may have a few hundred bytes' worth of small parts each.
        left = Budget(4 * len(self._payload) + 2**26)
        starts, stops = (np.array(places, np.int64) for places in (self._starts, self._stops))
        first = 0
        while first < self.count:
            whole = int(np.searchsorted(stops, starts[first] + _BATCH_BYTES, side="right"))
            after = min(max(whole, first + 1), first + _BATCH_SAMPLES)
            yield self._batch(starts[first:after], stops[first:after], left)
            first = after

    def _batch(self, starts: NDArray[np.int64], stops: NDArray[np.int64], left: Budget) -> Batch:
        base, end = int(starts[0]), int(stops[-1])
        is_large = end - base > _BATCH_BYTES  # one sample, which is read where it is
        data = b"" if is_large else bytes(self._payload[base:end])
        found = columns(data, starts - base, (starts if is_large else stops) - base, _LAYOUT)
        found.is_plain[:] &= not is_large
        left.spend(OBJECT * int(found.is_plain.sum()))
        edges, boxes_of = found.floats(_FIELDS["boxes"])
        sets, box_classes = (Lists(*found.integers(_FIELDS[name])) for name in ("labels", "box_classes"))
        values = Lists(*found.floats(_FIELDS["values"]))
        left.spend(2 * FIELD * (len(edges) + len(sets.values) + len(values.values) + len(box_classes.values)))
        _expect_boxes(edges, boxes_of, box_classes.counts)
        try:
            images, ids, captions = (found.texts(_FIELDS[name]) for name in ("image", "id", "caption"))
        except UnicodeDecodeError as error:
            raise CorruptRecord(f"expected UTF-8, got other bytes ({error.reason})") from error
        identities = [id_ or image for id_, image in zip(ids, images, strict=True)]
        others: dict[int, pb.Sample] = {}
        for place in np.flatnonzero(~found.is_plain).tolist():
            message = others[place] = self._message(int(starts[place]), int(stops[place]), left)
            images[place], ids[place], captions[place] = message.image, message.id, message.caption
            identities[place] = _identity_of(message)
        return Batch(
            identities,
            images,
            ids,
            captions,
            found.starts[_FIELDS["label"]].astype(np.int32),
            found.is_plain & (found.starts[_FIELDS["has_label"]] != 0),
            found.is_plain & (found.starts[_FIELDS["has_labels"]] != 0),
            np.stack([found.starts[_FIELDS[name]] for name in ("width", "height")], axis=1),
            Lists(edges.reshape(-1, 4), boxes_of // 4),
            sets,
            values,
            box_classes,
            others,
        )

    def _message(self, start: int, end: int, left: Budget) -> pb.Sample:
        budget = Budget(end - start + ALLOWANCE)
        message = parsed(self._payload[start:end], pb.Sample, budget)
        left.spend(end - start + ALLOWANCE - budget.left + _cost(message))
        if len(message.boxes) > 4 * MAX_BOXES:
            raise CorruptRecord(f"expected at most {MAX_BOXES} boxes, got {len(message.boxes) // 4}")
        return message

    def samples(self) -> Iterator[Sample]:
        """Yield the samples as objects; raises `CorruptRecord`."""
        cells = Cells()
        for batch in self.batches():
            yield from batch.samples(cells)

    def identities(self) -> tuple[str, ...]:
        """Return each sample's name, as `Cohort.identities` does, without reading what is large."""
        told_apart = Identities()
        return tuple(name for batch in self.batches() for name in told_apart.of_all(batch.identities))


def _identity_of(sample: Sample | pb.Sample) -> str:
    return sample.id or ",".join(sample.slices) or sample.image


def _expect_boxes(edges: NDArray[np.float32], counts: NDArray[np.int64], classes: NDArray[np.int64]) -> None:
    if not np.isfinite(edges).all():
        raise CorruptRecord("expected boxes of finite numbers, got others")
    if (counts % 4).any():
        raise CorruptRecord(f"expected 4 numbers per box, got {counts[counts % 4 != 0][0]} in all")
    wrong = np.flatnonzero((classes > 0) & (classes != counts // 4))
    if len(wrong):
        raise CorruptRecord(f"expected a class for each of {counts[wrong[0]] // 4} boxes, got {classes[wrong[0]]}")
    if (counts > 4 * MAX_BOXES).any():
        raise CorruptRecord(f"expected at most {MAX_BOXES} boxes, got {counts.max() // 4}")


def _expect_readable(data: bytes) -> None:
    try:
        for _ in CohortParts(data).batches():
            pass
    except CorruptRecord as error:
        raise ValueError(f"more of one list of samples than a reader takes: {error}") from error


def _cost(sample: pb.Sample) -> int:
    """Return the bytes that a sample is counted as, so that many with long lists take no more time than memory."""
    numbers = len(sample.boxes) + len(sample.labels) + len(sample.values) + len(sample.box_classes)
    return ALONE + TEXT * len(sample.slices) + 2 * FIELD * numbers


class Identities:
    """Names of a cohort's samples, in order; equal ones are numbered."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def __call__(self, identity: str) -> str:
        """Return the name of the next sample."""
        return self.of_all([identity])[0]

    def of_all(self, identities: Sequence[str]) -> list[str]:
        """Return the names of the next samples."""
        seen, names = self._seen, []
        for identity in identities:
            nth = seen.get(identity, 0)
            seen[identity] = nth + 1
            names.append(f"{identity}#{nth}")
        return names


_FIELDS = {field.name: field.number for field in pb.Sample.DESCRIPTOR.fields}
_LAYOUT = Layout(
    numbers=tuple(_FIELDS[name] for name in ("label", "has_label", "has_labels", "width", "height")),
    texts=tuple(_FIELDS[name] for name in ("image", "id", "caption")),
    floats=tuple(_FIELDS[name] for name in ("boxes", "values")),
    integers=tuple(_FIELDS[name] for name in ("labels", "box_classes")),
    others=tuple(_FIELDS[name] for name in ("slices", "mask", "volume_mask", "class_mask")),
)
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
        message: of `Batch.others`.
        cells: decoder of the cohort's masks.
        thinned: makes a mask smaller, before it is brought into its own type.
    """
    values: dict[str, Any] = {
        "image": message.image,
        "slices": tuple(message.slices),
        "label": message.label if message.has_label else None,
        "id": message.id,
        "caption": message.caption,
        "width": message.width,
        "height": message.height,
        "values": tuple(message.values),
        "labels": tuple(message.labels) if message.has_labels else None,
    }
    if message.boxes:
        values["boxes"] = _boxes(message.boxes)
    if message.box_classes:
        values["box_classes"] = tuple(message.box_classes)
        if len(message.box_classes) != len(message.boxes) // 4:
            raise CorruptRecord(
                f"expected a class for each of {len(message.boxes) // 4} boxes, got {len(message.box_classes)}"
            )
    mask = mask_of(message, cells, thinned)
    if mask is not None:
        values["mask"] = mask
    if message.HasField("class_mask"):
        class_mask = thinned(cells.array(message.class_mask, MAX_MASK_CELLS))
        if class_mask.ndim not in (2, 3) or class_mask.dtype.kind not in "iu":
            raise CorruptRecord(f"expected a class mask of integers, got {class_mask.shape} of {class_mask.dtype}")
        values["class_mask"] = class_mask.astype(np.int16)
    return _with(values)


def mask_of(
    message: pb.Sample, cells: Cells, thinned: Callable[[Array], Array] = np.asarray
) -> NDArray[np.uint8] | None:
    """Return the mask of a message, as `sample_of` does; that of a volume, where it has both."""
    mask = None
    for name in ("mask", "volume_mask"):
        if message.HasField(name):
            mask = thinned(cells.array(getattr(message, name), MAX_MASK_CELLS))
            if mask.ndim not in (2, 3) or mask.dtype != np.uint8:
                raise CorruptRecord(f"expected a mask of two or three axes, got {mask.shape} of {mask.dtype}")
    return mask


def boxes_of(message: pb.Sample) -> tuple[Box, ...]:
    """Return the boxes of a message, as `sample_of` does."""
    return _boxes(message.boxes)


def _with(values: dict[str, Any]) -> Sample:
    """Return a sample of what was checked: to have each field set and checked again takes three times as long."""
    sample = object.__new__(Sample)
    sample.__dict__.update(values)  # the class has the defaults of absent fields
    return sample


def _boxes(edges: Sequence[float]) -> tuple[Box, ...]:
    numbers = list(edges)
    if len(numbers) % 4:
        raise CorruptRecord(f"expected 4 numbers per box, got {len(numbers)} in all")
    if not all(map(math.isfinite, numbers)):
        raise CorruptRecord(f"expected boxes of finite numbers, got {numbers[:4]}")
    return tuple(zip(*(iter(numbers),) * 4, strict=True))
