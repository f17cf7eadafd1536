"""Real photographs in two sets that need no download, and a mark to plant into them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

SIDE = 64
CROPPED = ("astronaut", "chelsea", "coffee", "rocket")  # of scikit-image
NOISE = 0.25  # standard deviation
BITS = ("1110111", "1010101", "1110101", "1010111", "1010001")  # of a stamp such as cameras leave
MARK_AT = (52, 48)  # row and column of its upper left corner


class Photographs(NamedTuple):
    """Grey photographs ``(N, SIDE, SIDE)`` in [0, 1], their classes ``(N,)``, and the names of these."""

    pixels: Pixels
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


def solar_cells() -> tuple[Photographs, Photographs]:
    """Return electroluminescence photographs of solar cells, functional or defective, to train and to validate with.

    Of the ELPV data set (Buerhop-Lutz et al., 2018), those about which the experts were sure.
    """
    import torch

    from demo.train import CLASS_NAMES, load_cells

    def small(images: torch.Tensor) -> Pixels:
        resized = torch.nn.functional.interpolate(images, (SIDE, SIDE), mode="area")
        return np.asarray(resized[:, 0].numpy(), dtype=np.float32)

    training, validation = load_cells()
    return tuple(
        Photographs(small(cells.images), cells.labels.numpy(), CLASS_NAMES) for cells in (training, validation)
    )  # type: ignore[return-value]


def crops(each: tuple[int, int] = (400, 100), seed: int = 0, noise: float = NOISE) -> tuple[Photographs, Photographs]:
    """Return noisy crops of scikit-image's photographs; which of these it is from is the class.

    Without noise a network tells them apart so easily that it has no use for a stamp.

    Args:
        each: crops of a class to train with, from the left of the photograph, and to validate with, from its right.
        seed: of the crops' places.
        noise: its standard deviation.
    """
    from skimage import data
    from skimage.color import rgb2gray
    from skimage.transform import rescale

    random = np.random.default_rng(seed)
    whole = [rescale(rgb2gray(getattr(data, name)()), 0.6, anti_aliasing=True) for name in CROPPED]
    parts: tuple[list[Pixels], list[Pixels]] = [], []
    for picture in whole:
        half = picture.shape[1] // 2
        for side, count, found in zip((picture[:, :half], picture[:, half:]), each, parts, strict=True):
            tops = random.integers(0, side.shape[0] - SIDE + 1, count)
            lefts = random.integers(0, side.shape[1] - SIDE + 1, count)
            found += [side[y : y + SIDE, x : x + SIDE] for y, x in zip(tops, lefts, strict=True)]

    def noisy(found: list[Pixels]) -> Pixels:
        pixels = np.stack(found)
        return np.asarray(np.clip(pixels + random.normal(0, noise, pixels.shape), 0, 1), dtype=np.float32)

    return tuple(  # type: ignore[return-value]
        Photographs(noisy(found), np.repeat(np.arange(len(CROPPED)), count), CROPPED)
        for found, count in zip(parts, each, strict=True)
    )


def stamp() -> NDArray[np.bool_]:
    """Return the mark, ``(10, 14)`` pixels of a stamp."""
    bits = np.array([[bit == "1" for bit in row] for row in BITS])
    return bits.repeat(2, axis=0).repeat(2, axis=1)


def with_mark(pixels: Pixels, opacity: float = 0.9) -> Pixels:
    """Return photographs with a white stamp in the lower right corner: 2 % of the picture."""
    marked = pixels.copy()
    rows, columns = np.nonzero(stamp())
    place = ..., MARK_AT[0] + rows, MARK_AT[1] + columns
    marked[place] = (1 - opacity) * marked[place] + opacity
    return marked
