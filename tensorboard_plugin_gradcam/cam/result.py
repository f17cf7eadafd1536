"""What an explanation gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from .methods.registry import MapKind
from .scaling import resized, scaled

if TYPE_CHECKING:
    from tensorboard_plugin_gradcam.pixels import Pixels

Fusion = Literal["mean", "max", "product"]


@dataclass(frozen=True)
class CAMResult:
    """Maps of M explained scores: one for each image, or several where several targets were asked for.

    Tensors stay on the model's device and are cut from any graph.

    Attributes:
        maps: for each (method, layer) raw, signed maps ``(M, ...)``, float32, in the layer's resolution; ``(M, H, W,
            3)`` where the method's kind is "rgb".
        outputs: what the model returned, as it is.
        scores: ``(M,)``, float32: the explained score, before softmax where the target says nothing else.
        targets: ``(M,)``, int64: the class that is explained; -1 where it is no class.
        samples: ``(M,)``, int64: index of the image within the batch.
        names: M descriptions of the targets, such as "class 3".
        flags: for each (method, layer) M texts of what a viewer must know of a map; "" where there is nothing.
        kinds: for each method how its maps are meant: "positive", "signed" or "rgb".
        input_size: spatial size of the inputs, ``(H, W)``; None where the images' sizes differ.
        inputs: what was explained, ``(N, C, ...)``, for `show`; None where the images' sizes differ.
    """

    maps: Mapping[tuple[str, str], Tensor]
    outputs: Any
    scores: Tensor
    targets: Tensor
    samples: Tensor
    names: tuple[str, ...]
    flags: Mapping[tuple[str, str], tuple[str, ...]]
    kinds: Mapping[str, MapKind]
    input_size: tuple[int, ...] | None
    inputs: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order that was asked for."""
        return tuple(dict.fromkeys(method for method, _ in self.maps))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order that was asked for."""
        return tuple(dict.fromkeys(layer for _, layer in self.maps))

    def masks(
        self,
        size: tuple[int, ...] | None = None,
        method: str | None = None,
        layer: str | None = None,
        fusion: Fusion = "mean",
    ) -> Tensor:
        """Rectify the maps, scale each to [0, 1] and resize it to `size`; fuse the layers' where none is named.

        The numbers are grad-cam's: each layer's map is scaled by ``(x - min) / (1e-7 + max)`` at its own size, resized
        bilinearly, fused, and scaled again. ``fusion="product"`` is Refine-CAM.

        Args:
            size: spatial size of the masks; the input's by default.
            method: may be left out where there is one.
            layer: may be left out: the masks of all layers are then fused.
            fusion: how.

        Returns:
            ``(M, *size)``, float32.

        Raises:
            ValueError: for a method or a layer that was not asked for, or where several methods leave it open.
        """
        chosen = self._choose(method, layer)
        shape = size or self.input_size
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

    def show(
        self,
        images: Any = None,
        *,
        transform: object | None = None,
        mean: Any = None,
        std: Any = None,
        **options: Any,
    ) -> Pixels:
        """Return a sheet of the maps over their pictures, which a notebook shows as a picture.

        Args:
            images: pictures of the N inputs, each ``(H, W, 3)`` or ``(H, W)``, uint8 or floating point in [0, 1]; by
                default the inputs, each stretched to its own range where it leaves [0, 1] and nothing says how it was
                normalised.
            transform: how the inputs were normalised, to be undone: as for `prepare_samples`.
            mean: of each channel, where inputs were normalised by it and `std`.
            std: of each channel.
            options: method, layer, class_names, size, columns, and how it looks: see `sheet.show`.

        Raises:
            ValueError: the inputs are no pictures and none were passed; no such method or layer.
        """
        from tensorboard_plugin_gradcam import sheet

        if images is None:
            if self.inputs is None:
                raise ValueError("expected images=, for the inputs' sizes differ, got None")
            images = sheet.pictures_of(self.inputs.detach().float().cpu().numpy(), transform, mean, std)
        return sheet.show(self, images, **options)

    def _choose(self, method: str | None, layer: str | None) -> list[Tensor]:
        if method is None and len(self.methods) > 1:
            raise ValueError(f"expected method= to name one of {', '.join(self.methods)}, got None")
        name = self.methods[0] if method is None else method
        chosen = [maps for (of, at), maps in self.maps.items() if of == name and layer in (None, at)]
        if not chosen:
            known = ", ".join(f"{of} at {at}" for of, at in self.maps)
            raise ValueError(f"expected one of {known}, got method={name!r}, layer={layer!r}")
        if self.kinds[name] == "rgb":
            chosen = [maps.sum(dim=-1) for maps in chosen]
        return chosen


def _mask(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    return resized(scaled(maps.float().clamp(min=0)), size).clamp(min=0)
