"""Validation batches as people's data sets give them: each kind, and what a log of it should say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

N, SIZE = 4, 16
X = torch.rand(N, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 2, 1, 2])
HOT = torch.nn.functional.one_hot(CLASSES, 3)
SETS = torch.tensor([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1]])


class Named(NamedTuple):
    x: Any
    target: Any
    path: Any


@dataclass
class Item:
    x: Any
    y: Any
    weight: Any


class Plain:
    """A batch as graph and video libraries have it: attributes."""

    def __init__(self) -> None:
        self.x, self.y, self.batch = X, CLASSES, torch.arange(N)


def image_of(batch: Any) -> Any:
    """Return a batch's images, as a user's own step would."""
    if isinstance(batch, torch.Tensor):
        return batch
    if isinstance(batch, dict):
        return batch["image"]
    if isinstance(batch, (Item, Plain)):
        return batch.x
    first = batch[0]
    return torch.stack([row[0] for row in batch]) if isinstance(first, (tuple, list)) else first


@dataclass(frozen=True)
class Kind:
    """A kind of batch.

    Attributes:
        batch: makes one.
        scores: of the model.
        labels: what the log says of each sample; None where it says nothing.
        words: of the warning that says what was left out.
        options: of the callback.
        masked: whether ground-truth masks are logged.
    """

    batch: Callable[[], Any]
    scores: int = 3
    labels: Any = None
    words: str = ""
    options: dict[str, Any] | None = None
    masked: bool = False


def beside(second: Any, **known: Any) -> Kind:
    return Kind(lambda: (X, second), **known)


Y = CLASSES.tolist()
SAID_SETS = [(0, 2), (1,), (), (0, 1, 2)]
KINDS: dict[str, Kind] = {
    "classes (N,)": beside(CLASSES, labels=Y),
    "classes (N, 1)": beside(CLASSES[:, None], labels=Y),
    "classes (N, 1, 1)": beside(CLASSES[:, None, None], labels=Y),
    "classes int32": beside(CLASSES.int(), labels=Y),
    "classes uint8": beside(CLASSES.byte(), labels=Y),
    "classes as floats": beside(CLASSES.float(), labels=Y),
    "classes as bfloat16": beside(CLASSES.bfloat16(), labels=Y),
    "classes as numpy": beside(CLASSES.numpy(), labels=Y),
    "classes as a list": beside(Y, labels=Y),
    "classes as a list of tensors": beside(list(CLASSES), labels=Y),
    "classes as a list of (1,)": beside(list(CLASSES[:, None]), labels=Y),
    "classes with ignored ones": beside(torch.tensor([0, -100, 1, 255]), labels=[0, None, 1, None]),
    "classes with NaN": beside(torch.tensor([0, float("nan"), 1, 2]), labels=[0, None, 1, 2]),
    "binary float (N,)": beside(torch.tensor([0.0, 1, 1, 0]), scores=1, labels=[0, 1, 1, 0]),
    "binary float (N, 1)": beside(torch.tensor([[0.0], [1], [1], [0]]), scores=1, labels=[0, 1, 1, 0]),
    "binary bool": beside(torch.tensor([False, True, True, False]), scores=1, labels=[0, 1, 1, 0]),
    "one-hot": beside(HOT, labels=Y),
    "one-hot as floats": beside(HOT.float(), labels=Y),
    "one-hot as a list": beside(list(HOT), labels=Y),
    "soft labels": beside(HOT * 0.9 + 0.1 / 3, labels=Y),
    "multi-hot float": beside(SETS.float(), labels=SAID_SETS),
    "multi-hot int": beside(SETS, labels=SAID_SETS),
    "multi-hot bool": beside(SETS.bool(), labels=SAID_SETS),
    "regression (N,)": beside(torch.rand(N), scores=1, words="task='regression'"),
    "regression (N, 1)": beside(torch.rand(N, 1) * 80, scores=1, words="task='regression'"),
    "regression, whole numbers": beside(torch.tensor([31.0, 44, 70, 18]), scores=1, words="18 to 70, not among"),
    "regression (N, 2)": beside(torch.randn(N, 2), scores=2, words="2 numbers per sample"),
    "masks (N, H, W)": beside((X[:, 0] > 0.5).long(), masked=True),
    "masks (N, 1, H, W)": beside((X[:, :1] > 0.5).float(), masked=True),
    "masks bool": beside(X[:, 0] > 0.5, masked=True),
    "masks with ignored pixels": beside(torch.tensor([0, 1, 255]).repeat(N, SIZE * 4, 1)[:, :SIZE], masked=True),
    "masks of classes": beside((X[:, 0] * 5).long(), words="task='segmentation'"),
    "depth": beside(X[:, :1] * 7, words="not 0 and 1"),
    "boxes (N, 4)": beside(torch.rand(N, 4) * 16, words="4 numbers per sample"),
    "boxes of each image": beside([torch.rand(k, 4) for k in range(N)], words="such as boxes"),
    "detection targets": beside(
        [{"boxes": torch.rand(k, 4), "labels": torch.ones(k).long()} for k in range(1, N + 1)], words="such as boxes"
    ),
    "mapping": beside({"label": CLASSES, "id": torch.arange(N)}, labels=Y),
    "mapping of other names": beside({"image_id": torch.arange(N) + 7, "finding": CLASSES}, labels=Y),
    "mapping in camel case": beside({"sampleId": torch.arange(N) % 3, "classIdx": CLASSES}, labels=Y),
    "mapping that leaves it open": beside({"age": CLASSES, "stage": CLASSES}, words="both look like labels"),
    "mappings of each sample": beside([{"label": y, "id": i} for i, y in enumerate(Y)], labels=Y),
    "mapping with text": beside({"path": ["a", "b", "c", "d"], "target": CLASSES}, labels=Y),
    "strings": beside(["cat", "dog", "cat", "owl"], words="class_names"),
    "strings among the classes": beside(
        ["cat", "owl", "dog", "owl"], labels=Y, options={"class_names": ["cat", "dog", "owl"]}
    ),
    "paths": beside([f"/data/{i}.png" for i in range(N)], words="class_names"),
    "nested": Kind(lambda: (X, (CLASSES, {"id": torch.arange(N)})), labels=Y),
    "nested the other way": Kind(lambda: (X, ({"path": "x"}, CLASSES)), labels=Y),
    "three of them": Kind(lambda: [X, CLASSES, torch.arange(N)], labels=Y),
    "ids first": Kind(lambda: (X, torch.arange(N) + 100, CLASSES), labels=Y),
    "meta first": Kind(lambda: (X, {"path": ["a"] * N}, CLASSES), labels=Y),
    "two views and a class": Kind(lambda: (X, X.clone(), CLASSES), labels=Y),
    "two heads": Kind(lambda: (X, [CLASSES, CLASSES.flip(0)]), words="both look like labels"),
    "none": beside(None),
    "nones": beside([None] * N),
    "images alone": Kind(lambda: X),
    "a tuple of images alone": Kind(lambda: (X,)),
    "a mapping of all": Kind(lambda: {"image": X, "label": CLASSES}, labels=Y),
    "a mapping of images alone": Kind(lambda: {"image": X}),
    "a mapping, nested": Kind(lambda: {"image": X, "targets": {"class": CLASSES, "box": torch.rand(N, 4)}}, labels=Y),
    "a named tuple": Kind(lambda: Named(X, CLASSES, ["p"] * N), labels=Y),
    "a dataclass": Kind(lambda: Item(X, CLASSES, torch.rand(N)), labels=Y),
    "an object": Kind(Plain, labels=Y),
    "samples that are not collated": Kind(lambda: list(zip(X, Y, strict=True)), labels=Y),
    "an object of the user's own": beside(object(), words=""),
    "one number": beside(torch.tensor(2), words="one for each"),
    "another length": beside(torch.arange(3), words="one for each"),
    "empty": beside(torch.zeros(0), words="one for each"),
    "negative numbers": beside(torch.tensor([-5, -7, -9, -2]), words="not among"),
    "large numbers": beside(torch.tensor([2**31, 2**32, 7, 9]), words="not among"),
    "complex numbers": beside(torch.zeros(N, dtype=torch.complex64), words=""),
    "numpy objects": beside(np.array([object()] * N), words=""),
}
