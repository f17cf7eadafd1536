"""The canvas that a detector puts its images on: scaled, and padded to one size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample
from torch.utils.hooks import RemovableHandle

from .hooks import hookable


class Padding:
    """Watches the transform of a torchvision detector, and takes its padding off the maps again.

    Attributes:
        size: of the padded batch, ``(H, W)``; None for models that leave the images as they are.
    """

    def __init__(self) -> None:
        self.size: tuple[int, ...] | None = None
        self._shares: list[tuple[float, ...]] = []

    def watch(self, model: nn.Module) -> list[RemovableHandle]:
        """Return the hooks that tell of the next forward pass."""
        # The transform has neither parts nor weights, and may be at any depth.
        bare = [module for _, module in hookable(model) if not module._modules and not module._parameters]
        return [module.register_forward_hook(self._record) for module in bare]

    def _record(self, module: nn.Module, args: Any, output: Any) -> None:
        images = output[0] if isinstance(output, tuple) else output
        if hasattr(images, "image_sizes") and hasattr(images, "tensors"):
            size = tuple(images.tensors.shape[2:])
            self.size = size
            self._shares = [
                tuple(pixels / canvas for pixels, canvas in zip(image, size, strict=True))
                for image in images.image_sizes
            ]

    def without_padding(self, maps: Tensor, samples: Tensor) -> Tensor:
        """Resample maps ``(M, h, w)`` onto their images, whose indices are `samples`; the number of cells stays.

        The transform pads to the right and below.
        """
        if self.size is None or maps.ndim != 3 or all(share == (1, 1) for share in self._shares):
            return maps
        heights, widths = torch.tensor(self._shares, device=maps.device, dtype=maps.dtype)[samples].unbind(1)
        transforms = torch.zeros(len(maps), 2, 3, device=maps.device, dtype=maps.dtype)
        transforms[:, 0, 0], transforms[:, 0, 2] = widths, widths - 1
        transforms[:, 1, 1], transforms[:, 1, 2] = heights, heights - 1
        grid = affine_grid(transforms, [len(maps), 1, *maps.shape[1:]], align_corners=False)
        return grid_sample(maps[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
