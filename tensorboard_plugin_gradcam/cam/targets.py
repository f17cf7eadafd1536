"""What is explained: from what a model returns to one score for each map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Target(Protocol):
    """A scalar of one image's output.

    Called with the output of one image (without the batch axis, floating point, attached to the graph), it returns the
    scalar that is explained. `index` is the class that it stands for, -1 for none.
    """

    @property
    def index(self) -> int: ...

    @property
    def name(self) -> str: ...

    def __call__(self, output: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class ClassScore:
    """One class's score, before softmax."""

    index: int

    @property
    def name(self) -> str:
        return f"class {self.index}"

    def __call__(self, output: Tensor) -> Tensor:
        return output[self.index]


@dataclass(frozen=True)
class BinaryScore:
    """One side of a single logit: the logit for class 1, its negative for class 0."""

    index: int

    @property
    def name(self) -> str:
        return f"class {self.index}"

    def __call__(self, output: Tensor) -> Tensor:
        return output[0] if self.index == 1 else -output[0]


@dataclass(frozen=True)
class Probability:
    """One class's probability after softmax, or its logarithm."""

    index: int
    log: bool = False

    @property
    def name(self) -> str:
        return f"{'log ' if self.log else ''}probability of class {self.index}"

    def __call__(self, output: Tensor) -> Tensor:
        logarithms = output.log_softmax(dim=0)[self.index]
        return logarithms if self.log else logarithms.exp()


@dataclass(frozen=True)
class Contrast:
    """Why class `index` rather than class `other`: the difference of their scores."""

    index: int
    other: int

    @property
    def name(self) -> str:
        return f"class {self.index} rather than {self.other}"

    def __call__(self, output: Tensor) -> Tensor:
        return output[self.index] - output[self.other]


@dataclass(frozen=True, eq=False)
class ClassInMask:
    """A class's mean score within a mask, for semantic segmentation: output ``(K, H, W)``, mask ``(H, W)``."""

    index: int
    mask: Tensor

    @property
    def name(self) -> str:
        return f"class {self.index} in a mask"

    def __call__(self, output: Tensor) -> Tensor:
        if output.shape[1:] != self.mask.shape:
            raise ValueError(f"expected a mask of shape {tuple(output.shape[1:])}, got {tuple(self.mask.shape)}")
        weights = self.mask.to(output)
        return (output[self.index] * weights).sum() / weights.sum().clamp(min=1)


@dataclass(frozen=True, eq=False)
class Similarity:
    """Cosine similarity of the output to an embedding."""

    embedding: Tensor
    index: int = -1
    name: str = "similarity"

    def __call__(self, output: Tensor) -> Tensor:
        return torch.cosine_similarity(output.flatten(), self.embedding.to(output).flatten(), dim=0)


@dataclass(frozen=True)
class _Custom:
    function: Callable[[Tensor], Tensor]
    index: int = -1

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, output: Tensor) -> Tensor:
        return self.function(output)


class Classes(tuple[int, ...]):
    """Several classes of each image, as in ``Classes(3, 7)``."""

    def __new__(cls, *indices: int) -> Classes:
        if not indices:
            raise ValueError("expected at least one class, got Classes()")
        return super().__new__(cls, indices)


@dataclass(frozen=True)
class Explained:
    """The scores that were asked for, M of them: which image each belongs to, and which target."""

    samples: tuple[int, ...]
    targets: tuple[Target, ...]

    def scores(self, outputs: Tensor) -> Tensor:
        """Return the M scalars, ``(M,)``, attached to the graph of `outputs` ``(N, ...)``."""
        values = [target(outputs[sample]) for sample, target in zip(self.samples, self.targets, strict=True)]
        for value, target in zip(values, self.targets, strict=True):
            if not isinstance(value, Tensor) or value.numel() != 1:
                raise ValueError(f"expected target {target.name!r} to return one number, got {value!r}")
        return torch.stack([value.reshape(()).float() for value in values])


