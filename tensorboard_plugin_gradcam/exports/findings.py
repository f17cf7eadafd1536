"""Findings of a log as JSON, with the names of its classes."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, get_args

from tensorboard_plugin_gradcam.findings import find
from tensorboard_plugin_gradcam.findings.finding import Kind
from tensorboard_plugin_gradcam.logs.subset import Names, Subset
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
        ValueError: a kind that is none.
    """
    unknown = sorted(set(kinds or ()) - set(get_args(Kind)))
    if unknown:
        raise ValueError(f"expected kinds among {', '.join(get_args(Kind))}, got {unknown[0]!r}")
    log, chosen = read_gradcam(logdir), Subset(runs, tags)
    sources = [one for one in log.sources() if chosen.has_run(one.run) and chosen.has_tag(one.tag)]
    return [
        found.to_json(log.class_names(found.run, found.tag))
        for found in find(sources)
        if kinds is None or found.kind in kinds
    ]
