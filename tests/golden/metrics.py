"""Write metrics.json: maps with their metrics, worked out by plain loops: `python -m tests.golden.metrics`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("metrics.json")
FINE = 96
Grid = list[list[float]]


def evidence(case: dict[str, Any]) -> Grid:
    """Return each cell's evidence: the positive part, the magnitude, or the sum of the colours' magnitudes."""
    rows, columns = case["rows"], case["columns"]
    channels = len(case["values"]) // (rows * columns)
    found = []
    for row in range(rows):
        found.append([])
        for column in range(columns):
            at = (row * columns + column) * channels
            cells = [0.0 if value is None else value for value in case["values"][at : at + channels]]
            found[-1].append(max(cells[0], 0.0) if case["kind"] == "positive" else sum(abs(cell) for cell in cells))
    return found


def at(grid: Grid, y: float, x: float) -> float:
    """Interpolate at a place, fractions of the picture."""
    rows, columns = len(grid), len(grid[0])
    down = min(max(y * rows - 0.5, 0), rows - 1)
    across = min(max(x * columns - 0.5, 0), columns - 1)
    top, left = math.floor(down), math.floor(across)
    bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
    above = grid[top][left] * (1 - across + left) + grid[top][right] * (across - left)
    below = grid[bottom][left] * (1 - across + left) + grid[bottom][right] * (across - left)
    return above * (1 - down + top) + below * (down - top)


def is_true(truth: dict[str, Any], y: float, x: float) -> bool:
    """Say whether a place lies in the mask, or else in one of the boxes."""
    mask = truth.get("mask")
    if mask:
        row = min(math.floor(y * mask["height"]), mask["height"] - 1)
        column = min(math.floor(x * mask["width"]), mask["width"] - 1)
        return mask["cells"][row * mask["width"] + column] != 0
    return any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in truth["boxes"])


def metrics(case: dict[str, Any]) -> dict[str, float | None]:
    """Return the metrics of one case by plain loops; None where there is none."""
    grid, truth = evidence(case), case["truth"]
    rows, columns = case["rows"], case["columns"]
    cells = [value for row in grid for value in row]
    names = ("entropy", "coverage", "pointing_game", "energy_inside", "iou")
    found: dict[str, float | None] = dict.fromkeys(names)
    most = max(cells)
    if most == 0:
        return found
    shares = [value / sum(cells) for value in cells if value > 0]
    found["entropy"] = abs(sum(p * math.log(p) for p in shares)) / math.log(len(cells)) if len(cells) > 1 else 0.0
    found["coverage"] = sum(value >= most / 2 for value in cells) / len(cells)
    if truth is None:
        return found
    peak = cells.index(most)
    found["pointing_game"] = float(is_true(truth, (peak // columns + 0.5) / rows, (peak % columns + 0.5) / columns))
    times = max(FINE // max(rows, columns), 1)
    inside = total = both = either = true = 0.0
    for row in range(rows * times):
        for column in range(columns * times):
            y, x = (row + 0.5) / (rows * times), (column + 0.5) / (columns * times)
            value, in_truth = at(grid, y, x), is_true(truth, y, x)
            inside, total, true = inside + value * in_truth, total + value, true + in_truth
            covered = value >= most / 2
            both, either = both + (covered and in_truth), either + (covered or in_truth)
    if true:
        found["energy_inside"], found["iou"] = inside / total, both / either
    return found


def case(name: str, kind: str, rows: int, columns: int, values: list[float | None], truth: Any = None) -> Any:
    """Return a case with its metrics."""
    found = {"name": name, "kind": kind, "rows": rows, "columns": columns, "values": values, "truth": truth}
    return found | {"metrics": metrics(found)}


def wave(count: int, shift: float = 0.0) -> list[float]:
    """Return numbers of both signs."""
    return [round(math.sin(index * 1.7 + shift) * (1 + index % 5), 3) for index in range(count)]


def boxes(*edges: tuple[float, float, float, float]) -> dict[str, Any]:
    """Return ground truth of boxes."""
    return {"boxes": [list(box) for box in edges]}


def mask(height: int, width: int, *cells: int) -> dict[str, Any]:
    """Return ground truth of a mask."""
    return {"boxes": [[0, 0, 1, 1]], "mask": {"height": height, "width": width, "cells": list(cells)}}


def cases() -> list[Any]:
    """Return all cases."""
    return [
        case("one cell of four", "positive", 2, 2, [1, 0, 0, 0]),
        case("flat", "positive", 2, 2, [3, 3, 3, 3]),
        case("exactly half of the maximum is covered", "positive", 2, 2, [2, 1, 0.9, -5]),
        case("a map of one cell", "positive", 1, 1, [2], boxes((0, 0, 0.5, 1))),
        case("no positive evidence", "positive", 2, 2, [-1, -2, 0, -3], boxes((0, 0, 1, 1))),
        case("not finite", "positive", 2, 3, [1, None, 2, None, 0.5, 4], boxes((0.5, 0, 1, 1))),
        case("nothing finite", "positive", 1, 2, [None, None], boxes((0, 0, 1, 1))),
        case("signed", "signed", 3, 4, wave(12), boxes((0.2, 0.1, 0.9, 0.6))),
        case("colours", "rgb", 3, 3, wave(27, 1), boxes((0, 0, 0.4, 0.4))),
        case("7 x 7 and a box", "positive", 7, 7, wave(49, 2), boxes((0.1, 0.2, 0.55, 0.7))),
        case("two boxes that overlap", "positive", 7, 7, wave(49, 3), boxes((0, 0, 0.5, 0.5), (0.4, 0.3, 1, 1))),
        case("an edge on the peak's centre is within at the start", "positive", 1, 2, [0, 1], boxes((0.75, 0, 1, 1))),
        case("and without at the end", "positive", 1, 2, [1, 0], boxes((0, 0, 0.25, 1))),
        case("the first of two equal peaks", "positive", 1, 4, [0, 2, 2, 0], boxes((0.5, 0, 1, 1))),
        case("a mask stands before boxes", "positive", 5, 4, wave(20, 4), mask(2, 3, 0, 0, 1, 255, 0, 0)),
        case("a box between the points", "positive", 4, 4, wave(16), boxes((0.5001, 0.5001, 0.5002, 0.5002))),
        case("larger than the grid", "positive", 2, 120, wave(240, 5), boxes((0.3, 0, 0.6, 0.5))),
        case("wide", "positive", 3, 14, wave(42, 6), boxes((0.25, 0.25, 0.75, 0.75))),
    ]  # fmt: skip


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(one) for one in cases()) + "\n]\n")
