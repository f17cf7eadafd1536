"""What is known of each sample, prepared once and logged at as many steps as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.aliases import DataFormats, Images, Labels, Numbers, PerSample
from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.faults import reason, warn
from tensorboard_plugin_gradcam.misnamed import told
from tensorboard_plugin_gradcam.normalization import normalizations
from tensorboard_plugin_gradcam.records import Box, Sample, Task
from tensorboard_plugin_gradcam.writer.checks import at_least, names, one_of
from tensorboard_plugin_gradcam.writer.labels import read_labels
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat, Picture, Reading, read_pictures
from tensorboard_plugin_gradcam.writer.predictions import Truth

BoxesIn = Literal["pixels", "fractions"]

MAX_IMAGE_SIZE = 1024  # pixels of the longer edge, by default
LARGEST_THUMBNAIL = 64  # pixels of the longer edge


@dataclass(frozen=True, eq=False)
class Samples:
    """N samples, ready to log.

    Attributes:
        records: what is stored for each sample.
        pictures: the encoded pictures of all samples, by digest.
        image_format: how they are encoded.
    """

    records: tuple[Sample, ...]
    pictures: dict[str, Picture] = field(repr=False)
    image_format: ImageFormat = "png"

    def __len__(self) -> int:
        return len(self.records)

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """``(N,)``, -1 for none; None if no sample has a label."""
        if all(record.label is None for record in self.records):
            return None
        return np.array([-1 if record.label is None else record.label for record in self.records], dtype=np.int32)

    @property
    def axes(self) -> int | None:
        """Number of spatial axes of the pictures: 3 for volumes, else 2; None without pictures."""
        if not any(record.image for record in self.records):
            return None
        return 3 if any(record.slices for record in self.records) else 2

    def native_size(self, index: int) -> tuple[int, int] | None:
        """Height and width of a sample's picture in pixels, before it was scaled down; None where it has none."""
        picture = self.pictures.get(self.records[index].image)
        return None if picture is None else picture.native_size

    @property
    def truth(self) -> Truth:
        """What they are labelled with."""
        sets = [record.labels for record in self.records]
        known = None if all(one is None for one in sets) else sets
        return Truth(self.labels, known, any(record.values for record in self.records))

    def take(self, indices: Sequence[int]) -> Samples:
        """Return some of the samples."""
        records = tuple(self.records[index] for index in indices)
        used = {digest for record in records for digest in (record.image, *record.slices) if digest}
        pictures = {digest: picture for digest, picture in self.pictures.items() if digest in used}
        return Samples(records, pictures, self.image_format)


class SampleOptions(TypedDict, total=False):
    """What may be known of samples: as for `prepare_samples`."""

    ids: PerSample | None
    captions: Sequence[str | None] | None
    boxes: PerSample | None
    boxes_in: BoxesIn
    box_classes: PerSample | None
    truth_masks: PerSample | None
    masks: PerSample | None
    dataformats: DataFormats | None
    volumes: bool | None
    thumbnails: int | None


