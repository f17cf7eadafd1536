"""What is known of each sample, prepared once and logged at as many steps as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tensorboard_plugin_gradcam.arrays import numbers, to_numpy
from tensorboard_plugin_gradcam.normalization import normalizations
from tensorboard_plugin_gradcam.records import Box, Sample
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat, Picture, Reading, read_pictures

T = TypeVar("T")

MAX_IMAGE_SIZE = 1024  # pixels of the longer edge, by default


@dataclass(frozen=True, eq=False)
class Samples:
    """N samples, ready to be logged.

    Attributes:
        records: what is stored of each.
        pictures: those of all samples by their digest.
        image_format: how they are encoded.
    """

    records: tuple[Sample, ...]
    pictures: dict[str, Picture] = field(repr=False)
    image_format: ImageFormat = "png"

    def __len__(self) -> int:
        return len(self.records)

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """``(N,)``, -1 where there is none; None where no sample has one."""
        if all(record.label is None for record in self.records):
            return None
        return np.array([-1 if record.label is None else record.label for record in self.records], dtype=np.int32)

    @property
    def axes(self) -> int | None:
        """How many spatial axes their pictures have: 3 for volumes, else 2; None where there are no pictures."""
        if not any(record.image for record in self.records):
            return None
        return 3 if any(record.slices for record in self.records) else 2

    def take(self, indices: Sequence[int]) -> Samples:
        """Return some of the samples."""
        return Samples(tuple(self.records[index] for index in indices), self.pictures, self.image_format)


def prepare_samples(
    images: Any,
    *,
    count: int | None = None,
    labels: ArrayLike | None = None,
    ids: Sequence[object] | None = None,
    captions: Sequence[str] | None = None,
    boxes: Sequence[Any] | None = None,
    boxes_in: Literal["pixels", "fractions"] = "pixels",
    masks: Sequence[Any] | None = None,
    transform: object | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    dataformats: str | None = None,
    image_format: ImageFormat = "png",
    max_image_size: int | None = MAX_IMAGE_SIZE,
    volumes: bool | None = None,
) -> Samples:
    """Prepare samples once, to be passed as `images` at every step.

    Args:
        images: uint8, or floating point in [0, 1]: an array or a tensor ``(N, H, W, C)``, ``(N, C, H, W)`` or
            ``(N, H, W)``, or a sequence of single ones, PIL images or paths. None: there are no pictures.
        count: N, needed only without images.
        labels: ``(N,)``, class index; -1 where there is none.
        ids: each sample's id in its data set.
        captions: free text.
        boxes: ground truth, for each sample a list of ``(x0, y0, x1, y1)`` or None.
        boxes_in: "pixels" of the image as it is passed, or "fractions" of its width and height.
        masks: ground truth, for each sample ``(h, w)``, 0 outside, or None.
        transform: how images were normalized, to be undone: a torchvision preset, weights, `Compose` or `Normalize`, a
            timm data configuration, or a Hugging Face image processor.
        mean: of each channel, where images were normalized by it and `std`.
        std: of each channel.
        dataformats: "NHWC", "NCHW", "NHW", or for volumes "NDHW", "NDHWC", "NCDHW", where the shape doesn't tell.
        image_format: "png", "jpeg" or "webp".
        max_image_size: longer edge in pixels above which pictures are scaled down; None for never.
        volumes: images have a depth axis before the height; their slices are stored. By default they are volumes where
            `dataformats` says so ("NDHW"), or where they have five axes, or four of which neither the second nor the
            last can be channels (1, 3 or 4).

    Raises:
        ValueError: images are not pictures (a normalized tensor is told as such), or arguments differ in length.
    """
    if image_format not in ("png", "jpeg", "webp"):
        raise ValueError(f"expected image_format 'png', 'jpeg' or 'webp', got {image_format!r}")
    if images is None and count is None:
        raise ValueError("expected images, or count where there are none")
    reading = Reading(normalizations(transform, mean, std), dataformats, max_image_size, volumes)
    stacks = [()] * (count or 0) if images is None else read_pictures(images, reading)
    known = _Known(len(stacks), labels, ids, captions, boxes, masks)
    records = tuple(_record(stack, known, index, boxes_in) for index, stack in enumerate(stacks))
    pictures = {picture.digest: picture for stack in stacks for picture in stack}
    return Samples(records, pictures, image_format)


class _Known:
    """What was passed beside the images, checked for its length."""

    def __init__(self, count: int, labels: Any, ids: Any, captions: Any, boxes: Any, masks: Any) -> None:
        self.labels = numbers(labels, "labels", (count,), np.int32)
        self.ids = _one_each(ids, "ids", count)
        self.captions = _one_each(captions, "captions", count)
        self.boxes = _one_each(boxes, "boxes", count)
        self.masks = _one_each(masks, "masks", count)

    def label(self, index: int) -> int | None:
        return None if self.labels is None or self.labels[index] < 0 else int(self.labels[index])


def _one_each(values: Sequence[T] | None, name: str, count: int) -> Sequence[T] | None:
    if values is not None and len(values) != count:
        raise ValueError(f"expected {count} {name}, one a sample, got {len(values)}")
    return values


def _record(stack: tuple[Picture, ...], known: _Known, index: int, boxes_in: str) -> Sample:
    picture = stack[len(stack) // 2] if stack else None
    height, width = picture.size if picture else (0, 0)
    boxes = known.boxes[index] if known.boxes is not None else None
    mask = known.masks[index] if known.masks is not None else None
    return Sample(
        image=picture.digest if picture else "",
        slices=tuple(plane.digest for plane in stack) if len(stack) > 1 else (),
        label=known.label(index),
        id="" if known.ids is None else str(_item(known.ids[index])),
        caption="" if known.captions is None or known.captions[index] is None else str(known.captions[index]),
        boxes=_boxes(boxes, picture, boxes_in),
        mask=None if mask is None else _mask(mask),
        width=width,
        height=height,
    )


def _item(value: Any) -> Any:
    """Return the number in a tensor of one element, so that its text is the number's."""
    return value.item() if hasattr(value, "item") else value


def _boxes(boxes: Any, picture: Picture | None, boxes_in: str) -> tuple[Box, ...]:
    if boxes is None or len(boxes) == 0:
        return ()
    array = np.atleast_2d(to_numpy(boxes, "boxes")).astype(np.float64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"expected boxes (x0, y0, x1, y1), got an array of shape {array.shape}")
    if boxes_in == "pixels":
        if picture is None:
            raise ValueError("expected boxes_in='fractions' for samples without a picture, got 'pixels'")
        height, width = picture.native_size
        array = array / (width, height, width, height)
    elif boxes_in != "fractions":
        raise ValueError(f"expected boxes_in 'pixels' or 'fractions', got {boxes_in!r}")
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in array.tolist())


def _mask(mask: Any) -> NDArray[np.uint8]:
    array = to_numpy(mask, "masks")
    array = array[0] if array.ndim == 3 and len(array) == 1 else array
    if array.ndim != 2:
        raise ValueError(f"expected each mask to be of shape (h, w), got {array.shape}")
    return np.asarray(array != 0, dtype=np.uint8)
