"""The inputs of a Keras model: one batch, or several in a list or a mapping, of which one holds the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class KerasInputs:
    """The inputs of one forward pass.

    Attributes:
        arrays: by name or position; None for the only one.
        image: key of the images among them.
        kind: the container they came in: list, tuple or dict; object for a single array.
    """

    arrays: dict[Any, Array]
    image: Any
    kind: type

    @classmethod
    def of(cls, value: Any) -> KerasInputs:
        """Read an array, or a list, tuple or mapping of them.

        Raises:
            ValueError: none of them can be a batch of images.
        """
        arrays: dict[Any, Array]
        kind: type
        if isinstance(value, Mapping):
            arrays, kind = {key: to_numpy(item, "inputs") for key, item in value.items()}, dict
        elif isinstance(value, (list, tuple)) and all(hasattr(item, "shape") for item in value):
            arrays, kind = {key: to_numpy(item, "inputs") for key, item in enumerate(value)}, type(value)
        else:
            arrays, kind = {None: to_numpy(value, "inputs")}, object
        images = [key for key, array in arrays.items() if array.ndim >= 3]
        floats = [key for key in images if arrays[key].dtype.kind == "f"]
        if not images:
            shapes = ", ".join(str(array.shape) for array in arrays.values())
            raise ValueError(f"expected a batch of inputs (N, ..., channels), got shape {shapes}")
        return cls(arrays, (floats or images)[0], kind)

    @property
    def images(self) -> Array:
        """The images, ``(N, ...)``."""
        return self.arrays[self.image]

    @property
    def others(self) -> dict[Any, Array]:
        """All other inputs."""
        return {key: array for key, array in self.arrays.items() if key != self.image}

    def rows(self, rows: Sequence[int], images: Array | None = None) -> KerasInputs:
        """Return the inputs of some samples, which may repeat, by default with their own images."""
        count, index = len(self.images), np.asarray(rows)
        arrays = {key: array[index] if len(array) == count else array for key, array in self.arrays.items()}
        if images is not None:
            arrays[self.image] = images
        return KerasInputs(arrays, self.image, self.kind)

    def given(self, images: Any = None, others: Mapping[Any, Any] | None = None) -> Any:
        """Return the inputs as the model takes them; pass tensors to replace arrays."""
        values = {**self.arrays, **(others or {})}
        if images is not None:
            values[self.image] = images
        if self.kind is dict:
            return values
        if self.kind is object:
            return values[None]
        return self.kind(values[key] for key in sorted(values))