def scores_of(outputs: Any) -> Tensor:
    """Return the tensor ``(N, ...)`` that holds the scores in what a model returned.

    Tuples and lists stand for their first item; mappings and objects for `logits`, `out`, or their only tensor.

    Raises:
        TypeError: where none is found.
    """
    if isinstance(outputs, Tensor):
        return outputs
    if isinstance(outputs, (tuple, list)) and outputs and not isinstance(outputs[0], Mapping):
        return scores_of(outputs[0])
    for key in ("logits", "out"):
        value = outputs.get(key) if isinstance(outputs, Mapping) else getattr(outputs, key, None)
        if isinstance(value, Tensor):
            return value
    values = list(outputs.values()) if isinstance(outputs, Mapping) else []
    if len(values) == 1 and isinstance(values[0], Tensor):
        return values[0]
    raise TypeError(
        f"expected scores (a tensor, a tuple, or a mapping with 'logits' or 'out'), got {type(outputs).__name__}: "
        "wrap the model in a module that returns the scores"
    )


def find_targets(targets: Any, outputs: Tensor) -> Explained:
    """Return what `targets` asks of outputs ``(N, K, ...)``; see `CAM.__call__`.

    Raises:
        ValueError: for a class that does not exist, or a list of the wrong length.
    """
    count = len(outputs)
    if isinstance(targets, Tensor):
        targets = targets.tolist()
    elif hasattr(targets, "__array__"):
        targets = targets.__array__().tolist()
    if targets is None:
        return Explained(tuple(range(count)), tuple(_one(index, outputs) for index in _top_classes(outputs)))
    if isinstance(targets, Classes):
        pairs = [(sample, _one(index, outputs)) for sample in range(count) for index in targets]
        return Explained(tuple(sample for sample, _ in pairs), tuple(target for _, target in pairs))
    if isinstance(targets, Sequence) and not isinstance(targets, str):
        if len(targets) != count:
            raise ValueError(f"expected {count} targets, one for each image, got {len(targets)}")
        return Explained(tuple(range(count)), tuple(_one(item, outputs) for item in targets))
    return Explained(tuple(range(count)), (_one(targets, outputs),) * count)


def _top_classes(outputs: Tensor) -> list[int]:
    scores = outputs.detach()
    if scores.ndim < 2:
        raise ValueError(f"expected scores of shape (N, classes), got {tuple(scores.shape)}")
    if scores.ndim > 2:
        raise ValueError(
            f"expected targets= for outputs of shape {tuple(scores.shape)}: "
            "for segmentation, one ClassInMask(index, mask) for each image"
        )
    if scores.shape[1] == 1:
        return [int(index) for index in (scores[:, 0] > 0).long().tolist()]
    return [int(index) for index in scores.argmax(dim=1).tolist()]


def _one(item: Any, outputs: Tensor) -> Target:
    if isinstance(item, bool) or not hasattr(item, "__index__"):
        if isinstance(item, (ClassScore, BinaryScore, Probability, Contrast, ClassInMask)):
            _check_class(item.index, outputs)
        if callable(item):
            return item if hasattr(item, "index") and hasattr(item, "name") else _Custom(item)
        raise TypeError(f"expected a class index, a target or a callable, got {item!r}")
    index = int(item)
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        if index not in (0, 1):
            raise ValueError(f"expected class 0 or 1 of a single logit, got {index}")
        return BinaryScore(index)
    _check_class(index, outputs)
    return ClassScore(index)


def _check_class(index: int, outputs: Tensor) -> None:
    classes = outputs.shape[1] if outputs.ndim > 1 else 0
    if outputs.ndim == 2 and classes == 1:
        classes = 2  # a single logit has two sides
    if not 0 <= index < classes:
        raise ValueError(f"expected a class from 0 to {classes - 1}, got {index}")
