"""Which steps stand for all where there is no room for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Step = TypeVar("Step")


def evenly(steps: Sequence[Step], most: int) -> list[Step]:
    """Return at most `most` of the steps, spread evenly, the first and the last among them; of one, the last."""
    if len(steps) <= most:
        return list(steps)
    if most < 2:
        return list(steps[len(steps) - most :])
    return [steps[round(place)] for place in np.linspace(0, len(steps) - 1, most).tolist()]
