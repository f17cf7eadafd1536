"""From a raw map to a picture: the reference for what the tab draws.

A *map* is raw, signed and in the layer's own resolution ``(h, w)``. A *mask* is a map scaled to [0, 1] and resized to
the image. The order is the tab's: rectify each cell, interpolate bilinearly (OpenCV's ``INTER_LINEAR``, half-pixel
centres), scale to the range that is shown, apply gamma, cut at the threshold, colour, blend.

Blending keeps the colours true: the photograph is drawn in dimmed greys, so that no colour of its own mixes with the
heat's, and the heat is opaque from two thirds of the range on, so that what stands out has exactly the colour bar's
colour on any photograph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.pixels import Pixels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from tensorboard_plugin_gradcam.aliases import Array, PILImage

ColorMap = Literal["inferno", "viridis", "magma", "cividis", "turbo", "gray", "jet", "diverging"]
Alpha = Literal["value", "constant"]
Photo = Literal["gray", "color"]

# Between black and white photographs, a mask of 0.5 then differs by a CIEDE2000 of 8.6, and from 0.5 on every colour of
# inferno is at least 24.8 from every grey that a photograph can have.
DARKEST, DIMMED = 18.0, 0.6
RAMP_START, RAMP_END = 0.05, 0.66


def value_range(map_: ArrayLike, signed: bool = False) -> tuple[float, float]:
    """Return the raw values of a mask's 0 and 1 if the map is scaled by itself.

    For a map of positive evidence, these are the rectified minimum and maximum; for a signed map, a range symmetric
    around 0, so that 0 is always the middle. Non-finite cells are ignored.
    """
    cells = np.asarray(map_, dtype=np.float32)
    cells = cells[np.isfinite(cells)]
    if cells.size == 0:
        return 0.0, 0.0
    if signed:
        peak = float(np.abs(cells).max())
        return -peak, peak
    return float(max(cells.min(), 0.0)), float(max(cells.max(), 0.0))


def mask(
    map_: ArrayLike | Array,
    size: tuple[int, int],
    *,
    limits: tuple[float, float] | None = None,
    signed: bool = False,
    smooth: bool = True,
) -> NDArray[np.float32]:
    """Scale a map ``(h, w)`` to [0, 1] and resize it to ``size = (H, W)``.

    Args:
        map_: raw values; non-finite cells count as the lower limit.
        size: height and width of the mask in pixels.
        limits: raw values of 0 and 1; the map's own `value_range` by default.
        signed: keep negative values (0.5 is then raw 0) instead of rectifying them.
        smooth: interpolate bilinearly; otherwise every pixel shows its cell.

    Returns:
        ``(H, W)``, float32. A flat map (equal limits) is all 0, or all 0.5 where `signed`.
    """
    import cv2

    cells = to_numpy(map_, "map_").astype(np.float32)
    if cells.ndim != 2:
        raise ValueError(f"expected a map of shape (h, w), got {cells.shape}")
    low, high = value_range(cells, signed) if limits is None else limits
    cells = np.where(np.isfinite(cells), cells, np.float32(low))
    if not signed:
        cells = np.maximum(cells, 0)
    if not high > low:
        return np.full(size, 0.5 if signed else 0.0, dtype=np.float32)
    height, width = size
    interpolation = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    resized = cv2.resize(cells, (width, height), interpolation=interpolation)
    scaled: NDArray[np.float32] = np.clip((resized - np.float32(low)) / np.float32(high - low), 0, 1)
    return scaled


def color_table(name: ColorMap) -> NDArray[np.uint8]:
    """Return a color map's 256 colors, ``(256, 3)``, RGB: OpenCV's; "diverging" runs from blue over white to red."""
    import cv2

    if name == "gray":
        return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    if name == "diverging":
        positions = np.linspace(0, 1, 256)
        stops = [0.0, 0.25, 0.5, 0.75, 1.0]
        channels = ([5, 103, 247, 239, 103], [48, 169, 247, 138, 0], [97, 207, 247, 98, 31])  # ColorBrewer's RdBu
        table = np.stack([np.interp(positions, stops, channel) for channel in channels], axis=1)
        return np.rint(table).astype(np.uint8)
    codes = {"inferno", "viridis", "magma", "cividis", "turbo", "jet"}
    if name not in codes:
        raise ValueError(f"expected a color map among {sorted(codes | {'gray', 'diverging'})}, got {name!r}")
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    bgr = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{name.upper()}"))
    return np.ascontiguousarray(bgr[:, 0, ::-1])


def heatmap(mask: NDArray[np.float32], colormap: ColorMap) -> NDArray[np.float32]:
    """Color a mask ``(H, W)`` in [0, 1]: ``(H, W, 3)`` RGB in [0, 255], linear between a color map's 256 colors.

    Linear, not nearest: 8-bit values often fall midway between two colors, and rounding would then decide.
    """
    table = color_table(colormap).astype(np.float32)
    place = mask * np.float32(255)
    lower = np.minimum(place.astype(np.int32), 254)
    between: NDArray[np.float32] = (place - lower)[:, :, None]
    colors: NDArray[np.float32] = table[lower] * (1 - between) + table[lower + 1] * between
    return colors


def dimmed_gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw an RGB image ``(H, W, 3)`` in grays from 18 to 171, on which a heatmap stands out; three equal channels."""
    luma = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    gray = np.rint(np.float32(DARKEST) + np.float32(DIMMED) * luma).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


