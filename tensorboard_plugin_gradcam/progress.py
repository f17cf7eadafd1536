"""Progress bars, where there is a terminal to show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], doing: str, unit: str, quiet: bool = False, total: int | None = None) -> Iterable[T]:
    """Return the items again, shown as they are taken: "reading: 3/14 files"; nothing where stderr is no terminal."""
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(
        items, desc=doing, unit=f" {unit}", total=total, leave=False, disable=True if quiet else None
    )
    return bar
