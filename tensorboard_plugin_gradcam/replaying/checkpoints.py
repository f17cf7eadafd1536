"""Which checkpoints there are, in the order of their steps: from a folder, a pattern, or a list of these."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.moments import Moment, moments_in_names
from tensorboard_plugin_gradcam.replaying.reading import FILES, INDICES, weights_in

_COUNTS = re.compile(r"(?:step|epoch|iter|checkpoint|ckpt)\D?\d", re.IGNORECASE)
_MOST_FOLDERS = 100_000  # that are looked into
Sources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of a training.

    Attributes:
        path: of its file, or of its folder.
        wall_time: when it was written, in seconds since 1970.
        named: what its name tells of when it was saved.
    """

    path: str
    wall_time: float
    named: Moment = field(default_factory=Moment)

    @property
    def name(self) -> str:
        """Its path's last part; of a file whose name says nothing, with its folder's."""
        return places.name_of(self.path)


def checkpoints_in(sources: Sources, pattern: str | None = None) -> list[Checkpoint]:
    """Return the checkpoints that are there, the oldest file first.

    Args:
        sources: a file, a folder, a pattern such as ``runs/*/epoch*.pt``, an address that fsspec knows, or several.
        pattern: where a name holds the step or the epoch: see `moments_in_names`.

    Raises:
        FileNotFoundError: there are none.
    """
    given = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    paths = list(dict.fromkeys(path for one in given for path in _expanded(places.text_of(one))))
    if not paths:
        raise FileNotFoundError(
            f"expected checkpoints in {', '.join(map(str, given))}, got none: "
            f"known are {', '.join(FILES)}, and folders that hold one of them or a .metadata"
        )
    moments = moments_in_names(_telling_names(paths), pattern)
    found = [Checkpoint(path, _written_at(path), moment) for path, moment in zip(paths, moments, strict=True)]
    return sorted(found, key=lambda one: (one.wall_time, one.path))


def _expanded(source: str) -> Iterator[str]:
    if any(sign in source for sign in places.WILDCARDS) and not places.exists(source):
        for path in places.matching(source):
            yield from _expanded(path)
    elif places.is_folder(source):
        yield from _in_folder(source)
    elif not places.exists(source):
        raise FileNotFoundError(f"no such checkpoint, folder or pattern: {source}")
    else:
        yield source  # whatever its name ends in: it was asked for


def _in_folder(folder: str) -> Iterator[str]:
    """Yield the checkpoints below a folder: of one that is a checkpoint itself, no file is one."""
    waiting, seen = [folder], 0
    while waiting and seen < _MOST_FOLDERS:
        at, seen = waiting.pop(0), seen + 1
        there = places.listed(at)
        is_one = weights_in(at) is not None
        if is_one:
            yield at
        for path in there:
            if places.is_folder(path):
                if not places.name_of(path).startswith("."):
                    waiting.append(path)
            elif not is_one and path.endswith((*FILES, *INDICES)) and not _is_part(path, there):
                yield path


def _is_part(path: str, there: Sequence[str]) -> bool:
    """Say whether a file is a shard, whose index is the checkpoint, or another of a sharded Keras file."""
    name = places.name_of(path)
    if "-of-" in name:
        return True
    stem = name.rpartition(".weights.h5")[0]
    shards = any(other.endswith(".weights.json") for other in there)
    return bool(stem) and shards and any(stem.startswith(places.name_of(o)[: -len(".weights.json")]) for o in there)


def _written_at(path: str) -> float:
    inner = weights_in(path) if places.is_folder(path) else None
    return places.changed_at(inner or path)


def _telling_names(paths: Sequence[str]) -> list[str]:
    """Return the checkpoints' names; of one without a number the folder's, as in ``step_500/model.pt``.

    A folder that says neither step nor epoch, and one of several checkpoints, is an experiment's.
    """
    names = [places.name_of(path) for path in paths]
    folders = [places.folder_of(path) for path in paths]
    times = Counter(folders)
    return [
        folder if not _has_number(name) and times[at] == 1 and _COUNTS.search(folder := places.name_of(at)) else name
        for name, at in zip(names, folders, strict=True)
    ]


def _has_number(name: str) -> bool:
    return any(sign.isdigit() for sign in name.partition(".")[0])
