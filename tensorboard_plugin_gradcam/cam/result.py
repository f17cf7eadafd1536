"""What an explanation gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from tensorboard_plugin_gradcam.explanation import Result, checked_size

from .methods.registry import MapKind
from .scaling import resized, scaled

Fusion = Literal["mean", "max", "product"]


@dataclass(frozen=True, eq=False, repr=False)
class CAMResult(Result):
    """Maps of M explained scores: one per image, or several per image if you asked for several targets.

    Tensors stay on the model's device and are detached. `len(result)` is M, the number of maps.

    Attributes:
        maps: for each (method, layer), the raw, signed maps ``(M, ...)``, float32, at the layer's resolution;
            ``(M, H, W, 3)`` if the method's kind is "rgb".
        outputs: what the model returned, unchanged.
        scores: ``(M,)``, float32: the explained scores, before softmax unless the target is something else.
        targets: ``(M,)``, int64: the explained class; -1 if the target is not a class.
        count: N, the number of images.
        samples: ``(M,)``, int64: the index of each map's image in the batch.
        names: M descriptions of the targets, such as "class 3".
        flags: for each (method, layer), M warnings about single maps, such as "no positive evidence"; "" for none.
        kinds: for each method, how to read its maps: "positive", "signed" or "rgb".
        input_size: spatial size of the inputs in pixels, ``(H, W)``; None if the images differ in size.
        inputs: the explained inputs, ``(N, C, ...)``, for `show`; None if the images differ in size.
        boxes: ``(M,)``, int64: for a detector, the index of the explained box in the image's output, -1 for none;
            None for other models.
        measures: by measure and then by (method, layer), one number per map: ``(M,)``, float32 on the CPU, NaN for
            none.
        notes: sentences that say why numbers are missing.
    """

    maps: Mapping[tuple[str, str], Tensor]
    outputs: Any
    scores: Tensor
    targets: Tensor
    samples: Tensor
    count: int
    names: tuple[str, ...]
    flags: Mapping[tuple[str, str], tuple[str, ...]]
    kinds: Mapping[str, MapKind]
    input_size: tuple[int, ...] | None
    inputs: Tensor | None = None
    boxes: Tensor | None = None
    measures: Mapping[str, Mapping[tuple[str, str], Tensor]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def masks(
        self,
        size: int | tuple[int, ...] | None = None,
        method: str | None = None,
        layer: str | None = None,
        fusion: Fusion = "mean",
    ) -> Tensor:
        """Rectify the maps, scale each to [0, 1], and resize it to `size`; without `layer`, fuse the masks of all
        layers.

        The numbers equal grad-cam's: each layer's map is scaled by ``(x - min) / (1e-7 + max)`` at its own size,
        resized bilinearly, fused, and scaled again. ``fusion="product"`` is Refine-CAM.

        Args:
            size: spatial size of the masks in pixels, one number per axis or one for all; by default the input's.
            method: can be left out if there is only one.
            layer: can be left out; the masks of all layers are then fused.
            fusion: how to fuse the layers' masks: by their "mean", "max" or "product".

        Returns:
            ``(M, *size)``, float32.

        Raises:
            ValueError: the method or layer was not computed, or several methods make it ambiguous; or the images differ
                in size and `size` is missing.
            TypeError: `size` is neither a number nor a sequence of numbers.
        """
        chosen = self.chosen(method, layer)
        shape = checked_size(size, chosen[0].ndim - 1) or self.input_size
        if shape is None:
            raise ValueError("expected size=, because the images differ in size, got None")
        masks = torch.stack([_mask(maps, shape) for maps in chosen])
        fused = {
            "mean": masks.mean(0),
            "max": masks.amax(0),
            "product": torch.stack([scaled(mask) for mask in masks]).prod(0),
        }
        if fusion not in fused:
            raise ValueError(f"expected a fusion among {', '.join(fused)}, got {fusion!r}")
        return scaled(fused[fusion])


def _mask(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    return resized(scaled(maps.float().clamp(min=0)), size).clamp(min=0)
