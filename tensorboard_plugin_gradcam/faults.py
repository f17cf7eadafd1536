"""The rule that a training is never ended: from its first call on, an error of ours is a warning, and training goes on.

`Faults` is the one mechanism for logger, probe and integrations. Each cause is warned of once, then counted; where the
user's filters turn warnings into errors, Python's `logging` is told instead. `KeyboardInterrupt` and `SystemExit` pass.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

OnError = Literal["warn", "raise"]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class GradCAMWarning(UserWarning):
    """A Grad-CAM log lacks something, or could not be written; training continues."""


def warn(message: str) -> None:
    """Warn at the user's own line; through `logging` where filters turn warnings into errors."""
    try:
        warnings.warn(message, GradCAMWarning, stacklevel=_frames_of_ours())
    except GradCAMWarning:
        logging.getLogger("tensorboard_plugin_gradcam").warning(message)


def _frames_of_ours() -> int:
    """Return the stack level of the first frame above `warn` that is not this package's, for `warnings.warn` there."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    return level


def _is_ours(path: str) -> bool:
    return path.startswith(_PACKAGE) or os.path.basename(path) in ("contextlib.py", "weakref.py")


def checked_on_error(on_error: OnError) -> OnError:
    """Return it, or raise an error where it is none."""
    if on_error not in get_args(OnError):
        raise ValueError(f"expected on_error 'warn' or 'raise', got {on_error!r}")
    return on_error


class Faults:
    """What becomes of errors within one logger or callback, and how often each was met.

    Args:
        on_error: "warn" as described above; "raise" lets them pass, for tests.
    """

    def __init__(self, on_error: OnError = "warn") -> None:
        self.on_error = checked_on_error(on_error)
        self._counts: Counter[str] = Counter()
        self._places: dict[str, str] = {}

    @property
    def are_raised(self) -> bool:
        """Whether errors pass."""
        return self.on_error == "raise"

    @contextmanager
    def caught(self, place: str, notes: list[str] | None = None) -> Iterator[None]:
        """Turn an exception in the block into a warning.

        Args:
            place: what was being done, such as "step 40 of 'val'".
            notes: where to put down what happened, for the step's record.
        """
        try:
            yield
        except Exception as error:
            if self.are_raised:
                raise
            if notes is not None:
                notes.append(reason(error))
            self.tell(place, error)

    def tell(self, place: str, error: Exception | str) -> None:
        """Warn of an error, once for each cause."""
        text = reason(error)
        cause = cause_of(text)
        self._counts[cause] += 1
        if self._counts[cause] == 1:
            self._places[cause] = f"Grad-CAM, {place}: {text}"
            warn(f"{self._places[cause]} (training continues; on_error='raise' raises the exception)")

    def sum_up(self) -> None:
        """Warn of what happened again after it was warned of, and count from 0."""
        for cause, count in self._counts.items():
            if count > 1:
                warn(f"{self._places[cause]}: this happened {count} times")
        self._counts.clear()


def cause_of(text: str) -> str:
    """Return what an error's words share with those of the next step."""
    return re.sub(r"\d+", "#", text)


def reason(error: Exception | str) -> str:
    """Return an error's words in one line, with its type where the words alone would not tell."""
    if isinstance(error, str):
        return error
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