def heat_weight(strength: NDArray[np.float32], opacity: float = 1.0) -> NDArray[np.float32]:
    """Return a heatmap's opacity, from 0 to 1, at a mask value: a smoothstep.

    Less opacity moves the ramp up instead of making everything paler: at 1 it runs from 0.05 to 0.66, at 0.5 from 0.525
    to 0.83, at 0 nothing is left. At any opacity above 0, the peak keeps the color that the color bar shows for it.
    """
    if opacity <= 0:
        return np.zeros_like(strength)
    start, end = (np.float32(1 - (1 - edge) * opacity) for edge in (RAMP_START, RAMP_END))
    way = np.clip((strength - start) / (end - start), 0, 1)
    weight: NDArray[np.float32] = way * way * (3 - 2 * way)
    return weight


def overlay(
    image: NDArray[Any] | Array | PILImage,
    map_: ArrayLike | Array,
    *,
    colormap: ColorMap | None = None,
    opacity: float = 1.0,
    alpha: Alpha = "value",
    photo: Photo = "gray",
    threshold: float = 0.0,
    gamma: float = 1.0,
    limits: tuple[float, float] | None = None,
    signed: bool = False,
    smooth: bool = True,
) -> Pixels:
    """Blend a map's heatmap over an image.

    Args:
        image: ``(H, W, 3)`` or ``(3, H, W)`` RGB, or ``(H, W)`` gray, uint8 or floating point in [0, 1]: an array, a
            tensor of any framework, or a PIL image.
        map_: raw map ``(h, w)``, of any resolution.
        colormap: inferno by default, diverging where `signed`.
        opacity: in [0, 1]: how much of the photograph is covered (see `heat_weight`) or, with "constant", the weight.
        alpha: "value" lets the heatmap fade out where the mask is low (for signed maps: near 0); "constant" blends it
            evenly over everything, which mixes its colors with the photograph's.
        photo: "gray" draws the photograph in dimmed grays under the heatmap, "color" unchanged. Signed maps are always
            drawn on gray: their pale middle would look like a part of the photograph.
        threshold: mask values below it (for signed maps: distances from 0) stay clear, in [0, 1].
        gamma: the mask is raised to this power before coloring; ignored for signed maps.
        limits: as in `mask`.
        signed: as in `mask`.
        smooth: as in `mask`.

    Returns:
        ``(H, W, 3)`` RGB, uint8: an array that a notebook displays as a picture.
    """
    picture = _photo(image)
    if photo == "gray" or signed:
        picture = dimmed_gray(picture)
    values = mask(map_, (picture.shape[0], picture.shape[1]), limits=limits, signed=signed, smooth=smooth)
    strength = np.abs(values * 2 - 1) if signed else values
    if not signed and gamma != 1.0:
        values = values ** np.float32(gamma)
    heat = heatmap(values, colormap or ("diverging" if signed else "inferno"))
    shown = strength if signed else values
    weight: Any = heat_weight(shown, opacity) if alpha == "value" else np.full_like(shown, opacity)
    weight = np.where(strength >= threshold, weight, 0)[:, :, None]
    blended: Pixels = np.rint(picture * (1 - weight) + heat * weight).astype(np.uint8).view(Pixels)
    return blended


def _photo(image: Any) -> NDArray[np.uint8]:
    """Return a picture of any kind as ``(H, W, 3)`` of uint8."""
    pixels = np.asarray(image.convert("RGB")) if hasattr(image, "getbands") else to_numpy(image, "image")
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3) and pixels.shape[0] in (1, 3):
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.dtype.kind == "f":
        low, high = float(pixels.min(initial=0)), float(pixels.max(initial=0))
        if not (low >= -0.01 and high <= 1.01):
            raise ValueError(f"expected an image of uint8, or in [0, 1], got values from {low:.3g} to {high:.3g}")
        pixels = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3)):
        raise ValueError(f"expected an image (H, W, 3) or (H, W) of uint8, got {pixels.shape} of {pixels.dtype}")
    return np.repeat(
        pixels.reshape(*pixels.shape[:2], -1), 3 if pixels.size == pixels.shape[0] * pixels.shape[1] else 1, 2
    )
