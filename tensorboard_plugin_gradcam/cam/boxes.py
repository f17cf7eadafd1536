"""Targets for detectors that return ``{"boxes", "labels", "scores"}`` of each image, as torchvision's do.

What is explained is a box's score after softmax or sigmoid, as the detector returns it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

REMEDY = "lower the detector's score threshold, such as box_score_thresh, or choose another"
_is_skipping: ContextVar[bool] = ContextVar("_is_skipping", default=False)


class NothingDetected(ValueError):
    """A detector found no box of the requested kind."""


@contextmanager
def skipping_what_is_not_there() -> Iterator[None]:
    """Skip images without a box in this context instead of raising an error.

    Use it when logging a detector in training, which finds nothing at first. If no image has a box, `NothingDetected`
    is still raised.
    """
    before = _is_skipping.set(True)
    try:
        yield
    finally:
        _is_skipping.reset(before)


def is_skipping() -> bool:
    """Say whether boxes that are not there are left out."""
    return _is_skipping.get()


SAME_BOX = 0.5  # overlap, as in grad-cam

Of = Literal["score", "left", "top", "right", "bottom"]
SIDES = ("left", "top", "right", "bottom")  # in the order of a box's numbers


@dataclass(frozen=True)
class BoxScore:
    """The score of one box that was found; `find_targets` makes it of what was asked for.

    Of an image that was changed, it is the score of the box of the same class that overlaps it most; 0 where none does.
    """

    position: int
    index: int
    box: tuple[float, float, float, float]
    of: Of = "score"

    @classmethod
    def at(cls, position: int, output: Mapping[str, Tensor], of: Of = "score") -> BoxScore:
        """Take the box at a position of what was detected."""
        x0, y0, x1, y1 = output["boxes"][position].tolist()
        return cls(position, int(output["labels"][position]), (x0, y0, x1, y1), of)

    @property
    def name(self) -> str:
        side = "" if self.of == "score" else f"{self.of} side of "
        return f"{side}class {self.index} in box {self.position}"

    def __call__(self, output: Any) -> Tensor:
        scores: Tensor = output["scores"] if self.of == "score" else output["boxes"][:, SIDES.index(self.of)]
        if self._is_at_its_position(output):
            return scores[self.position]
        overlaps = _overlaps(output["boxes"].detach(), self.box) * (output["labels"] == self.index)
        if not len(overlaps) or float(overlaps.max()) < SAME_BOX:
            return scores.sum() * 0
        return scores[int(overlaps.argmax())]

    def _is_at_its_position(self, output: Any) -> bool:
        if self.position >= len(output["labels"]) or int(output["labels"][self.position]) != self.index:
            return False
        there = output["boxes"][self.position].detach()
        return torch.equal(there, torch.as_tensor(self.box, dtype=there.dtype, device=there.device))


@dataclass(frozen=True)
class DetectedBox:
    """One of the detector's boxes; 0 is the most certain one.

    Args:
        position: rank by score, from 0.
        of: what to explain: the box's score, or the position of one of its sides in pixels.
    """

    position: int = 0
    of: Of = "score"

    def __post_init__(self) -> None:
        _check(self.of)

    def find(self, output: Mapping[str, Tensor]) -> BoxScore:
        """Return the box's score.

        Raises:
            ValueError: there are fewer boxes.
        """
        count = len(output["scores"])
        if not 0 <= self.position < count:
            raise NothingDetected(f"expected one of {count} detected boxes, got DetectedBox({self.position}): {REMEDY}")
        # Sorted here: detectors that find boxes level by level don't promise an order.
        position = int(output["scores"].detach().argsort(descending=True, stable=True)[self.position])
        return BoxScore.at(position, output, self.of)


@dataclass(frozen=True)
class MatchedBox:
    """The detected box that overlaps `box` most, such as a ground-truth box.

    Args:
        box: ``(x0, y0, x1, y1)`` in pixels of the image.
        label: the class that the box must have; None for any.
        min_iou: the overlap (intersection over union) that a match must reach.
        of: what to explain: the box's score, or the position of one of its sides in pixels.
    """

    box: tuple[float, float, float, float]
    label: int | None = None
    min_iou: float = 0.5
    of: Of = "score"

    def __post_init__(self) -> None:
        _check(self.of)

    def find(self, output: Mapping[str, Tensor]) -> BoxScore:
        """Return the box's score.

        Raises:
            ValueError: no box overlaps enough; the message names the best overlap.
        """
        overlaps = _overlaps(output["boxes"].detach(), self.box)
        if self.label is not None:
            overlaps = overlaps * (output["labels"] == self.label)
        best = float(overlaps.max()) if len(overlaps) else 0.0
        if best < self.min_iou or not best:
            of_class = "" if self.label is None else f" of class {self.label}"
            raise NothingDetected(
                f"expected a detected box{of_class} that overlaps {tuple(self.box)} by {self.min_iou} or more, "
                f"got {best:.2f} at best: {REMEDY}, or lower min_iou"
            )
        position = int(overlaps.argmax())
        return BoxScore.at(position, output, self.of)


def _check(of: str) -> None:
    if of != "score" and of not in SIDES:
        raise ValueError(f"expected of= to be score, {', '.join(SIDES)}, got {of!r}")


def best_of_class(index: int, output: Mapping[str, Tensor]) -> BoxScore:
    """Return the score of the most certain box of a class.

    Raises:
        ValueError: where there is none; the message lists the classes that were detected.
    """
    labels = output["labels"]
    if not bool((labels == index).any()):
        found = ", ".join(map(str, labels.unique().tolist())) or "none"
        raise NothingDetected(f"expected a detected class ({found}), got {index}: {REMEDY}")
    scores = torch.where(labels == index, output["scores"].detach(), -torch.inf)
    return BoxScore.at(int(scores.argmax()), output)


def _overlaps(boxes: Tensor, box: tuple[float, float, float, float]) -> Tensor:
    """Return the intersection over union of each of ``(B, 4)`` with one box."""
    other = torch.as_tensor(box, dtype=boxes.dtype, device=boxes.device)
    low, high = torch.maximum(boxes[:, :2], other[:2]), torch.minimum(boxes[:, 2:], other[2:])
    common = (high - low).clamp(min=0).prod(dim=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    return common / (areas + (other[2:] - other[:2]).prod() - common)
