"""When to log: every so many steps or seconds."""

from __future__ import annotations

import re
import time
from datetime import timedelta

Every = int | str | timedelta | None

_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600}


def interval(every: Every) -> tuple[int | None, float | None]:
    """Return steps or seconds between two records: 50 means steps; "30s", "5min", "1h" or a `timedelta` mean time."""
    if every is None:
        return None, None
    if isinstance(every, timedelta):
        return None, _positive(every.total_seconds(), every)
    if isinstance(every, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|m|h)\s*", every)
        if not found:
            raise ValueError(f"expected every as steps (50) or time ('30s', '5min', '1h'), got {every!r}")
        return None, _positive(float(found[1]) * _UNITS[found[2]], every)
    if isinstance(every, bool) or not isinstance(every, int):
        raise TypeError(f"expected every as an int (steps), a str or a timedelta (time), got {every!r}")
    return int(_positive(every, every)), None


def _positive(value: float, every: Every) -> float:
    if value <= 0:
        raise ValueError(f"expected every above 0, got {every!r}")
    return value


class Schedule:
    """Tells at which steps it is time to log: at the first, and whenever the interval has passed."""

    def __init__(self, every: Every) -> None:
        self._steps, self._seconds = interval(every)
        self._last_step: int | None = None
        self._last_time = 0.0

    def is_due(self, step: int) -> bool:
        """Return whether to log at this step. A step that is below the last one starts anew: training was restarted."""
        if self._last_step is None or step < self._last_step:
            return True
        if self._steps is not None:
            return step // self._steps > self._last_step // self._steps
        return self._seconds is None or time.monotonic() - self._last_time >= self._seconds

    def done(self, step: int) -> None:
        """Note that a step was logged."""
        self._last_step, self._last_time = step, time.monotonic()
