"""What is explained: pictures from a folder, a CSV or COCO's annotations, or the items of a data set."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.models import imported

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
KINDS = "a folder of pictures, a .csv, COCO's .json, 'package.module:function' that returns a data set, or a data set"
_PATHS = ("path", "file", "filename", "file_name", "image", "image_path")
_LABELS = ("label", "class", "target", "class_name", "category")
_THREADS = 8
Transform = Callable[[Any], Any]


@dataclass(frozen=True)
class Row:
    """A picture's file, and what is known of it.

    Attributes:
        path: of the file.
        label: class index; None where there is none.
        id: that the sample is shown under.
        boxes: ``(x0, y0, x1, y1)`` in pixels.
        box_classes: class index of each.
    """

    path: str
    label: int | None = None
    id: str = ""
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    box_classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """Some samples: the model's inputs, and what `prepare_samples` is told of them."""

    inputs: Any
    known: dict[str, Any]


class Data(Protocol):
    """N samples, of which any part can be taken."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """By class index; empty where nothing names them."""

    @property
    def transform(self) -> Any:
        """From a picture to the model's input; None where nothing tells."""

    def __len__(self) -> int:
        """Return N."""

    def take(self, part: range) -> Chunk:
        """Return some of them."""


@dataclass(frozen=True)
class Files:
    """Pictures on a disk, each made an input when it is needed."""

    rows: Sequence[Row]
    transform: Transform
    normalization: Any = None
    class_names: tuple[str, ...] = ()
    _places: dict[tuple[int, int], Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, part: range) -> Chunk:
        """Return some of them."""
        rows = self.rows[part.start : part.stop]
        with ThreadPoolExecutor(min(_THREADS, len(rows) or 1)) as pool:
            read = list(pool.map(self._read, rows))
        known: dict[str, Any] = {"ids": [row.id for row in rows]}
        if any(row.label is not None for row in self.rows):
            known["labels"] = [row.label for row in rows]
        if any(row.boxes for row in self.rows):
            known |= {"boxes": [boxes for _, boxes in read], "boxes_in": "fractions"}
            known["box_classes"] = [row.box_classes or None for row in rows]
        return Chunk(_together([inputs for inputs, _ in read]), known)

    def _read(self, row: Row) -> tuple[Any, Any]:
        with opened_picture(row.path) as picture:
            boxes = self._moved(row.boxes, picture.size) if row.boxes else None
            return self.transform(picture), boxes

    def _moved(self, boxes: Sequence[Sequence[float]], size: tuple[int, int]) -> list[tuple[float, ...]]:
        """Return boxes as fractions of the input's width and height."""
        if size not in self._places:
            self._places[size] = where_pixels_go(self.transform, self.normalization, size)
        scale, offset = self._places[size]
        edges = np.asarray(boxes, dtype=np.float64) * np.tile(scale, 2) + np.tile(offset, 2)
        edges = np.clip(edges, 0, 1)
        x0, x1 = np.minimum(edges[:, 0], edges[:, 2]), np.maximum(edges[:, 0], edges[:, 2])
        y0, y1 = np.minimum(edges[:, 1], edges[:, 3]), np.maximum(edges[:, 1], edges[:, 3])
        return [tuple(box) for box in np.stack([x0, y0, x1, y1], axis=1).tolist()]


@dataclass(frozen=True)
class Items:
    """A data set's items: inputs, or pairs of an input and a label, or mappings that hold both."""

    items: Any
    class_names: tuple[str, ...] = ()
    transform: Any = None

    def __len__(self) -> int:
        return len(self.items)

    def take(self, part: range) -> Chunk:
        """Return some of them."""
        rows = [_input_and_label(self.items[index]) for index in part]
        inputs = _together([one for one, _ in rows])
        labels = [label for _, label in rows]
        return Chunk(inputs, {} if any(label is None for label in labels) else {"labels": _plain(labels)})


def data_of(
    images: Any, transform: Transform | None, normalization: Any, limit: int | None = None, root: str | None = None
) -> Data:
    """Return the samples that are asked for.

    Args:
        images: `KINDS`.
        transform: from a PIL image to the model's input, for pictures on a disk.
        normalization: that it ends with, to read where it moves pixels.
        limit: samples at most: spread evenly over all there are.
        root: folder of the pictures that a CSV or COCO's annotations name; their own folder by default.

    Raises:
        ValueError: there are no samples, or nothing that is known as such.
    """
    if not isinstance(images, (str, os.PathLike)):
        return _items(images, limit)
    text = places.text_of(images)
    if ":" in text and not places.exists(text) and not places.is_remote(text):
        return _items(imported(text), limit)
    rows, names = _rows_of(text, root)
    if not rows:
        raise ValueError(f"expected pictures in {text}, got none ({', '.join(PICTURES)})")
    return Files(
        [rows[index] for index in spread(len(rows), limit)], transform or plain_transform, normalization, names
    )


