"""Four pictures in one: whether a map of a class lies on the picture that it is of. It needs no ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mosaic:
    """Four pictures: top left, top right, bottom left, bottom right.

    Attributes:
        pictures: indices of the pictures; one may occur several times.
        asked: the quarters whose maps are computed.
    """

    pictures: tuple[int, int, int, int]
    asked: tuple[int, ...]


def mosaics(classes: Sequence[int]) -> list[Mosaic]:
    """Return mosaics in which each picture is explained once, among pictures of other classes.

    Four pictures of four classes make one mosaic, in which all are explained; a remaining picture is surrounded by any
    pictures of other classes. There are no mosaics if all pictures have the same class.

    Args:
        classes: the pictures' classes.
    """
    left = list(range(len(classes)))
    found: list[Mosaic] = []
    while four := _four(left, classes):
        found.append(Mosaic(four, (0, 1, 2, 3)))
        left = [picture for picture in left if picture not in four]
    for number, picture in enumerate(left):
        others = [other for other in range(len(classes)) if classes[other] != classes[picture]]
        if others:
            around = [others[(number + turn) % len(others)] for turn in range(3)]
            place = number % 4
            around.insert(place, picture)
            found.append(Mosaic((around[0], around[1], around[2], around[3]), (place,)))
    return found


def _four(pictures: Sequence[int], classes: Sequence[int]) -> tuple[int, int, int, int] | None:
    first: dict[int, int] = {}
    for picture in pictures:
        first.setdefault(classes[picture], picture)
    chosen = list(first.values())[:4]
    return (chosen[0], chosen[1], chosen[2], chosen[3]) if len(chosen) == 4 else None


def quarters(height: int, width: int) -> list[tuple[slice, slice]]:
    """Return the quarters of a picture, in the order of `Mosaic.pictures`."""
    rows = slice(0, height // 2), slice(height // 2, height)
    columns = slice(0, width // 2), slice(width // 2, width)
    return [(row, column) for row in rows for column in columns]


def share_in_quarter(maps: NDArray[Any], quarter: Sequence[int]) -> Floats:
    """Return the share of each map's positive evidence that lies in the quarter of its own picture, in [0, 1].

    Arias-Duart et al. (2022, eq. 1: Focus, https://arxiv.org/abs/2109.15035); Böhle et al. (2021, sec. 4.1: grid
    pointing game, https://arxiv.org/abs/2104.00032). Costs about one explained pass for four pictures, and a quarter of
    an inference for each. 0.25 is chance, above 0.5 is good; only pictures that the network still classifies as their
    class at half size count.

    Args:
        maps: ``(M, h, w)``, raw; a cell across the middle is split between the quarters by area.
        quarter: ``(M,)``, which one, from 0 to 3.
    """
    positive = np.maximum(np.asarray(maps, np.float64), 0)
    rows, columns = (_halves(cells) for cells in positive.shape[1:])
    inside = np.array([rows[at // 2] @ map_ @ columns[at % 2] for map_, at in zip(positive, quarter, strict=True)])
    total = positive.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(np.isfinite(total) & (total > 0), inside / total, np.nan))


def _halves(cells: int) -> tuple[Floats, Floats]:
    """Return how much of each cell lies in the first and in the second half of an axis."""
    first = np.clip(cells / 2 - np.arange(cells), 0, 1)
    return first, 1 - first
