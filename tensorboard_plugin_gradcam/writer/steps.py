"""What names a place in a log: a tag and a step."""

from __future__ import annotations

from typing import Any

MOST = 2**53  # above, JavaScript and the scalars' numbers are no longer exact


def checked_tag(tag: str) -> str:
    """Return a tag, or raise an error where it is none."""
    if not isinstance(tag, str) or not tag.strip("/ "):
        raise ValueError(f"expected a tag, such as 'val', got {tag!r}")
    return tag


def step_of(step: Any, name: str = "step") -> int:
    """Return a step as an int; whole numbers of any library and type are steps.

    Raises:
        ValueError: it is not from 0 to 2^53, or a fraction.
        TypeError: it is no number.
    """
    value = step.item() if hasattr(step, "item") and getattr(step, "size", 1) != 0 else step
    whole = not isinstance(value, bool) and (
        hasattr(value, "__index__") or (isinstance(value, float) and value.is_integer())
    )
    if isinstance(value, float) and not whole and value == value and abs(value) < MOST:
        raise ValueError(f"expected {name} as a whole number, got {step!r}: pass epoch= for fractions of epochs")
    if not whole:
        raise TypeError(f"expected {name} as a whole number from 0 to 2^53, got {step!r}")
    number = int(value)
    if not 0 <= number <= MOST:
        raise ValueError(f"expected {name} from 0 to 2^53, got {step!r}")
    return number
