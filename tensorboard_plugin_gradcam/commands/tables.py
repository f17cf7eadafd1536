"""Tables and sizes as a terminal shows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """Return lines with aligned columns; those named in `right` are flush right, empty columns left out."""
    columns = [at for at in range(len(header)) if any(row[at] for row in rows)]
    cells = [[printable(row[at]) for at in columns] for row in [header, *rows]]
    widths = [max(width(row[at]) for row in cells) for at in range(len(columns))]
    sides = [header[at] in right for at in columns]
    return "\n".join("  " + "  ".join(map(_padded, row, widths, sides)).rstrip() for row in cells)


def _padded(text: str, wide: int, right: bool) -> str:
    space = " " * (wide - width(text))
    return space + text if right else text + space


def width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return sum(0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def printable(text: str) -> str:
    """Return a text of a log without what would move the cursor or colour a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def size(count: float) -> str:
    """Return a number of bytes for people: "1.2 MB"; 1 kB is 1,000 bytes."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.{0 if unit == 0 or count >= 9.95 else 1}f} {_UNITS[unit]}"


def bytes_of(text: str) -> int:
    """Return the number of bytes that a size says: "50MB", "1.5 GB", "800 kB", "1000"; MiB and the like are of 1,024.

    Raises:
        ValueError: it is no size.
    """
    import re

    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?(?:ytes)?\s*", text, re.IGNORECASE)
    if not found:
        raise ValueError(f"expected a size such as 50MB or 1.5GB, got {text!r}")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** ("kmgt".find(found[2].lower()) + 1 if found[2] else 0))
