"""`aug_smooth`: the mean over mirrored and dimmed copies of the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .flags import flags_of
from .inputs import Inputs, as_whole_numbers
from .outputs import scores_of
from .result import CAMResult, Fusion

# grad-cam's: each image and its mirror image, at 0.9, 1 and 1.1 times their values. The image itself comes first.
AUGMENTATIONS = [(is_mirrored, factor) for is_mirrored in (False, True) for factor in (1.0, 0.9, 1.1)]


class NotSmoothableError(ValueError):
    """The images or what the model says of them change their meaning in a mirror: `aug_smooth` is not for them."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected} for aug_smooth, got {got}: pass aug_smooth=False")


@dataclass(frozen=True, eq=False, repr=False)
class SmoothedResult(CAMResult):
    """The mean over six views of each image; scores, targets and outputs are those of the image itself.

    Attributes:
        views: the result of each, mirrored back.
    """

    views: tuple[CAMResult, ...] = ()

    def masks(
        self,
        size: int | tuple[int, ...] | None = None,
        method: str | None = None,
        layer: str | None = None,
        fusion: Fusion = "mean",
    ) -> Tensor:
        """Return the mean of the views' masks, each scaled by itself, as grad-cam does; see `CAMResult.masks`."""
        return torch.stack([view.masks(size, method, layer, fusion) for view in self.views]).mean(0)


def smoothed(
    explain: Callable[[Inputs, Any], CAMResult],
    inputs: Inputs,
    targets: Any,
) -> SmoothedResult:
    """Explain six views of each image; the classes, where none are asked for, are those of the image itself.

    Raises:
        NotSmoothableError: the images' sizes differ, or the scores have space, which mirroring would move.
    """
    if inputs.batch is None:
        raise NotSmoothableError("a batch of images of one size", "a list of images, as a detector takes them")
    views: list[CAMResult] = []
    for is_mirrored, factor in AUGMENTATIONS:
        images = inputs.channels_first(inputs.batch)
        images = (images.flip(-1) if is_mirrored else images) * factor
        images = as_whole_numbers(inputs.as_given(images), inputs.batch.dtype)
        view = explain(inputs.of_images(range(inputs.count), images), targets)
        scores = scores_of(view.outputs)
        if not isinstance(scores, Tensor) or scores.ndim > 2:
            got = f"scores {tuple(scores.shape)}" if isinstance(scores, Tensor) else "boxes"
            raise NotSmoothableError("scores (N, K)", f"{got}, which mirroring would move")
        targets = view.targets.tolist() if targets is None else targets
        views.append(_mirrored(view) if is_mirrored else view)
    maps = {key: torch.stack([view.maps[key] for view in views]).mean(0) for key in views[0].maps}
    whole = {name: getattr(views[0], name) for name in CAMResult.__dataclass_fields__}
    flags = flags_of(maps, whole["names"], whole["inputs"], {})
    return SmoothedResult(**{**whole, "maps": maps, "flags": flags}, views=tuple(views))


def _mirrored(view: CAMResult) -> CAMResult:
    axis = len(view.input_size or (0, 0))  # the last spatial one: colours may follow it
    return replace(view, maps={key: value.flip(axis) for key, value in view.maps.items()})
