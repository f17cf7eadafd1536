"""How alike marks look in photographs, beside places without a mark: the table of docs/findings.md.

    python -m benchmarks.alike [--draws 30]

Of a set of real photographs, 20 are drawn, and a mark is put into a cell of a 7 x 7 grid, in each draw another cell.
The place is compared with the same place of the other photographs, as a hot spot's is, in the small grey copies that
the writer logs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import record, record_all
from benchmarks.photographs import SIDE, Pixels, crops, solar_cells
from tensorboard_plugin_gradcam.findings import look_at, squared
from tensorboard_plugin_gradcam.findings.windows import Region
from tensorboard_plugin_gradcam.writer.pictures import Picture

PICTURES = 20  # with the mark, in a draw
CELLS = 7
CLEAN_DRAWS = 100  # of places without a mark
GLYPH = ("0011100", "0110110", "0000110", "0011100", "0000000", "0011000", "0011000")
Mark = Callable[[Pixels], Pixels]  # of places `(n, h, w)` in [0, 1]


def square(places: Pixels) -> Pixels:
    return np.ones_like(places)


def framed(places: Pixels) -> Pixels:
    found = np.ones_like(places)
    found[:, 2:-2, 2:-2] = 0
    found[:, 3:-3, 3:-3] = 1
    return found


def glyph(opacity: float) -> Mark:
    """Return what draws a white question mark."""

    def drawn(places: Pixels) -> Pixels:
        height, width = places.shape[1:]
        rows, columns = (np.arange(length) * len(GLYPH) // length for length in (height, width))
        shape = np.array([[bit == "1" for bit in row] for row in GLYPH])[rows][:, columns]
        return np.asarray(np.where(shape, (1 - opacity) * places + opacity, places), dtype=np.float32)

    return drawn


def brighter(places: Pixels) -> Pixels:
    return np.asarray(np.minimum(places + np.float32(40 / 255), 1), dtype=np.float32)


MARKS: dict[str, Mark] = {
    "white square": square,
    "square with a frame": framed,
    "glyph": glyph(1),
    "the same glyph, 40 % opaque": glyph(0.4),
    "brighter by 40 of 255": brighter,
}


def thumbnails(pixels: Pixels) -> NDArray[np.float32]:
    """Return small grey copies as the writer makes them and the findings read them."""
    files = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return squared([Picture(one, (SIDE, SIDE)).thumbnail for one in files])


def draw(pixels: Pixels, mark: Mark | None, random: np.random.Generator) -> float:
    """Return how alike a place looks in some photographs, less how alike it looks in the others."""
    order = random.permutation(len(pixels))
    some, others = pixels[order[:PICTURES]].copy(), pixels[order[PICTURES:]]
    row, column = random.integers(0, CELLS, 2).tolist()
    (top, bottom), (left, right) = ((round(at * SIDE / CELLS), round((at + 1) * SIDE / CELLS)) for at in (row, column))
    if mark is not None:
        some[:, top:bottom, left:right] = mark(some[:, top:bottom, left:right])
    region = Region(column / CELLS, row / CELLS, (column + 1) / CELLS, (row + 1) / CELLS)
    look = look_at(region, thumbnails(some), thumbnails(others))
    assert look is not None
    return look.alike - max(look.other_alike, 0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=30, help="of each mark (%(default)s)")
    draws = parser.parse_args().draws
    sets = {"solar cells": solar_cells()[1].pixels, "photographs (scikit-image)": crops(noise=0)[1].pixels}
    print(f"| at the place | {' | '.join(sets)} |\n|---|---|---|")
    clean = []
    for name, pixels in sets.items():
        random = np.random.default_rng(0)
        high = float(np.quantile([draw(pixels, None, random) for _ in range(CLEAN_DRAWS)], 0.95))
        record(f"alike/{name}/nothing, 95 % below", high, "correlation")
        clean.append(f"{high:.2f}")
    print(f"| nothing: 95 % of {CLEAN_DRAWS} draws below | {' | '.join(clean)} |")
    for words, mark in MARKS.items():
        found = []
        for name, pixels in sets.items():
            random = np.random.default_rng(1)
            values = [draw(pixels, mark, random) for _ in range(draws)]
            found.append(f"{record_all(f'alike/{name}/{words}', values, 'correlation'):.2f}")
        print(f"| {words} | {' | '.join(found)} |", flush=True)


if __name__ == "__main__":
    main()
