"""What can be explained: scalars of one image's output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


class Target(Protocol):
    """A scalar of one image's output.

    It is called with the output of one image (without the batch axis, attached to the graph; for a detector, the dict
    of its boxes), and returns the scalar to explain. `index` is the class that it belongs to, -1 for none.
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
        logit = output.reshape(-1)[0]
        return logit if self.index == 1 else -logit


@dataclass(frozen=True)
class Probability:
    """One class's probability after softmax (after sigmoid for a single logit), or its logarithm."""

    index: int
    log: bool = False

    @property
    def name(self) -> str:
        return f"{'log ' if self.log else ''}probability of class {self.index}"

    def __call__(self, output: Tensor) -> Tensor:
        if output.numel() == 1:
            logarithm = logsigmoid(BinaryScore(self.index)(output))
        else:
            logarithm = output.log_softmax(dim=0)[self.index]
        return logarithm if self.log else logarithm.exp()


@dataclass(frozen=True)
class Contrast:
    """Why class `index` rather than class `other`: the difference of their scores."""

    index: int
    other: int

    @property
    def name(self) -> str:
        return f"class {self.index} rather than {self.other}"

    def __call__(self, output: Tensor) -> Tensor:
        if output.numel() == 1:
            return BinaryScore(self.index)(output)
        return output[self.index] - output[self.other]


@dataclass(frozen=True, eq=False)
class ClassInMask:
    """A class's mean score inside a mask, for semantic segmentation (Vinogradova et al., 2020, eq. 2).

    https://arxiv.org/abs/2002.11434

    Args:
        index: the class.
        mask: ``(H, W)``, the output's size, 0 outside; None for the whole image.
    """

    index: int
    mask: Any = None

    @property
    def name(self) -> str:
        return f"class {self.index}" if self.mask is None else f"class {self.index} in a mask"

    def __call__(self, output: Tensor) -> Tensor:
        if self.mask is None:
            return output[self.index].mean()
        weights = torch.as_tensor(self.mask).to(output)
        if output.shape[1:] != weights.shape:
            raise ValueError(
                f"expected a mask of the output's shape {tuple(output.shape[1:])}, got {tuple(weights.shape)}: "
                "resize it, such as by torch.nn.functional.interpolate(..., mode='nearest')"
            )
        if not bool(weights.any()):
            raise ValueError(f"expected a mask with at least one pixel for class {self.index}, got an empty one")
        return (output[self.index] * weights).sum() / weights.sum()


@dataclass(frozen=True, eq=False)
class Similarity:
    """Cosine similarity, from -1 to 1, between one image's output and an embedding of the same size."""

    embedding: Tensor
    index: int = -1
    name: str = "similarity"

    def __call__(self, output: Tensor) -> Tensor:
        return torch.cosine_similarity(output.flatten(), self.embedding.to(output).flatten(), dim=0)


@dataclass(frozen=True)
class Custom:
    """A function of one image's output."""

    function: Callable[[Tensor], Tensor]
    index: int = -1

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, output: Tensor) -> Tensor:
        return self.function(output)


class Classes(tuple[int, ...]):
    """Several classes for each image: ``Classes(3, 7)`` gives two maps per image, while the list ``[3, 7]`` gives one
    class to each of two images."""

    def __new__(cls, *indices: int) -> Classes:
        if not indices:
            raise ValueError("expected at least one class, got Classes()")
        return super().__new__(cls, indices)
