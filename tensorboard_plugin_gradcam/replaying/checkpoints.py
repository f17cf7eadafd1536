"""Which checkpoints there are, in the order of their steps: from a folder, a pattern, or a list of these."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.moments import Moment, moments_in_names
from tensorboard_plugin_gradcam.replaying.reading import FILES, INDICES, weights_in

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
    named: Moment = Moment()

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
    moments = moments_in_names([_telling_name(path) for path in paths], pattern)
    found = [
        Checkpoint(path, _written_at(path), moment) for path, moment in zip(paths, moments, strict=True)
    ]  # fmt: skip
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


def _telling_name(path: str) -> str:
    """Return the name of a checkpoint; of a folder within one that says more, such as ``step_500/model``, that one's."""
    name = places.name_of(path)
    return name if any(sign.isdigit() for sign in name.partition(".")[0]) else _numbered_folder(path) or name


def _numbered_folder(path: str) -> str:
    folder = places.name_of(places.folder_of(path))
    return folder if any(sign.isdigit() for sign in folder) and not folder.startswith("version_") else ""
