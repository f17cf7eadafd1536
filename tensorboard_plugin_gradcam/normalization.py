"""How model inputs were normalized, and how to see the picture again.

What a transform does is read from its attributes: torchvision's presets and `Normalize` (also within `Compose`),
weights, timm's data configuration, Hugging Face's image processors and Albumentations all name their mean and
deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tensorboard_plugin_gradcam.aliases import Numbers


@dataclass(frozen=True)
class Normalization:
    """``input = (picture - mean) / std`` for each channel, the picture in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not self.mean:
            raise ValueError(f"expected as many means as deviations, got mean={self.mean}, std={self.std}")
        if not all(deviation > 0 for deviation in self.std):
            raise ValueError(f"expected standard deviations above 0, got {self.std}")

    def undo(self, inputs: NDArray[np.float32], channel_axis: int) -> NDArray[np.float32]:
        """Return the pictures that were normalized to `inputs`."""
        if len(self.mean) not in (1, inputs.shape[channel_axis]):
            raise ValueError(
                f"expected images of {len(self.mean)} channels for mean={self.mean}, got {inputs.shape[channel_axis]}"
            )
        shape = [1] * inputs.ndim
        shape[channel_axis] = len(self.mean)
        mean, std = (np.asarray(numbers, dtype=np.float32).reshape(shape) for numbers in (self.mean, self.std))
        return inputs * std + mean


def normalizations(
    transform: object | None = None, mean: Numbers | None = None, std: Numbers | None = None
) -> tuple[Normalization, ...]:
    """Return what was done to pictures, in order; nothing where nothing was given.

    Raises:
        TypeError: it is not known how to undo the transform.
        ValueError: both a transform and mean or std, or only one of the latter.
    """
    if transform is not None and (mean is not None or std is not None):
        raise ValueError("expected either transform or mean and std, got both")
    if (mean is None) != (std is None):
        raise ValueError(f"expected both mean and std, or neither, got mean={mean!r}, std={std!r}")
    if mean is not None and std is not None:
        return (_normalization(mean, std),)
    return tuple(_steps(transform)) if transform is not None else ()


def _steps(transform: Any) -> Iterator[Normalization]:
    if isinstance(transform, Normalization):
        yield transform
    elif hasattr(transform, "image_mean") and hasattr(transform, "image_std"):
        yield from _hugging_face(transform)
    elif _is_weights(transform):
        yield from _steps(transform.transforms())
    elif (moments := _moments(transform)) is not None:
        yield _normalization(*moments)
    elif (parts := _parts(transform)) is not None:
        for part in parts:
            yield from _inner_steps(part)
    else:
        raise TypeError(
            f"expected a transform with a known normalization, got {type(transform).__name__}: pass mean= and std= "
            "instead (known are torchvision's presets, Compose and Normalize, timm's data configurations and Hugging "
            "Face's image processors)"
        )


def _inner_steps(part: Any) -> Iterator[Normalization]:
    """Of a composition's parts, those that don't normalize (resize, crop, flip, to tensor) leave the colours alone."""
    known = _moments(part) is not None or _parts(part) is not None or hasattr(part, "image_mean")
    return _steps(part) if known else iter(())


def _is_weights(transform: Any) -> bool:
    return hasattr(transform, "meta") and callable(getattr(transform, "transforms", None))


def _moments(transform: Any) -> tuple[ArrayLike, ArrayLike] | None:
    if isinstance(transform, Mapping):
        pair = transform.get("mean"), transform.get("std")
    else:
        pair = getattr(transform, "mean", None), getattr(transform, "std", None)
    mean, std = pair
    return None if mean is None or std is None or callable(mean) else (mean, std)


def _parts(transform: Any) -> Iterable[Any] | None:
    parts = getattr(transform, "transforms", None)
    if parts is None and type(transform).__name__ == "Sequential":
        parts = transform
    return parts if isinstance(parts, Iterable) else None


def _normalization(mean: Any, std: Any) -> Normalization:
    means, deviations = (np.atleast_1d(np.asarray(numbers, dtype=np.float64)).ravel() for numbers in (mean, std))
    return Normalization(tuple(means.tolist()), tuple(deviations.tolist()))


def _hugging_face(processor: Any) -> Iterator[Normalization]:
    """Rescaling is a normalization too: ``input = byte * factor = picture / (1 / (255 * factor))``."""
    factor = getattr(processor, "rescale_factor", None) or 1 / 255
    scale = 1.0 / (255 * factor) if getattr(processor, "do_rescale", True) else 1.0 / 255
    if abs(scale - 1) > 1e-6:
        yield Normalization((0.0,), (scale,))
    if getattr(processor, "do_normalize", True) and processor.image_mean is not None:
        yield _normalization(processor.image_mean, processor.image_std)
