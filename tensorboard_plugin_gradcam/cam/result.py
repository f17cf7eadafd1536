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
    """Maps of M explained scores: one for each image, or several where several targets were asked for.

    Tensors stay on the model's device and are cut from any graph.

    Attributes:
        maps: for each (method, layer) raw, signed maps ``(M, ...)``, float32, in the layer's resolution; ``(M, H, W,
            3)`` where the method's kind is "rgb".
        outputs: what the model returned, as it is.
        scores: ``(M,)``, float32: the explained score, before softmax where the target says nothing else.
        targets: ``(M,)``, int64: the class that is explained; -1 where it is no class.
        count: of the images, N.
        samples: ``(M,)``, int64: index of the image within the batch.
        names: M descriptions of the targets, such as "class 3".
        flags: for each (method, layer) M texts of what a viewer must know of a map; "" where there is nothing.
        kinds: for each method how its maps are meant: "positive", "signed" or "rgb".
        input_size: spatial size of the inputs, ``(H, W)``; None where the images' sizes differ.
        inputs: what was explained, ``(N, C, ...)``, for `show`; None where the images' sizes differ.
        boxes: ``(M,)``, int64: of a detector which box of the image's output is explained, -1 for none; else None.
        measures: of each map, by their name and then by (method, layer): ``(M,)``, float32 on the CPU, NaN for none.
        notes: why numbers are missing, for people.
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
        """Rectify the maps, scale each to [0, 1] and resize it to `size`; fuse the layers' where none is named.

        The numbers are grad-cam's: each layer's map is scaled by ``(x - min) / (1e-7 + max)`` at its own size, resized
        bilinearly, fused, and scaled again. ``fusion="product"`` is Refine-CAM.

        Args:
            size: spatial size of the masks, one number for each axis or one for all; the input's by default.
            method: may be left out where there is one.
            layer: may be left out: the masks of all layers are then fused.
            fusion: how the layers' masks become one: their "mean", "max", or "product".

        Returns:
            ``(M, *size)``, float32.

        Raises:
            ValueError: for a method or a layer that was not asked for, or where several methods leave it open.
            TypeError: for a size that is none.
        """
        chosen = self.chosen(method, layer)
        shape = checked_size(size, chosen[0].ndim - 1) or self.input_size
        if shape is None:
            raise ValueError("expected size=, for the images' sizes differ, got None")
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
