"""Drawn pictures of small hardware on a brushed plate, the same at each call."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

CLASS_NAMES = ("bolt", "nut", "washer")
SIDE = 128  # pixels of a picture
STICKER = (6, 6, 26, 22)  # x0, y0, x1, y1 in pixels: 2 % of the picture

_SCALE = 2  # shapes are drawn larger, then made smaller: smooth edges
_DARKNESS = 0.7  # of shadows


class Pictures(NamedTuple):
    """Pictures ``(N, 128, 128, 3)``, uint8, class indices ``(N,)``, and the objects' boxes ``(N, 4)`` in pixels."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float64]


def drawn(count: int, seed: int) -> Pictures:
    """Draw pictures of all classes in turn."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASS_NAMES)
    images, boxes = zip(*(_picture(CLASS_NAMES[label], random) for label in labels), strict=True)
    return Pictures(np.stack(images), labels, np.array(boxes))


def with_sticker(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pictures with a white sticker in the upper left corner, as a batch number might be stuck on."""
    x0, y0, x1, y1 = STICKER
    sticker = np.full((y1 - y0, x1 - x0, 3), 246, np.uint8)
    sticker[4:-4:4, 3:-3] = 70
    images = images.copy()
    images[:, y0:y1, x0:x1] = sticker
    return images


def _picture(name: str, random: np.random.Generator) -> tuple[NDArray[np.uint8], list[float]]:
    radius = SIDE * random.uniform(0.15, 0.2)
    middle = random.uniform(0.36 * SIDE, 0.64 * SIDE, 2)
    large = Image.new("L", (_SCALE * SIDE, _SCALE * SIDE))
    _SHAPES[name](ImageDraw.Draw(large), _SCALE * middle, _SCALE * radius, random.uniform(0, 2 * math.pi))
    inner = large.filter(ImageFilter.MinFilter(5))
    shape, face = (one.resize((SIDE, SIDE), Image.Resampling.BOX) for one in (large, inner))
    shadow = np.asarray(ImageChops.offset(shape, 3, 2).filter(ImageFilter.GaussianBlur(2.5)))
    picture = _plate(random)
    for color, cover in (
        (np.array([28, 30, 34]), _DARKNESS * shadow),
        (np.array([92, 95, 101]), np.asarray(shape)),
        (_lit(middle, random), np.asarray(face)),
    ):
        picture += (color - picture) * (cover[..., None] / 255)
    box = [edge / _SCALE for edge in large.getbbox() or (0, 0, *large.size)]
    return picture.clip(0, 255).astype(np.uint8), box


def _plate(random: np.random.Generator) -> NDArray[np.float64]:
    """Return brushed metal ``(128, 128, 3)``: noise that is long in one direction, under uneven light."""
    brushed = np.cumsum(random.standard_normal((SIDE, SIDE + 12)), axis=1)
    brushed = (brushed[:, 12:] - brushed[:, :-12]) / math.sqrt(12)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    across, down = random.uniform(-26, 26, 2)
    light = 112 + 9 * brushed + across * x + down * y + random.uniform(-14, 14)
    return np.asarray(light[..., None] * np.array([0.96, 1.0, 1.05]) * random.uniform(0.97, 1.03, 3))


def _lit(middle: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return metal that is brighter on one side."""
    angle = random.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:SIDE, :SIDE]
    slope = ((x - middle[0]) * math.cos(angle) + (y - middle[1]) * math.sin(angle)) / SIDE
    return np.asarray((1 + 0.5 * slope)[..., None] * np.array([198, 200, 204]))


def _bolt(draw: ImageDraw.ImageDraw, middle: NDArray[np.float64], radius: float, angle: float) -> None:
    along, across = _axes(angle)
    length, thick = 2.1 * radius, 0.42 * radius
    tail, neck = middle + along * length * 0.6, middle - along * length * 0.35
    draw.polygon(_corners(neck, tail, across * thick), fill=255)
    draw.polygon(_corners(neck - along * radius * 0.55, neck, across * radius * 0.85), fill=255)
    for share in np.linspace(0.3, 1, 7):  # the thread
        draw.line(_line(neck + (tail - neck) * share, across * thick * 1.25), fill=255, width=4)


def _nut(draw: ImageDraw.ImageDraw, middle: NDArray[np.float64], radius: float, angle: float) -> None:
    corners = [middle + radius * _axes(angle + turn * math.pi / 3)[0] for turn in range(6)]
    draw.polygon([tuple(corner) for corner in corners], fill=255)
    _hole(draw, middle, 0.45 * radius)


def _washer(draw: ImageDraw.ImageDraw, middle: NDArray[np.float64], radius: float, angle: float) -> None:
    del angle  # it is round
    draw.ellipse([*(middle - radius), *(middle + radius)], fill=255)
    _hole(draw, middle, 0.66 * radius)


_SHAPES = {"bolt": _bolt, "nut": _nut, "washer": _washer}


def _hole(draw: ImageDraw.ImageDraw, middle: NDArray[np.float64], radius: float) -> None:
    draw.ellipse([*(middle - radius), *(middle + radius)], fill=0)


def _axes(angle: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along = np.array([math.cos(angle), math.sin(angle)])
    return along, np.array([-along[1], along[0]])


def _corners(
    start: NDArray[np.float64], end: NDArray[np.float64], half: NDArray[np.float64]
) -> list[tuple[float, ...]]:
    return [tuple(corner) for corner in (start + half, end + half, end - half, start - half)]


def _line(middle: NDArray[np.float64], half: NDArray[np.float64]) -> list[float]:
    return [*(middle - half), *(middle + half)]
