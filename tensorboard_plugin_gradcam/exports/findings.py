"""Findings of a log as JSON, with the names of its classes."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, get_args

from tensorboard_plugin_gradcam.findings import Source, find
from tensorboard_plugin_gradcam.findings.finding import Kind
from tensorboard_plugin_gradcam.logs.subset import Names
from tensorboard_plugin_gradcam.reader import read_gradcam


def findings_of(
    logdir: str | os.PathLike[str], *, runs: Names = None, tags: Names = None, kinds: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Return what the maps of a log say by themselves, the strongest first, each as `Finding.to_json` gives it.

    Args:
        logdir: as TensorBoard takes it.
        runs: names or patterns; all by default.
        tags: likewise.
        kinds: of findings; all by default.

    Raises:
        FileNotFoundError: there is no such directory.
        ValueError: a kind that is none, or no run or tag has one of the names.
    """
    return searched(logdir, runs=runs, tags=tags, kinds=kinds)[0]


def searched(
    logdir: str | os.PathLike[str], *, runs: Names = None, tags: Names = None, kinds: Collection[str] | None = None
) -> tuple[list[dict[str, Any]], list[Source]]:
    """Return the findings of a log as `findings_of` does, and the series that were searched."""
    unknown = sorted(set(kinds or ()) - set(get_args(Kind)))
    if unknown:
        raise ValueError(f"expected kinds among {', '.join(get_args(Kind))}, got {unknown[0]!r}")
    log = read_gradcam(logdir)
    sources = log.sources(runs, tags)
    found = [one for one in find(sources) if kinds is None or one.kind in kinds]
    return [one.to_json(log.class_names(one.run, one.tag)) for one in found], sources
