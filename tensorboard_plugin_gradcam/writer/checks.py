"""Options, checked when an object is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, get_args

T = TypeVar("T")


def one_of(name: str, value: T, choices: Any) -> T:
    """Return a value that is one of a `Literal`'s.

    Raises:
        ValueError: it is not.
    """
    known = get_args(choices)
    if value not in known:
        raise ValueError(f"expected {name} {' or '.join(map(repr, known))}, got {value!r}")
    return value


def at_least(name: str, value: Any, least: int, *, optional: bool = False) -> Any:
    """Return a whole number of at least so much, or None where it is optional.

    Raises:
        ValueError: it is less, or none.
    """
    if optional and value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        also = " or None" if optional else ""
        raise ValueError(f"expected {name} as a whole number of at least {least}{also}, got {value!r}")
    return int(value)


def names(name: str, value: Iterable[object]) -> tuple[str, ...]:
    """Return texts.

    Raises:
        TypeError: they are one text, whose letters would be taken for them, or can't be counted.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"expected {name} as a list of texts, by class index, got {value!r}")
    return tuple(map(str, value))
