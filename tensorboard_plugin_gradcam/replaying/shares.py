"""Which share of the work this process does: as the launcher that started it says, with nobody to ask.

There is no collective and no padding: share i of n takes units i, i + n, i + 2 n, ..., so a share that is lost costs
itself alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

# Of each launcher the variables that number a process and count them all; the first whose both are set decides.
_LAUNCHERS = (
    ("torchrun", "RANK", "WORLD_SIZE"),
    ("a Slurm array", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"),
    ("Slurm", "SLURM_PROCID", "SLURM_NTASKS"),
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MPI", "PMI_RANK", "PMI_SIZE"),
    ("a Kubernetes job", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS"),
)
_FIRST = {"SLURM_ARRAY_TASK_ID": "SLURM_ARRAY_TASK_MIN"}  # where its numbers need not begin at 0
_STRIDE = {"SLURM_ARRAY_TASK_ID": "SLURM_ARRAY_TASK_STEP"}


@dataclass(frozen=True)
class Share:
    """Share `index` of `count`, counted from 0.

    Attributes:
        source: who said so, for people.
    """

    index: int = 0
    count: int = 1
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f"expected a share from 0/{self.count} to {self.count - 1}/{self.count}, got {self}")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, units: Sequence[T]) -> list[T]:
        """Return this share of units."""
        return list(units[self.index :: self.count])


def share_of(shard: str | tuple[int, int] | None = None, environment: Mapping[str, str] = os.environ) -> Share:
    """Return the share that is asked for, or else the one that the environment tells; the whole where nothing does.

    Args:
        shard: "2/8" or ``(2, 8)``, counted from 0.
        environment: variables of this process.

    Raises:
        ValueError: no share, or one beyond the last.
    """
    if isinstance(shard, str):
        match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", shard)
        if match is None:
            raise ValueError(f"expected shard as i/n, counted from 0, such as 0/4, got {shard!r}")
        shard = int(match[1]), int(match[2])
    if shard is not None:
        return Share(*shard, source="--shard")
    for launcher, index, count in _LAUNCHERS:
        number, total = _number(environment, index), _number(environment, count)
        if number is not None and total is not None and total > 1:
            first = _number(environment, _FIRST.get(index, "")) or 0
            stride = _number(environment, _STRIDE.get(index, "")) or 1
            return Share((number - first) // stride, total, launcher)
    return Share()


def parts_of_samples(checkpoints: int, shares: int) -> int:
    """Return into how many parts the samples of each checkpoint are cut, so that every share has something to do."""
    return 1 if checkpoints >= shares or not checkpoints else -(-shares // checkpoints)


def part(count: int, index: int, parts: int) -> range:
    """Return part `index` of `count` samples cut into `parts` runs of one after the other, equal up to one sample."""
    return range(count * index // parts, count * (index + 1) // parts)


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "")
    return int(text) if text.isdigit() else None
