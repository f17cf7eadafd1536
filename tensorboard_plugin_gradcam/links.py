"""Addresses of views of the tab, as its "Copy link" makes them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote


def tab_link(address: str, **settings: str | int | float | Sequence[str] | None) -> str:
    """Return the address of a view of the tab, or of an exported page.

    Args:
        address: of TensorBoard ("http://localhost:6006/") or of a page; what follows a "#" is replaced.
        settings: by the names that the tab has for them: runs, tags, layer, method, step, view, ...
    """
    given = {name: value for name, value in settings.items() if value is not None}
    parts = [f"p.gradcam.{name}={quote(_text(value), safe='')}" for name, value in given.items()]
    return "#".join([address.partition("#")[0], "&".join(["gradcam", *parts])])


def _text(value: str | int | float | Sequence[str]) -> str:
    if isinstance(value, (str, int, float)):
        return str(value)
    return ",".join(quote(one, safe="") for one in value) or "-"