def spread(count: int, limit: int | None) -> list[int]:
    """Return at most `limit` of `count` indices, evenly spread: a folder's first would all be of one class."""
    if limit is None or limit >= count:
        return list(range(count))
    return [count * index // limit for index in range(limit)]


def _rows_of(path: str, root: str | None) -> tuple[list[Row], tuple[str, ...]]:
    if places.is_folder(path):
        return folder_rows(path)
    if not places.exists(path):
        raise FileNotFoundError(f"no such images: {path}")
    base = root or places.folder_of(path)
    if path.lower().endswith(".csv"):
        return csv_rows(places.read(path).decode("utf-8-sig"), base)
    if path.lower().endswith(".json"):
        return coco_rows(json.loads(places.read(path)), base)
    if path.lower().endswith(PICTURES):
        return [Row(path, id=places.name_of(path))], ()
    raise ValueError(f"expected images as {KINDS}, got {path!r}")


def folder_rows(folder: str) -> tuple[list[Row], tuple[str, ...]]:
    """Return a folder's pictures, labelled by the folders in it, if there are any, as torchvision's ImageFolder."""
    names = tuple(places.name_of(path) for path in places.listed(folder) if places.is_folder(path))
    names = tuple(name for name in names if not name.startswith("."))
    of_classes = [
        (label, path) for label, name in enumerate(names) for path in _pictures_below(places.join(folder, name))
    ]
    if of_classes:
        rows = [Row(path, label, path[len(folder) :].lstrip("/\\")) for label, path in of_classes]
        return rows, names
    plain = [path for path in places.listed(folder) if path.lower().endswith(PICTURES)]
    return [Row(path, id=places.name_of(path)) for path in plain], ()


def csv_rows(text: str, root: str) -> tuple[list[Row], tuple[str, ...]]:
    """Return the pictures that a CSV names: a column of paths, and if there is one, of labels: indices or names.

    Raises:
        ValueError: no column is one of paths.
    """
    reader = csv.DictReader(text.splitlines())
    columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
    at = next((columns[name] for name in _PATHS if name in columns), None)
    if at is None:
        raise ValueError(f"expected a column {', '.join(_PATHS)}, got {', '.join(columns) or 'none'}")
    of_label = next((columns[name] for name in _LABELS if name in columns), None)
    lines = list(reader)
    said = [(line.get(of_label) or "").strip() if of_label else "" for line in lines]
    names = () if all(label.isdigit() or not label for label in said) else tuple(sorted({one for one in said if one}))
    rows = [
        Row(_below(root, line[at].strip()), _index(label, names), line[at].strip())
        for line, label in zip(lines, said, strict=True)
        if (line[at] or "").strip()
    ]
    return rows, names


def coco_rows(annotations: Mapping[str, Any], root: str) -> tuple[list[Row], tuple[str, ...]]:
    """Return the pictures of COCO's annotations with their boxes; a picture's label is its largest box's class.

    Raises:
        ValueError: it is of another form.
    """
    try:
        categories = sorted(annotations.get("categories", []), key=lambda one: one["id"])
        order = {one["id"]: index for index, one in enumerate(categories)}
        boxes: dict[Any, list[tuple[float, int, tuple[float, float, float, float]]]] = {}
        for one in annotations.get("annotations", []):
            x, y, width, height = map(float, one.get("bbox") or (0, 0, 0, 0))
            if width > 0 and height > 0:
                found = (width * height, order[one["category_id"]], (x, y, x + width, y + height))
                boxes.setdefault(one["image_id"], []).append(found)
        rows = [_coco_row(image, boxes.get(image["id"], []), root) for image in annotations["images"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"expected annotations as COCO has them (images, annotations, categories): {error!r}"
        ) from error
    return rows, tuple(str(one.get("name", one["id"])) for one in categories)


def _coco_row(image: Mapping[str, Any], boxes: Sequence[tuple[float, int, Any]], root: str) -> Row:
    name = str(image["file_name"])
    largest = max(boxes, default=None)
    return Row(
        _below(root, name),
        None if largest is None else largest[1],
        name,
        tuple(box for _, _, box in boxes),
        tuple(index for _, index, _ in boxes),
    )


def where_pixels_go(
    transform: Transform, normalization: Any, size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``scale`` and ``offset``, each ``(x, y)``: a picture's pixel p is at ``p * scale + offset`` of the input.

    Measured by what the transform makes of a picture whose colors say where they are, so any that resizes, crops,
    pads or flips is understood. The input's width and height are 1.

    Raises:
        ValueError: no line fits, as where a transform is drawn anew each time.
    """
    from PIL import Image

    from tensorboard_plugin_gradcam.normalization import normalizations

    width, height = size
    ramps = np.zeros((height, width, 3), np.uint8)
    ramps[..., 0] = np.linspace(0, 255, width).round()
    ramps[..., 1] = np.linspace(0, 255, height).round()[:, None]
    ramps[..., 2] = 128
    seen: NDArray[Any] = np.asarray(transform(Image.fromarray(ramps)), dtype=np.float32)
    seen = seen if seen.shape[0] == 3 else np.moveaxis(seen, -1, 0)
    for step in reversed(normalizations(normalization)):
        seen = step.undo(seen, 0)
    seen = seen / 255 if seen.max() > 2 else seen
    lines = [_line(seen[0].mean(axis=0) * (width - 1)), _line(seen[1].mean(axis=1) * (height - 1))]
    scale, offset = (np.array(numbers) for numbers in zip(*lines, strict=True))
    return scale, offset


def _line(pixels: NDArray[Any]) -> tuple[float, float]:
    """Fit where each cell of an axis came from, and return the way back, in fractions of the axis."""
    count = len(pixels)
    inner = np.flatnonzero(np.abs(np.gradient(pixels)) > np.abs(np.gradient(pixels)).max() / 4)  # not what was padded
    slope, start = np.polyfit((inner + 0.5) / count, pixels[inner] + 0.5, 1)
    misfit = np.abs(slope * (inner + 0.5) / count + start - pixels[inner] - 0.5).max()
    if abs(slope) < 1e-6 or misfit > max(2.0, 0.02 * abs(slope)):
        raise ValueError("the transform moves pixels in a way that boxes can't follow: pass a data set with its boxes")
    return 1 / slope, -start / slope


def opened_picture(path: str) -> Any:
    """Return a PIL image, upright and in RGB."""
    from PIL import Image, ImageOps

    with places.opened(path) as file:
        picture = Image.open(file)
        picture.load()
    return ImageOps.exif_transpose(picture).convert("RGB")


def plain_transform(picture: Any, size: int = 224) -> NDArray[np.float32]:
    """Return a picture as most classifiers take it: ``(3, size, size)``, resized, cropped, normalized as ImageNet's."""
    width, height = picture.size
    scale = size / 0.875 / min(width, height)
    resized = picture.resize((max(size, round(width * scale)), max(size, round(height * scale))))
    left, top = (resized.width - size) // 2, (resized.height - size) // 2
    pixels = np.asarray(resized.crop((left, top, left + size, top + size)), dtype=np.float32) / 255
    normalized = (pixels - np.array(IMAGENET["mean"])) / np.array(IMAGENET["std"])
    return np.ascontiguousarray(np.moveaxis(normalized, -1, 0), dtype=np.float32)


IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def _items(found: Any, limit: int | None) -> Data:
    given = found() if callable(found) and not hasattr(found, "__getitem__") else found
    names = tuple(map(str, getattr(given, "classes", ()) or ()))
    given = getattr(given, "dataset", given) if hasattr(given, "batch_size") else given  # a loader's own
    names = names or tuple(map(str, getattr(given, "classes", ()) or ()))
    if isinstance(given, tuple) and len(given) == 2 and all(hasattr(one, "__getitem__") for one in given):
        given = _Zipped(*given)
    if not (hasattr(given, "__getitem__") and hasattr(given, "__len__")):
        if not hasattr(given, "__iter__"):
            raise ValueError(f"expected images as {KINDS}, got {type(given).__name__}")
        given = list(given if limit is None else _first(given, limit))
    if not len(given):
        raise ValueError("expected samples, got an empty data set")
    transform = getattr(given, "transform", None)  # as torchvision's data sets have one
    return Items(_Chosen(given, spread(len(given), limit)), names, transform)


def _first(items: Any, limit: int) -> Iterator[Any]:
    return (item for _, item in zip(range(limit), items, strict=False))


@dataclass(frozen=True)
class _Chosen:
    """Some items of a data set."""

    items: Any
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.items[self.indices[index]]


@dataclass(frozen=True)
class _Zipped:
    """Inputs and their labels, as pairs."""

    inputs: Any
    labels: Any

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> Any:
        return self.inputs[index], self.labels[index]


def _input_and_label(item: Any) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        inputs = next((item[key] for key in ("pixel_values", "image", "images", "input", "x") if key in item), None)
        label = next((item[key] for key in ("labels", "label", "target", "y") if key in item), None)
        if inputs is None:
            raise ValueError(f"expected items with 'image' or 'pixel_values', got {', '.join(map(str, item))}")
        return inputs, label
    if isinstance(item, (tuple, list)) and len(item) >= 2:
        return item[0], item[1]
    return (item[0] if isinstance(item, (tuple, list)) else item), None


def _plain(labels: Sequence[Any]) -> list[Any]:
    return [label.tolist() if hasattr(label, "tolist") else label for label in labels]


def _together(inputs: Sequence[Any]) -> Any:
    """Return inputs as one batch, or as a list where their sizes differ, as detectors take them."""
    if hasattr(inputs[0], "detach"):
        import torch

        alike = len({tuple(one.shape) for one in inputs}) == 1
        return torch.stack(list(inputs)) if alike else list(inputs)
    return np.stack([np.asarray(one) for one in inputs])


def _pictures_below(folder: str) -> Iterator[str]:
    for path in places.listed(folder):
        if places.is_folder(path):
            yield from _pictures_below(path)
        elif path.lower().endswith(PICTURES):
            yield path


def _below(root: str, path: str) -> str:
    return path if os.path.isabs(path) or places.is_remote(path) else places.join(root, path)


def _index(label: str, names: tuple[str, ...]) -> int | None:
    if not label:
        return None
    return names.index(label) if names else int(label)
