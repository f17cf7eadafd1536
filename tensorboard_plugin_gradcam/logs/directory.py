"""The log directory that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tensorboard_plugin_gradcam.event_files import EventFile, listed


def event_files(logdir: str | os.PathLike[str]) -> Iterator[EventFile]:
    """Yield the event files below a log directory, run by run.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    yield from listed(checked_logdir(logdir))


def checked_logdir(logdir: str | os.PathLike[str]) -> str:
    """Return the path of a log directory.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    path = os.fspath(logdir)
    if "://" not in path and not os.path.isdir(path):
        raise FileNotFoundError(f"expected a log directory, got {path!r}")
    return path
