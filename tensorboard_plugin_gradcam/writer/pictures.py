"""Source images of every kind, as pictures ready to be stored."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.normalization import Normalization
from tensorboard_plugin_gradcam.records import THUMBNAIL, digest_of_pixels, seal_picture
from tensorboard_plugin_gradcam.writer.codecs import ImageFormat as ImageFormat
from tensorboard_plugin_gradcam.writer.codecs import decoded, encoded, shrunk

_CHANNELS = (1, 3, 4)
_LAYOUTS = ("HWC", "CHW", "HW", "DHW", "DHWC", "CDHW")
_SLACK = 0.01  # resizing with a cubic kernel overshoots [0, 1] a little


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, ``(H, W)`` grey or ``(H, W, 3)`` RGB, uint8.

    Attributes:
        pixels: as stored.
        native_size: height and width before it was scaled down.
    """

    pixels: NDArray[np.uint8]
    native_size: tuple[int, int]

    @cached_property
    def digest(self) -> str:
        """The name under which it is stored."""
        return digest_of_pixels(self.pixels)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @cached_property
    def thumbnail(self) -> NDArray[np.uint8]:
        """The picture in grey, ``(h, w)``, at most `THUMBNAIL` pixels long: what viewers compare places by."""
        height, width = self.size
        scale = THUMBNAIL / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = shrunk(self.pixels, size) if scale < 1 else self.pixels
        grey = small if small.ndim == 2 else small @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
        return np.rint(grey).astype(np.uint8)

    def encode(self, image_format: ImageFormat) -> bytes:
        """Return the picture's file."""
        if image_format not in get_args(ImageFormat):
            raise ValueError(f"expected image_format among {sorted(get_args(ImageFormat))}, got {image_format!r}")
        return seal_picture(encoded(self.pixels, image_format))


@dataclass(frozen=True)
class Reading:
    """How to read images.

    Attributes:
        normalizations: what was done to their colours, in order.
        layout: "NHWC", "NCHW", "NDHW" and so on, with or without the N; None to tell from the shapes.
        max_size: longer edge in pixels above which pictures are scaled down; None for never.
        volumes: whether each image is a volume, a stack of slices; None to tell from layout and shapes.
    """

    normalizations: tuple[Normalization, ...] = ()
    layout: str | None = None
    max_size: int | None = None
    volumes: bool | None = None

    def __post_init__(self) -> None:
        if self.layout is not None and self.letters not in _LAYOUTS:
            known = ", ".join(f"'N{letters}'" for letters in _LAYOUTS)
            raise ValueError(f"expected dataformats among {known}, got {self.layout!r}")

    @property
    def letters(self) -> str:
        """The layout of one image."""
        return str(self.layout or "").upper().removeprefix("N")

    def are_slices(self, image: NDArray[Any]) -> bool:
        """Tell by the image alone whether it is a volume."""
        if self.volumes is not None:
            return self.volumes
        if self.layout is not None:
            return "D" in self.letters
        if image.ndim == 3:
            return image.shape[0] not in _CHANNELS and image.shape[-1] not in _CHANNELS
        return image.ndim > 3


def read_pictures(images: Any, reading: Reading) -> list[tuple[Picture, ...]]:
    """Return each image's pictures: one, or the slices of a volume.

    Args:
        images: array ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)``, with a depth axis before the height for
            volumes; uint8, or floating point in [0, 1]; or a sequence of single such images, PIL images or paths.
        reading: how to read them.

    Raises:
        ValueError: the shape is no image's, or the values no picture's; a normalized tensor is told as such.
    """
    if isinstance(images, (str, os.PathLike)) or _is_pil(images):
        raise TypeError(f"expected a batch of images, got a single {type(images).__name__}: pass [image]")
    if isinstance(images, Iterable) and not hasattr(images, "ndim"):
        return [_stack(_one(image), reading) for image in images]
    return [_stack(image, reading) for image in to_numpy(images, "images")]


def _is_pil(image: object) -> bool:
    return hasattr(image, "getbands") and hasattr(image, "convert")


def _one(image: Any) -> NDArray[Any]:
    if isinstance(image, (str, os.PathLike)):
        return decoded(os.fspath(image))
    if _is_pil(image):
        grey = image.mode in ("1", "L")
        return np.asarray(image.convert("L" if grey else "RGBA" if "A" in image.getbands() else "RGB"))
    return to_numpy(image, "images")


