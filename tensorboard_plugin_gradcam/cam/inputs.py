"""What a model is given: one batch, several arguments, or a list of images; and words for what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from .hooks import map_tensors


@dataclass(frozen=True)
class Inputs:
    """The arguments of one forward pass, ``model(*args, **kwargs)``.

    Attributes:
        args: by position.
        kwargs: by name.
        image: position or name of the argument that holds the images; None for the first that can.
        space: which axes of an image, without the batch's, are space; None for all but the first.
        shared: positions and names of arguments that are the same for every image, however long they are.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    image: int | str | None = None
    space: tuple[int, ...] | None = None
    shared: frozenset[int | str] = frozenset()

    @classmethod
    def of(cls, value: Any, image: int | str | None = None, shared: Iterable[int | str] = ()) -> Inputs:
        """Read a tuple as positional arguments, a mapping as keyword arguments, anything else as the one argument.

        Raises:
            ValueError: for an empty batch, or where there are no images among the arguments.
        """
        if isinstance(value, tuple):
            args, kwargs = value, {}
        elif isinstance(value, Mapping):
            args, kwargs = (), dict(value)
        else:
            args, kwargs = (value,), {}
        found = cls(args, kwargs, image, None, frozenset(shared))
        if not found.count:
            raise ValueError(f"expected at least one image, got an empty batch {_described(found.images)}")
        return found

    @cached_property
    def images(self) -> Tensor | list[Tensor]:
        """The first batch ``(N, C, ...)`` of floating point, else of integers; or the list of images ``(C, H, W)``."""
        batches = list(_batches(self._meant()))
        for batch in batches:
            if isinstance(batch, list) or batch.is_floating_point():
                return batch
        if not batches:
            given = ", ".join(_described(value) for value in (*self.args, *self.kwargs.values())) or "nothing"
            raise ValueError(
                f"expected a batch of inputs (N, C, ...), a torch tensor, among the model's arguments, got {given}"
            )
        return batches[0]

    def _meant(self) -> Any:
        if self.image is None:
            return [self.args, self.kwargs]
        known: dict[int | str, Any] = dict([*enumerate(self.args), *self.kwargs.items()])
        if self.image not in known:
            raise ValueError(f"expected image= to be one of {', '.join(map(repr, known))}, got {self.image!r}")
        return known[self.image]

    @property
    def form(self) -> tuple[Any, ...]:
        """The arguments' names and shapes, without the numbers."""
        named = [*enumerate(self.args), *self.kwargs.items()]
        return tuple((name, tuple(value.shape) if isinstance(value, Tensor) else type(value)) for name, value in named)

    @property
    def count(self) -> int:
        """Number of images, N."""
        return len(self.images)

    @property
    def size(self) -> tuple[int, ...] | None:
        """Spatial size of the images; None where they differ."""
        sizes = {
            self._size_of(image) for image in ([self.images[0]] if isinstance(self.images, Tensor) else self.images)
        }
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def size_of_first(self) -> tuple[int, ...]:
        """Spatial size of the first image."""
        return self._size_of(self.images[0])

    def _size_of(self, image: Tensor) -> tuple[int, ...]:
        if self.space is None:
            return tuple(image.shape[1:])
        return tuple(image.shape[axis] for axis in self.space)

    def channels_first(self, images: Tensor) -> Tensor:
        """Return images ``(K, ...)``, as the model takes them, with their channels before space."""
        if self.space is None or self.space == tuple(range(1, images.ndim - 1)):
            return images
        channels = [axis for axis in range(images.ndim - 1) if axis not in self.space]
        moved = images.permute(0, *(axis + 1 for axis in (*channels, *self.space)))
        return moved if channels else moved[:, None]

    def as_given(self, images: Tensor) -> Tensor:
        """Return images ``(K, C, ...)`` as the model takes them."""
        if self.space is None or self.space == tuple(range(1, images.ndim - 1)):
            return images
        if len(self.space) == self.images[0].ndim:  # without channels
            images = images[:, 0]
        channels = [axis for axis in range(images.ndim - 1) if axis not in self.space]
        order = [0, *(axis + 1 for axis in (*channels, *self.space))]
        return images.permute([order.index(axis) for axis in range(images.ndim)])

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

        def kept(name: int | str, value: Any) -> Any:
            return value if name in self.shared else chosen(value)

        return replace(
            self,
            args=tuple(kept(position, value) for position, value in enumerate(self.args)),
            kwargs={name: kept(name, value) for name, value in self.kwargs.items()},
        )

    def run(self, model: nn.Module) -> Any:
        """Return what the model makes of them, without touching the caller's tensors.

        Raises:
            ValueError: where the model raised, and the images' type, device or axes tell why.
        """
        own = replace(self, args=map_tensors(_own, self.args), kwargs=map_tensors(_own, dict(self.kwargs)))
        return own.run_as_given(model)

    def run_as_given(self, model: nn.Module) -> Any:
        """Return what the model makes of them, tensors with their graphs; see `run`."""
        try:
            return model(*self.args, **self.kwargs)
        except (RuntimeError, ValueError) as error:
            reason = _misfit(model, self.images[0][None] if isinstance(self.images, list) else self.images)
            if reason is None:
                raise
            raise ValueError(reason) from error


def as_whole_numbers(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Return images rounded to a type of whole numbers; others as they are."""
    if dtype.is_floating_point or images.dtype == dtype:
        return images
    limits = torch.iinfo(dtype)
    return images.round().clamp(limits.min, limits.max).to(dtype)


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
        return "expected a batch of images (N, C, H, W), got a tensor of 3 axes: add a batch axis: images[None]"
    if weights is None:
        return None
    if images.device != weights.device:
        return (
            f"expected inputs on {weights.device}, where the model is, got inputs on {images.device}: "
            f"move them with images.to({str(weights.device)!r})"
        )
    if not images.is_floating_point() and not images.is_complex():
        return (
            f"expected floating-point inputs, got {images.dtype}: "
            "scale and normalize them as for training, such as images.float() / 255"
        )
    if images.dtype != weights.dtype and not torch.is_autocast_enabled(images.device.type):
        return (
            f"expected inputs of {weights.dtype}, as the model's weights, got {images.dtype}: "
            f"convert them with images.to({weights.dtype})"
        )
    return None