@told
def prepare_samples(
    images: Images | None,
    *,
    count: int | None = None,
    labels: Labels | None = None,
    ids: PerSample | None = None,
    captions: Sequence[str | None] | None = None,
    boxes: PerSample | None = None,
    boxes_in: BoxesIn = "pixels",
    box_classes: PerSample | None = None,
    truth_masks: PerSample | None = None,
    masks: PerSample | None = None,
    transform: object | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    dataformats: DataFormats | None = None,
    image_format: ImageFormat = "png",
    max_image_size: int | None = MAX_IMAGE_SIZE,
    volumes: bool | None = None,
    task: Task | None = None,
    class_names: Sequence[str] = (),
    notes: list[str] | None = None,
) -> Samples:
    """Prepare samples once, to pass them as `images` at every step.

    Args:
        images: uint8, or floating point in [0, 1]: an array or a tensor ``(N, H, W, C)``, ``(N, C, H, W)`` or
            ``(N, H, W)``, or a sequence of single images, PIL images or paths. None for no pictures.
        count: N; needed only without images.
        labels: class indices ``(N,)``, -1 or None for none, or their names among `class_names`; one-hot ``(N, C)``;
            multi-hot ``(N, C)`` or N lists of classes if several are right; values if the task is "regression".
        ids: each sample's id in the data set.
        captions: free text.
        boxes: ground truth: for each sample a list of ``(x0, y0, x1, y1)`` or None.
        boxes_in: "pixels" of the image as it is passed, or "fractions" of its width and height.
        box_classes: for each sample a list of its boxes' class indices, or None.
        truth_masks: ground truth: for each sample ``(h, w)``, or ``(d, h, w)`` for a volume, 0 outside; or None. If
            the task is "segmentation", class indices.
        masks: the former name of `truth_masks`.
        transform: how the images were normalized, so that it can be undone: a torchvision preset, weights, `Compose`
            or `Normalize`, a timm data configuration, or a Hugging Face image processor.
        mean: per channel, if the images were normalized by `mean` and `std`.
        std: per channel.
        dataformats: "NHWC", "NCHW", "NHW", or for volumes "NDHW", "NDHWC", "NCDHW", if the shape is ambiguous.
        image_format: "png", "jpeg" or "webp".
        max_image_size: longer edge in pixels; larger pictures are scaled down. None keeps every size.
        volumes: the images have a depth axis before the height; their slices are stored. By default, images are volumes
            if `dataformats` says so ("NDHW"), if they have five axes, or if they have four of which neither the second
            nor the last can be channels (1, 3 or 4).
        task: "classification", "multilabel", "regression", "detection" or "segmentation": the meaning of labels and
            masks; by default classes, or sets of classes if the labels are multi-hot or lists.
        class_names: by class index; needed if labels are names.
        notes: a list to which unreadable values are reported in words; they are then skipped instead of raising an
            error.

    Raises:
        ValueError: images are not pictures (the error says so if one looks normalized), or arguments differ in length.
    """
    one_of("image_format", image_format, ImageFormat)
    one_of("boxes_in", boxes_in, BoxesIn)
    at_least("max_image_size", max_image_size, 1, optional=True)
    if images is None and count is None:
        raise ValueError("expected images, or count= without images")
    reading = Reading(normalizations(transform, mean, std), dataformats, max_image_size, volumes)
    stacks = _stacks(images, count, reading, notes)
    known = {
        "labels": labels,
        "ids": ids,
        "captions": captions,
        "boxes": boxes,
        "box_classes": box_classes,
        "truth_masks": _truth_masks(truth_masks, masks),
    }
    read = _Reader(stacks, boxes_in, task, names("class_names", class_names), notes)
    records = tuple(Sample(**fields) for fields in read.fields(known))
    pictures = {picture.digest: picture for stack in stacks for picture in stack}
    return Samples(records, pictures, image_format)


def _stacks(images: Any, count: int | None, reading: Reading, notes: list[str] | None) -> list[tuple[Picture, ...]]:
    if images is None:
        return [()] * (count or 0)
    if notes is None:
        return read_pictures(images, reading)
    try:
        rows = list(images)
    except TypeError:
        rows = []
    if count is not None and len(rows) != count:
        notes.append(f"pictures left out: expected {count} images, got {type(images).__name__} of {len(rows)}")
        return [()] * count
    stacks, problems = [], []
    for row in rows:
        try:
            stacks += read_pictures([row], reading)
        except Exception as error:  # whatever a user's image object raises
            problems.append(reason(error))
            stacks.append(())
    if problems:
        notes.append(f"pictures of {len(problems)} of {len(rows)} samples left out: {problems[0]}")
    return stacks