def _stack(image: NDArray[Any], reading: Reading) -> tuple[Picture, ...]:
    volume = reading.are_slices(image)
    pixels = _to_bytes(_channels_last(image, reading.letters, 3 if volume else 2), reading.normalizations)
    slices: Sequence[NDArray[np.uint8]] = list(pixels) if volume else [pixels]
    if not slices or min(pixels.shape) == 0:
        raise ValueError(f"expected images of at least one pixel, got shape {image.shape}")
    return tuple(_picture(plane, reading.max_size) for plane in slices)


def _channels_last(image: NDArray[Any], letters: str, plain: int) -> NDArray[Any]:
    if image.ndim == plain:
        return image[..., None]
    if image.ndim != plain + 1:
        raise ValueError(f"expected each image to have {plain} axes, or {plain + 1} with channels, got {image.shape}")
    return np.moveaxis(image, 0, -1) if _channels_come_first(image, letters) else image


def _channels_come_first(image: NDArray[Any], letters: str) -> bool:
    if "C" in letters:
        return letters.startswith("C")
    first, last = image.shape[0] in _CHANNELS, image.shape[-1] in _CHANNELS
    if first and last and image.shape[0] != image.shape[-1]:
        raise ValueError(
            f"cannot tell where the channels of an image {image.shape} are: pass dataformats='NCHW' or 'NHWC'"
        )
    if not first and not last:
        raise ValueError(
            f"expected images of 1, 3 or 4 channels, first or last, got shape {image.shape}: choose three to show"
        )
    return first


def _to_bytes(image: NDArray[Any], normalizations: tuple[Normalization, ...]) -> NDArray[np.uint8]:
    """Return the picture as uint8, without a channel axis where it is grey."""
    if image.shape[-1] not in _CHANNELS:
        raise ValueError(f"expected images of 1, 3 or 4 channels, got {image.shape[-1]}: choose three channels to show")
    for step in reversed(normalizations):
        if image.dtype.kind == "f":  # an image of bytes was never normalized
            image = step.undo(image.astype(np.float32), channel_axis=-1)
    pixels = _from_floats(image, bool(normalizations)) if image.dtype.kind == "f" else _from_integers(image)
    if pixels.shape[-1] == 4:
        pixels = _on_white(pixels)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _from_floats(image: NDArray[Any], undone: bool) -> NDArray[np.uint8]:
    low, high = float(image.min(initial=0)), float(image.max(initial=0))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("expected images of finite numbers, got NaN or infinity")
    if low < -_SLACK or high > 1 + _SLACK:
        _complain(low, high, undone)
    pixels: NDArray[np.uint8] = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return pixels


def _complain(low: float, high: float, undone: bool) -> None:
    values = f"values from {low:.3g} to {high:.3g}"
    if undone:
        if low < -0.1 or high > 1.1:
            warnings.warn(
                f"images have {values} after their normalization was undone, and are clipped: check mean= and std=, or "
                "transform=",
                stacklevel=2,
            )
        return
    if low >= 0 and high > 16:
        raise ValueError(f"expected floating-point images in [0, 1], got {values}: divide by 255, or pass uint8")
    raise ValueError(
        f"expected images in [0, 1], got {values}: this looks like a normalized model input. "
        "Pass mean= and std=, or transform= (how it was normalized), to undo it"
    )


def look_normalized(images: Any) -> bool:
    """Say whether images are floating-point numbers that no picture has: below 0, or a little above 1."""
    if isinstance(images, (list, tuple)):
        return any(look_normalized(image) for image in images)
    if not hasattr(images, "dtype") or "float" not in str(images.dtype) or not len(images):
        return False
    low, high = float(images.min()), float(images.max())
    return low < -_SLACK or 1 + _SLACK < high <= 16


def _from_integers(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.dtype == np.bool_:
        return np.asarray(np.where(image, 255, 0), dtype=np.uint8)
    if image.dtype != np.uint8 and image.size and (image.min() < 0 or image.max() > 255):
        raise ValueError(
            f"expected integer images in 0 .. 255, got {image.dtype} from {image.min()} to {image.max()}: "
            "scale them to [0, 1] as floating point"
        )
    return image.astype(np.uint8)


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = pixels[..., 3:].astype(np.float32) / 255
    return np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def _picture(pixels: NDArray[np.uint8], max_size: int | None) -> Picture:
    height, width = pixels.shape[:2]
    scale = 1.0 if max_size is None else max_size / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = shrunk(pixels, size)
    elif pixels.base is not None:
        pixels = pixels.copy()  # not a view of a training batch, which may be reused for the next one
    return Picture(pixels, (height, width))
