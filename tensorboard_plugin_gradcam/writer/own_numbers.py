"""Numbers of the user's own: for each sample and step, by a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.aliases import Numbers
from tensorboard_plugin_gradcam.arrays import numbers as numbers_of
from tensorboard_plugin_gradcam.faults import reason

OwnNumbers: TypeAlias = "Mapping[str, Numbers]"

MOST_NAMES = 100  # of one call: each is a series of its own


def own_numbers(given: OwnNumbers | None, count: int, notes: list[str] | None = None) -> dict[str, NDArray[np.float32]]:
    """Return numbers by their names, each ``(N,)``, NaN where there is none.

    Args:
        given: for each name N numbers; true and false are 1 and 0.
        count: N.
        notes: where what can't be read is noted, and left out; None raises an error instead.

    Raises:
        TypeError: it is no mapping from names to numbers.
        ValueError: there are not N of them, or more than 100 names.
    """
    found: dict[str, NDArray[np.float32]] = {}
    if given is None:
        return found
    try:
        items = _items(given)
    except (TypeError, ValueError) as error:
        _refuse("numbers", error, notes)
        return found
    for name, values in items:
        try:
            found[name] = _column(name, values, count)
        except Exception as error:  # whatever a user's objects raise
            _refuse(f"numbers {name!r}", error, notes)
    return found


def _items(given: Any) -> list[tuple[str, Any]]:
    if not isinstance(given, Mapping):
        raise TypeError(f'expected numbers as a mapping from names, such as {{"uncertainty": values}}, got {given!r}')
    if len(given) > MOST_NAMES:
        raise ValueError(f"expected numbers of at most {MOST_NAMES} names, got {len(given)}")
    for name in given:
        if not isinstance(name, str) or not name:
            raise TypeError(f"expected names of numbers as text, got {name!r}")
    return list(given.items())


def _column(name: str, values: Any, count: int) -> NDArray[np.float32]:
    column = numbers_of(values, f"numbers[{name!r}]", (count,))
    return np.full(count, np.nan, np.float32) if column is None else column


def _refuse(what: str, error: Exception, notes: list[str] | None) -> None:
    if notes is None:
        raise error
    notes.append(f"{what} left out: {reason(error)}")
