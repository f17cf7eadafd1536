"""The figures of a benchmark, beside what it prints: `make bench` collects them into RESULTS.md and RESULTS.json."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import numpy as np

FILE = "BENCHMARK_FIGURES"  # names the file that figures are appended to; without it nothing is kept


def record(name: str, value: float, unit: str, low: float | None = None, high: float | None = None) -> None:
    """Keep a figure under a name such as "engine/resnet50/batch 8/ours", with its quartiles where they are known."""
    if path := os.environ.get(FILE):
        figure = {"name": name, "value": value, "unit": unit, "low": low, "high": high}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({key: _rounded(of) for key, of in figure.items()}) + "\n")


def record_all(name: str, values: Sequence[float], unit: str) -> float:
    """Keep the median of measured values, with their quartiles; return the median."""
    low, median, high = (float(one) for one in np.quantile(values, (0.25, 0.5, 0.75)))
    record(name, median, unit, low, high)
    return median


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
