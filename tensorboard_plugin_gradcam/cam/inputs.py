"""What a model is given: one batch, several arguments, or a list of images; and words for what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from .hooks import map_tensors


@dataclass(frozen=True)
class Inputs:
    """The arguments of one forward pass, ``model(*args, **kwargs)``."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @classmethod
    def of(cls, value: Any) -> Inputs:
        """Read a tuple as positional arguments, a mapping as keyword arguments, anything else as the one argument.

        Raises:
            ValueError: for an empty batch, or where there are no images among the arguments.
        """
        if isinstance(value, tuple):
            found = cls(value, {})
        elif isinstance(value, Mapping):
            found = cls((), dict(value))
        else:
            found = cls((value,), {})
        if not found.count:
            raise ValueError(f"expected at least one image, got an empty batch {_described(found.images)}")
        return found

    @cached_property
    def images(self) -> Tensor | list[Tensor]:
        """The first batch ``(N, C, ...)`` of floating point, else of integers; or the list of images ``(C, H, W)``."""
        batches = list(_batches([self.args, self.kwargs]))
        for batch in batches:
            if isinstance(batch, list) or batch.is_floating_point():
                return batch
        if not batches:
            given = ", ".join(_described(value) for value in (*self.args, *self.kwargs.values())) or "nothing"
            raise ValueError(
                f"expected a batch of inputs (N, C, ...), a torch tensor, among the model's arguments, got {given}"
            )
        return batches[0]

    @property
    def count(self) -> int:
        """Number of images, N."""
        return len(self.images)

    @property
    def size(self) -> tuple[int, ...] | None:
        """Spatial size of the images; None where they differ."""
        if isinstance(self.images, Tensor):
            return tuple(self.images.shape[2:])
        sizes = {tuple(image.shape[1:]) for image in self.images}
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def batch(self) -> Tensor | None:
        """The images in one tensor ``(N, C, ...)``; None where their sizes differ."""
        if isinstance(self.images, Tensor):
            return self.images.detach()
        return None if self.size is None else torch.stack(self.images).detach()

    def first(self) -> Inputs:
        """Return the arguments for the first image alone."""
        return self.of_images([0])

    def of_images(self, indices: Sequence[int], images: Tensor | None = None) -> Inputs:
        """Return the arguments for the images of those indices, which may repeat; `images` may take their place."""
        count, rows = self.count, list(indices)

        def chosen(value: Any) -> Any:
            if value is self.images and images is not None:
                return list(images) if isinstance(value, list) else images
            if isinstance(value, list) and len(value) == count:
                return [value[row] for row in rows]
            if isinstance(value, Tensor):
                return value[rows] if value.ndim and len(value) == count else value
            return map_tensors(chosen, value)

        return Inputs(tuple(map(chosen, self.args)), {name: chosen(value) for name, value in self.kwargs.items()})

    def run(self, model: nn.Module) -> Any:
        """Return what the model makes of them, without touching the caller's tensors.

        Raises:
            ValueError: where the model raised, and the images' type, device or axes tell why.
        """
        try:
            return model(*map_tensors(_own, self.args), **map_tensors(_own, dict(self.kwargs)))
        except (RuntimeError, ValueError) as error:
            reason = _misfit(model, self.images[0][None] if isinstance(self.images, list) else self.images)
            if reason is None:
                raise
            raise ValueError(reason) from error


def _own(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def _batches(value: Any) -> Iterator[Tensor | list[Tensor]]:
    if isinstance(value, Tensor):
        if value.ndim >= 3:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _batches(item)
    elif isinstance(value, list) and value and all(isinstance(item, Tensor) and item.ndim == 3 for item in value):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _batches(item)


def _described(value: Any) -> str:
    return f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _misfit(model: nn.Module, images: Tensor) -> str | None:
    """Say why a model can't take a batch of images, where that can be told."""
    weights = next((parameter for parameter in model.parameters() if parameter.is_floating_point()), None)
    if images.ndim == 3 and any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return "expected a batch of images (N, C, H, W), got a tensor of 3 axes: add the batch's by images[None]"
    if weights is None:
        return None
    if images.device != weights.device:
        return (
            f"expected inputs on {weights.device}, where the model is, got inputs on {images.device}: "
            f"move them by images.to({str(weights.device)!r})"
        )
    if not images.is_floating_point() and not images.is_complex():
        return (
            f"expected inputs of floating point, got {images.dtype}: "
            "scale and normalise them as for training, such as images.float() / 255"
        )
    if images.dtype != weights.dtype and not torch.is_autocast_enabled(images.device.type):
        return (
            f"expected inputs of {weights.dtype}, as the model's weights, got {images.dtype}: "
            f"convert them by images.to({weights.dtype})"
        )
    return None
