"""The exported viewer in a cell of a notebook."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any

from tensorboard_plugin_gradcam.exports.files import subset_of
from tensorboard_plugin_gradcam.exports.page import page_of
from tensorboard_plugin_gradcam.logs.subset import Subset

HEIGHT = 720  # pixels
MOST_BYTES = 60_000_000  # of a page in a cell: a notebook is saved with it


class Cell:
    """A log's viewer as a notebook shows it."""

    def __init__(self, page: str, title: str, height: int = HEIGHT) -> None:
        self._page, self._title, self._height = page, title, height

    def _repr_html_(self) -> str:
        """Return an inner frame that holds the page; a sentence in its place where that would be too large."""
        if len(self._page) > MOST_BYTES:
            return (
                f"<p>This log takes {len(self._page) / 1e6:.0f} MB as a page, too much for a notebook. Show a part: "
                "<code>log.show(runs=..., max_steps=...)</code>; or write a file: "
                "<code>tensorboard_plugin_gradcam.export(...)</code>.</p>"
            )
        style = f"width: 100%; height: {self._height}px; border: 1px solid #8884; border-radius: 4px"
        page, title = html.escape(self._page), html.escape(self._title)
        return f'<iframe srcdoc="{page}" style="{style}" title="{title}"></iframe>'


def cell_of(logdir: str | os.PathLike[str], height: int = HEIGHT, **subset: Any) -> Cell:
    """Return the viewer of a part of a log directory.

    Raises:
        FileNotFoundError: the directory is gone, or the viewer was not built.
        ValueError: nothing of the log belongs to the part.
    """
    title = f"{Path(os.path.abspath(logdir)).name} · Grad-CAM"
    return Cell("".join(page_of(subset_of(logdir, Subset(**subset)), title)), title, height)