def _truth_masks(truth_masks: Any, masks: Any) -> Any:
    if masks is None:
        return truth_masks
    if truth_masks is not None:
        raise ValueError("expected only truth_masks, got also masks, its former name")
    first = next((to_numpy(mask, "masks") for mask in masks if mask is not None), None)
    if first is not None and first.dtype.kind == "f" and ((first > 0) & (first < 1)).any():
        raise ValueError(
            "expected masks of ground truth, 0 outside, got fractions, as result.masks() has: pass result.maps as maps"
        )
    warn("masks= is now called truth_masks=: it is ground truth, not the masks of a CAM")
    return masks


@dataclass
class _Reader:
    """Reads what is known of samples, field by field; what can't be read raises, or goes into the notes."""

    stacks: list[tuple[Picture, ...]]
    boxes_in: BoxesIn
    task: Task | None
    class_names: tuple[str, ...]
    notes: list[str] | None

    def fields(self, known: dict[str, Any]) -> list[dict[str, Any]]:
        """Return each sample's fields."""
        found = [_of_picture(stack) for stack in self.stacks]
        for name, values in known.items():
            if values is None:
                continue
            try:
                rows = getattr(self, f"_{name}")(_one_each(values, name, len(found)))
            except Exception as error:  # whatever a user's objects raise
                if self.notes is None:
                    raise
                self.notes.append(f"{name} left out: {reason(error)}")
            else:
                for fields, row in zip(found, rows, strict=True):
                    fields |= row
        return found

    def _labels(self, labels: Any) -> list[dict[str, Any]]:
        found = read_labels(labels, len(self.stacks), self.task, self.class_names, self.notes)
        return [{"label": label.index, "labels": label.indices, "values": label.values} for label in found]

    def _ids(self, ids: Any) -> list[dict[str, Any]]:
        return [{"id": "" if (item := _item(value)) is None else str(item)} for value in ids]

    def _captions(self, captions: Any) -> list[dict[str, Any]]:
        return [{"caption": "" if caption is None else str(caption)} for caption in captions]

    def _boxes(self, boxes: Any) -> list[dict[str, Any]]:
        pairs = zip(boxes, self.stacks, strict=True)
        return [{"boxes": _boxes(of_sample, _middle(stack), self.boxes_in)} for of_sample, stack in pairs]

    def _box_classes(self, classes: Any) -> list[dict[str, Any]]:
        arrays = [() if of_sample is None else to_numpy(of_sample, "box_classes").reshape(-1) for of_sample in classes]
        return [{"box_classes": tuple(map(int, array))} for array in arrays]

    def _truth_masks(self, masks: Any) -> list[dict[str, Any]]:
        return [{} if mask is None else _mask(mask, self.task == "segmentation") for mask in masks]


def _of_picture(stack: tuple[Picture, ...]) -> dict[str, Any]:
    picture = _middle(stack)
    height, width = picture.size if picture else (0, 0)
    return {
        "image": picture.digest if picture else "",
        "slices": tuple(plane.digest for plane in stack) if len(stack) > 1 else (),
        "width": width,
        "height": height,
    }


def _middle(stack: tuple[Picture, ...]) -> Picture | None:
    return stack[len(stack) // 2] if stack else None


def _one_each(values: Any, name: str, count: int) -> Any:
    if name != "labels" and len(values) != count:
        raise ValueError(f"expected {count} {name}, one per sample, got {len(values)}")
    return values


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


def _mask(mask: Any, of_classes: bool) -> dict[str, NDArray[Any]]:
    array = to_numpy(mask, "truth_masks")
    array = array[0] if array.ndim == 4 or (array.ndim == 3 and len(array) == 1) else array
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"expected truth_masks (h, w) each, or (d, h, w) for volumes, got {array.shape}")
    found: dict[str, NDArray[Any]] = {"mask": np.asarray(array != 0, dtype=np.uint8)}
    if of_classes:
        found["class_mask"] = np.where((array >= 0) & (array < 2**15), array, -1).astype(np.int16)
    return found
