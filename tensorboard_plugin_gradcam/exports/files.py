"""`export`: a log, or a part of it, as a file to hand on."""

from __future__ import annotations

import os
from pathlib import Path

from tensorboard_plugin_gradcam.logs.subset import Names, Samples, Steps, Subset, SubsetRuns


def export(
    logdir: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    runs: Names = None,
    tags: Names = None,
    steps: Steps = None,
    max_steps: int | None = None,
    samples: Samples = None,
    title: str | None = None,
    lossless: bool = False,
    quiet: bool = True,
) -> Path:
    """Write a log as one HTML page that opens from disk, offline, with the tab's own viewer; return its path.

    Example:
        >>> export("runs", "page.html", runs="resnet*", max_steps=200)
        PosixPath('page.html')

    Args:
        logdir: as TensorBoard takes it.
        output: the file to write; replaced where it exists.
        runs: names, or patterns such as "resnet*"; all by default.
        tags: likewise.
        steps: "0-1000" with both ends, "0,50,100", or a list of steps; all by default.
        max_steps: of each tag at most so many, spread evenly.
        samples: ids or patterns of them, and places in the list of samples: "0-15", "cat*"; all by default.
        title: of the page; the log directory's name by default.
        lossless: keep pictures as they were logged; by default they become WebP where that is smaller.
        quiet: show no progress bar.

    Raises:
        FileNotFoundError: there is no such log directory.
        ValueError: nothing of the log belongs to the part that is asked for, or the output's name says no known kind.
    """
    path = Path(output)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"expected an output such as page.html, got {os.fspath(output)!r}")
    events = subset_of(logdir, Subset(runs, tags, steps, max_steps, samples))
    _write_page(events, path, title or f"{Path(os.path.abspath(logdir)).name} · Grad-CAM", lossless, quiet)
    return path


def subset_of(logdir: str | os.PathLike[str], subset: Subset) -> SubsetRuns:
    """Return the events of a part of a log.

    Raises:
        FileNotFoundError: there is no such log directory.
        ValueError: nothing of the log belongs to the part.
    """
    from tensorboard_plugin_gradcam.event_runs import EventRuns
    from tensorboard_plugin_gradcam.logs.directory import checked_logdir
    from tensorboard_plugin_gradcam.logs.values import PLUGINS

    return SubsetRuns(EventRuns(checked_logdir(logdir), PLUGINS), subset)


def _write_page(events: SubsetRuns, path: Path, title: str, lossless: bool, quiet: bool) -> None:
    """Write it beside its place first: what is there stays until the new page is whole."""
    from tensorboard_plugin_gradcam.exports.page import page_of, write_page

    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            write_page(page_of(events, title, lossless, quiet), file)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
