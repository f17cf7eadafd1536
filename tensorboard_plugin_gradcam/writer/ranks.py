"""Several processes that train one model (`torch.distributed`): who computes and who writes.

None of this draws random numbers or touches the model. torch is looked up only where it is loaded already: a process
group can't exist without it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Distributed = Literal["gather", "runs"] | None


def _group() -> Any:
    distributed = sys.modules.get("torch.distributed")
    ready = distributed is not None and distributed.is_available() and distributed.is_initialized()
    return distributed if ready else None


def rank_and_size() -> tuple[int, int]:
    """Return this process's rank and the number of processes; (0, 1) without a process group."""
    group = _group()
    return (0, 1) if group is None else (group.get_rank(), group.get_world_size())


def share(count: int) -> range:
    """Return this rank's part of `count` samples; the parts of all ranks follow each other."""
    rank, size = rank_and_size()
    return range(count * rank // size, count * (rank + 1) // size)


def gathered(compute: Callable[[], T]) -> list[T]:
    """Compute on each rank and return all results, by rank, on each of them. Every rank has to call this.

    Raises:
        RuntimeError: another rank's computation failed. Without this, the others would wait for it for ever.
    """
    group = _group()
    if group is None:
        return [compute()]
    mine: tuple[T | None, Exception | None]
    try:
        mine = compute(), None
    except Exception as error:
        mine = None, error
    everyone: list[Any] = [None] * group.get_world_size()
    group.all_gather_object(everyone, (mine[0], None if mine[1] is None else repr(mine[1])))
    if mine[1] is not None:
        raise mine[1]
    for rank, (_, problem) in enumerate(everyone):
        if problem is not None:
            raise RuntimeError(f"Grad-CAM failed on rank {rank}: {problem}")
    return [result for result, _ in everyone]


def writer_of_rank(writer: Any, distributed: Distributed) -> Any:
    """Return what this rank writes to: its own folder of a directory, or with "gather" nothing above rank 0."""
    if distributed not in (None, "gather", "runs"):
        raise ValueError(f"expected distributed None, 'gather' or 'runs', got {distributed!r}")
    rank, _ = rank_and_size()
    if distributed == "gather":
        return writer if rank == 0 else None
    if distributed == "runs" and isinstance(writer, (str, os.PathLike)):
        return f"{os.fspath(writer).rstrip('/')}/rank_{rank}"
    return writer
