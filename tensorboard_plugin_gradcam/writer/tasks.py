"""What models of other tasks than classification predict, as the arrays of `records.Predictions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy

Arrays = dict[str, NDArray[Any]]

MOST_CLASSES = 20  # of a sample whose labels are a set: the most probable ones, beside its labels
MOST_BOXES = 20  # of an image: the most certain ones, beside those that are explained
MASK_SIZE = 128  # points of each axis on which a predicted mask is stored; of a volume's half as many
THRESHOLD = 0.5  # from which a class of a set is predicted


def multilabel(probabilities: NDArray[np.float64], labels: Sequence[Sequence[int] | None]) -> Arrays:
    """Return the classes that are worth telling and their probabilities, most probable first.

    Args:
        probabilities: ``(N, C)``, each of its own.
        labels: the set of each sample, which is always among them; None where it is not known.
    """
    rows = [_told(row, labels[index] or ()) for index, row in enumerate(probabilities)]
    width = max(map(len, rows), default=0)
    classes = np.full((len(rows), width), -1, dtype=np.int32)
    chosen = np.full((len(rows), width), np.nan, dtype=np.float32)
    for index, row in enumerate(rows):
        classes[index, : len(row)] = row
        chosen[index, : len(row)] = probabilities[index, row]
    return {"set_classes": classes, "set_probabilities": chosen}


def _told(row: NDArray[np.float64], labels: Sequence[int]) -> list[int]:
    if not np.isfinite(row).all():  # a network that diverged says NaN: it predicts nothing
        return []
    order = np.argsort(-row, kind="stable").tolist()
    of_labels = {label for label in labels if label < len(row)}
    return [index for place, index in enumerate(order) if place < MOST_CLASSES or index in of_labels]


def sigmoid(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each score's own probability."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-scores)), dtype=np.float64)


def regression(outputs: ArrayLike, count: int) -> Arrays:
    """Return the predicted values ``(N, D)``.

    Raises:
        ValueError: the outputs are not ``(N,)`` or ``(N, D)``.
    """
    values = to_numpy(outputs, "outputs")
    if values.ndim not in (1, 2) or len(values) != count:
        raise ValueError(f"expected outputs of shape ({count},) or ({count}, D) for regression, got {values.shape}")
    return {"values": values.reshape(count, -1).astype(np.float32)}


def segmentation(outputs: Any) -> Arrays:
    """Return the predicted class of each point, ``(N, 128, 128)`` or ``(N, 64, 64, 64)``, whatever the outputs' size.

    Args:
        outputs: scores ``(N, C, ...)``, or ``(N, 1, ...)`` of a single class against 0.
    """
    classes = (outputs[:, 0] > 0) if outputs.shape[1] == 1 else outputs.argmax(1)
    array = to_numpy(classes, "outputs")
    size = MASK_SIZE if array.ndim == 3 else MASK_SIZE // 2
    for axis in range(1, array.ndim):
        cells = array.shape[axis]
        array = array.take(((np.arange(size) + 0.5) / size * cells).astype(np.int64), axis)
    return {"masks": array.astype(np.int16)}


def detection(
    outputs: Sequence[Mapping[str, Any]], sizes: Sequence[tuple[int, int]], explained: Sequence[tuple[int, int]]
) -> tuple[Arrays, dict[tuple[int, int], int]]:
    """Return the predicted boxes, most certain first, and where those stand that are explained.

    Args:
        outputs: of each image `boxes` ``(B, 4)`` in pixels, `labels` and `scores` ``(B,)``.
        sizes: height and width of each image in pixels.
        explained: pairs of an image and a box of its output.
    """
    kept = [_kept(item, {box for image, box in explained if image == index}) for index, item in enumerate(outputs)]
    width = max(map(len, kept), default=0)
    boxes = np.full((len(kept), width, 4), np.nan, dtype=np.float32)
    classes = np.full((len(kept), width), -1, dtype=np.int32)
    scores = np.full((len(kept), width), np.nan, dtype=np.float32)
    for index, (item, order, (rows, columns)) in enumerate(zip(outputs, kept, sizes, strict=True)):
        edges = to_numpy(item["boxes"], "boxes").reshape(-1, 4)[order] / (columns, rows, columns, rows)
        boxes[index, : len(order)] = edges
        classes[index, : len(order)] = to_numpy(item["labels"], "labels")[order]
        scores[index, : len(order)] = to_numpy(item["scores"], "scores")[order]
    places = {(image, box): kept[image].index(box) for image, box in explained if box >= 0}
    return {"boxes": boxes, "box_classes": classes, "box_scores": scores}, places


def _kept(item: Mapping[str, Any], explained: set[int]) -> list[int]:
    order = np.argsort(-to_numpy(item["scores"], "scores"), kind="stable").tolist()
    return [box for place, box in enumerate(order) if place < MOST_BOXES or box in explained]
