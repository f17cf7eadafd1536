"""The class that an image's output ranks next to the one that is explained, for `class_sensitivity`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from .asked import Asked
from .outputs import Outputs
from .targets import ClassInMask, ClassScore, Probability, Target


@dataclass(frozen=True)
class Rivals:
    """For each score that was asked for, the same of another class, where there is one.

    Attributes:
        rows: index among the scores of each that has one.
        asked: what is explained of them.
    """

    rows: tuple[int, ...] = ()
    asked: Asked = field(default_factory=lambda: Asked((), ()))


def find_rivals(asked: Asked, outputs: Outputs) -> Rivals:
    """Return for each class that is explained the highest of the others; nothing for boxes, sides and own functions."""
    found: list[tuple[int, int, Target]] = []
    for row, (sample, target) in enumerate(zip(asked.samples, asked.targets, strict=True)):
        rival = _rival(target, outputs[sample])
        if rival is not None:
            found.append((row, sample, rival))
    rows, samples, targets = zip(*found, strict=True) if found else ((), (), ())
    return Rivals(rows, Asked(samples, targets))


def _rival(target: Target, output: Any) -> Target | None:
    if not isinstance(output, Tensor) or output.ndim == 0 or len(output) < 2:
        return None
    if isinstance(target, ClassInMask):
        classes = [float(replace(target, index=index)(output.detach())) for index in range(len(output))]
        ranked = sorted(range(len(output)), key=lambda index: -classes[index])
    elif isinstance(target, (ClassScore, Probability)) and output.ndim == 1:
        ranked = output.detach().argsort(descending=True, stable=True)[:2].tolist()
    else:
        return None
    return replace(target, index=next(index for index in ranked if index != target.index))
