"""`export`: a log, or a part of it, as a file to hand on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from tensorboard_plugin_gradcam.exports.cards import SHAPES, Shape
from tensorboard_plugin_gradcam.logs.subset import Names, Samples, Steps, Subset, SubsetRuns
from tensorboard_plugin_gradcam.reader import GradCAMLog, log_of

Kind = Literal["html", "png", "gif", "webm", "csv", "parquet", "images"]


def export(
    logdir: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    kind: Kind | None = None,
    runs: Names = None,
    tags: Names = None,
    steps: Steps = None,
    max_steps: int | None = None,
    samples: Samples = None,
    title: str | None = None,
    lossless: bool = False,
    dark: bool = False,
    shape: Shape = "wide",
    fps: float = 5,
    quiet: bool = True,
) -> Path:
    """Write a log, or a part of it, as a file to hand on; return its path.

    An HTML page contains the tab's own viewer, opens from disk, works offline, and makes no requests. A PNG is a card
    for a talk, a GIF or WebM the same card over its steps: the first samples, or the first sample in several runs. CSV
    and Parquet have one row per map and step. "images" is a folder of photographs and overlays.

    Example:
        >>> export("runs", "page.html", runs="resnet*", max_steps=200)
        PosixPath('page.html')

    Args:
        logdir: a log directory, as for TensorBoard.
        output: the file to write, replaced if it exists; a directory for "images".
        kind: kind of the output; by default taken from the file name's extension.
        runs: names, or patterns such as "resnet*"; all by default.
        tags: names or patterns of tags; all by default.
        steps: "0-1000" with both ends, "0,50,100", or a list of steps; all by default.
        max_steps: at most this many steps per tag, spread evenly.
        samples: ids, patterns of ids, or positions in the list of samples: "0-15", "cat*"; all by default.
        title: title of the page or card; by default the name of the log directory, sample or run.
        lossless: for a page: keep pictures as logged; by default they become WebP if that is smaller.
        dark: for a card: use a dark background.
        shape: for a card: "wide" is 1,200 x 675 pixels, "square" 1,080 x 1,080.
        fps: for an animation: steps per second.
        quiet: show no progress bar.

    Raises:
        FileNotFoundError: the log directory does not exist.
        ValueError: no record matches the selection, or the output's extension is unknown.
        ImportError: Parquet needs pyarrow.
    """
    path = Path(output)
    asked = kind or kind_of(path)
    if asked not in get_args(Kind):
        raise ValueError(f"expected a kind among {', '.join(get_args(Kind))}, got {asked!r}")
    if shape not in SHAPES:
        raise ValueError(f"expected a shape among {', '.join(SHAPES)}, got {shape!r}")
    if not 0 < fps <= 60:
        raise ValueError(f"expected fps from above 0 to 60, got {fps}")
    events = subset_of(logdir, Subset(runs, tags, steps, max_steps, samples))
    if asked == "images":
        from tensorboard_plugin_gradcam.exports.media import write_images

        write_images(log_of(events), path, steps is None and max_steps is None, quiet)
        return path
    named = title or f"{Path(os.path.abspath(logdir)).name} · Grad-CAM"
    writers: dict[Kind, Callable[[Path], None]] = {
        "html": lambda to: _write_page(events, to, named, lossless, quiet),
        "csv": lambda to: _write_table(log_of(events), to, "csv"),
        "parquet": lambda to: _write_table(log_of(events), to, "parquet"),
    }
    write = writers.get(asked, lambda to: _write_card(log_of(events), to, asked, title or "", dark, shape, fps, quiet))
    _replaced(path, write)
    return path


def kind_of(path: Path) -> Kind:
    """Return the kind of a file by what its name ends in; a name without an end is a folder of images.

    Raises:
        ValueError: the end says no known kind.
    """
    suffix = path.suffix.lower().removeprefix(".").replace("htm", "html").replace("htmll", "html")
    for kind in get_args(Kind):
        if suffix == kind and kind != "images":
            return kind  # type: ignore[no-any-return]
    raise ValueError(
        f"expected an output such as page.html, card.png, .gif, .webm, .csv or .parquet, got {str(path)!r}"
    )


def subset_of(logdir: str | os.PathLike[str], subset: Subset) -> SubsetRuns:
    """Return the events of a part of a log.

    Raises:
        FileNotFoundError: the log directory does not exist.
        ValueError: nothing of the log belongs to the part.
    """
    from tensorboard_plugin_gradcam.event_runs import EventRuns
    from tensorboard_plugin_gradcam.logs.directory import checked_logdir
    from tensorboard_plugin_gradcam.logs.values import PLUGINS

    return SubsetRuns(EventRuns(checked_logdir(logdir), PLUGINS), subset)


def _replaced(path: Path, write: Callable[[Path], None]) -> None:
    """Write beside its place first: what is there stays until the new file is whole."""
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_page(events: SubsetRuns, path: Path, title: str, lossless: bool, quiet: bool) -> None:
    from tensorboard_plugin_gradcam.exports.page import page_of, write_page

    with path.open("w", encoding="utf-8") as file:
        write_page(page_of(events, title, lossless, quiet), file)


def _write_table(log: GradCAMLog, path: Path, kind: Kind) -> None:
    from tensorboard_plugin_gradcam.exports.tables import rows_of, write_csv, write_parquet

    (write_csv if kind == "csv" else write_parquet)(rows_of(log), path)


def _write_card(
    log: GradCAMLog, path: Path, kind: Kind, title: str, dark: bool, shape: Shape, fps: float, quiet: bool
) -> None:
    from tensorboard_plugin_gradcam.exports.media import card_of, write_gif, write_png, write_webm

    card = card_of(log, title, dark, shape)
    if kind == "png":
        write_png(card, path)
    else:
        (write_gif if kind == "gif" else write_webm)(card, path, fps, quiet)
