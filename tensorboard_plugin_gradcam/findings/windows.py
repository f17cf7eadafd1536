"""The places of a picture that are looked at: rectangles of cells, and the frame around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import Floats, Grid

HIT = 0.5  # of a map's evidence, from which it looks at a window of at most a quarter of the picture
SIDES = (1, 2, 3)  # of the squares, in cells
STRIP, FRAME = 0, -1  # the other shapes


@dataclass(frozen=True)
class Region:
    """A rectangle in fractions of the picture's width and height; with a `hole`, the frame around that."""

    x0: float
    y0: float
    x1: float
    y1: float
    hole: tuple[float, float, float, float] | None = None

    @property
    def area(self) -> float:
        """Share of the picture."""
        inner = 0.0 if self.hole is None else (self.hole[2] - self.hole[0]) * (self.hole[3] - self.hole[1])
        return (self.x1 - self.x0) * (self.y1 - self.y0) - inner

    @property
    def name(self) -> str:
        """The place in words, such as "upper left corner"."""
        if self.hole is not None:
            return "border"
        across = _side(self.x0, self.x1, "left", "right")
        down = _side(self.y0, self.y1, "upper", "lower")
        touches = (self.x0 == 0 or self.x1 == 1) and (self.y0 == 0 or self.y1 == 1)
        if self.x1 - self.x0 == 1:
            return {"upper": "upper edge", "lower": "lower edge"}.get(down, "middle rows")
        if self.y1 - self.y0 == 1:
            return f"{across} edge" if across else "middle columns"
        if across and down:
            return f"{down} {across} {'corner' if touches and self.area < 0.25 else 'quarter'}"
        return f"{down} part" if down else f"{across} part" if across else "center"


def _side(low: float, high: float, first: str, second: str) -> str:
    """Return on which side of the middle an extent lies; "" for about the middle. A half lies on its side."""
    if high <= 0.45 or (low == 0 and high == 0.5):
        return first
    return second if low >= 0.55 or (low == 0.5 and high == 1) else ""


@dataclass(frozen=True, eq=False)
class Windows:
    """The W windows of a grid.

    Attributes:
        cells: ``(g, W)``, 1 where a cell belongs to a window.
        regions: W rectangles.
        mirrors: ``(W, 3)``, the window at the mirrored place, across, down and both; itself where that is the same.
        elsewhere: ``(W, W)``, in each window's column the weights of the windows of its shape that share less than half
            of it, which sum to 1; zeros where there are none. The strips are of one shape; of the frame it is all four.
    """

    cells: Floats
    regions: tuple[Region, ...]
    mirrors: NDArray[np.int64]
    elsewhere: Floats

    def hits(self, shares: Floats, window: int | slice = slice(None)) -> NDArray[np.bool_]:
        """Return which maps ``(..., g)`` look at which window ``(..., W)``, or at one: half of their evidence is there.

        Half of it lies in the frame of a flat map already: a larger window needs half of what a flat map leaves out.
        """
        cells = self.cells[:, window]
        area = cells.mean(axis=0)
        return np.asarray(shares @ cells >= np.where(area > 0.25, (1 + area) / 2, HIT))


@lru_cache(maxsize=32)
def windows_of(grid: Grid) -> Windows:
    """Return squares of 1, 2 and 3 cells, the strip along each edge, and the frame of a grid.

    Strips and frame are a seventh of the picture wide, and at least a cell. No window covers more than half of it.
    """
    height, width = grid
    bands = round(height / 7) or 1, round(width / 7) or 1
    boxes: list[tuple[int, int, int, int]] = [
        (top, left, top + side, left + side)
        for side in SIDES
        for top in range(height - side + 1)
        for left in range(width - side + 1)
    ]
    squares = len(boxes)
    boxes += [(0, 0, bands[0], width), (height - bands[0], 0, height, width)]
    boxes += [(0, 0, height, bands[1]), (0, width - bands[1], height, width)]
    strips = set(boxes[squares:]) - set(boxes[:squares])
    boxes = [box for box in dict.fromkeys(boxes) if 2 * (box[2] - box[0]) * (box[3] - box[1]) <= height * width]
    shapes = [STRIP if box in strips else box[2] - box[0] for box in boxes]
    masks = [_mask(grid, box) for box in boxes]
    regions = [_region(grid, box) for box in boxes]
    inner = (bands[0], bands[1], height - bands[0], width - bands[1])
    if inner[2] > inner[0] and inner[3] > inner[1]:
        hole = _region(grid, inner)
        masks.append(1 - _mask(grid, inner))
        regions.append(Region(0, 0, 1, 1, hole=(hole.x0, hole.y0, hole.x1, hole.y1)))
        shapes.append(FRAME)
    stack = np.stack(masks) if masks else np.zeros((0, height, width), np.float32)
    cells = stack.reshape(len(masks), height * width).T.copy()
    return Windows(cells, tuple(regions), _mirrors(stack), _elsewhere(cells, np.array(shapes)))


def _mask(grid: Grid, box: tuple[int, int, int, int]) -> Floats:
    mask = np.zeros(grid, dtype=np.float32)
    mask[box[0] : box[2], box[1] : box[3]] = 1
    return mask


def _region(grid: Grid, box: tuple[int, int, int, int]) -> Region:
    return Region(box[1] / grid[1], box[0] / grid[0], box[3] / grid[1], box[2] / grid[0])


def _mirrors(masks: Floats) -> NDArray[np.int64]:
    places = {mask.tobytes(): index for index, mask in enumerate(masks)}
    turned = (masks[:, :, ::-1], masks[:, ::-1], masks[:, ::-1, ::-1])
    found = [[places[mask.tobytes()] for mask in turn] for turn in turned]
    return np.array(found, dtype=np.int64).reshape(3, len(masks)).T


def _elsewhere(cells: Floats, shapes: NDArray[np.int64]) -> Floats:
    shared = (cells.T @ cells) / np.maximum(cells.sum(axis=0), 1)  # of each column's window
    others = ((shapes[:, None] == shapes) & (shared < 0.5)).astype(np.float32)
    weights = others / np.maximum(others.sum(axis=0), 1)
    weights[:, shapes == FRAME] = (shapes == STRIP)[:, None]
    return np.asarray(weights, dtype=np.float32)
