"""The event files of a log directory, by run, named and ordered as in TensorBoard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class EventFile:
    """One event file."""

    run: str
    path: str

    @property
    def name(self) -> str:
        """Its name without the folder."""
        return os.path.basename(self.path)


def event_files(logdir: str | os.PathLike[str]) -> Iterator[EventFile]:
    """Yield the event files below a log directory, run by run.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    from tensorboard.backend.event_processing import io_wrapper

    path = checked_logdir(logdir)
    for folder in sorted(io_wrapper.GetLogdirSubdirectories(path)):
        for file in sorted(io_wrapper.ListDirectoryAbsolute(folder)):
            if io_wrapper.IsSummaryEventsFile(file):
                yield EventFile(os.path.relpath(folder, path), file)


def checked_logdir(logdir: str | os.PathLike[str]) -> str:
    """Return the path of a log directory.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    path = os.fspath(logdir)
    if "://" not in path and not os.path.isdir(path):
        raise FileNotFoundError(f"expected a log directory, got {path!r}")
    return path
