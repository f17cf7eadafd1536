"""One number for each sample of a series, whichever step it is logged at and in whichever order.

A step's records number the samples of that step's cohort. Where cohorts differ (a shuffled loader, a validation set
that grows), the same number is another picture at another step. So each sample gets a *place* that is its own in all
series of a tag. The id that the user gave it says which sample it is, else its picture; equal ones in one cohort are
told apart by their order.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.viewer.budget import Flights, Processor
from tensorboard_plugin_gradcam.viewer.limits import COHORTS_NUMBERED, PLACED_SAMPLES, PLACED_TAGS, SAMPLES_NUMBERED

Places = NDArray[np.int32]
Read = Callable[[str], Sequence[str] | None]  # the identities of a digest's samples; None where they can't be had


@dataclass(frozen=True, eq=False)
class Numbering:
    """The places of some cohorts' samples: a row for each, padded with -1. Another `token`: all were numbered anew."""

    digests: tuple[str, ...]
    rows: NDArray[np.int32]
    token: str

    def of(self, digests: Sequence[str]) -> NDArray[np.int32]:
        """Return the rows of these cohorts."""
        return self.rows[[self.digests.index(digest) for digest in digests]]


@dataclass
class _Tag:
    numbers: dict[bytes, int] = field(default_factory=dict)
    rows: OrderedDict[str, Places | None] = field(default_factory=OrderedDict)  # None: not read yet
    token: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def size(self) -> int:
        """Samples that it takes memory for: names, and entries of rows at a fiftieth of a name's."""
        return len(self.numbers) + sum(len(row) for row in self.rows.values() if row is not None) // 50


class Registry:
    """The places of each (experiment, run, tag), in the order in which cohorts are first asked about; thread-safe."""

    def __init__(self) -> None:
        self._tags: OrderedDict[tuple[str, str, str], _Tag] = OrderedDict()
        self._lock = threading.Lock()
        self._flights = Flights()

    def numbering(
        self, where: tuple[str, str, str], digests: Sequence[str], read: Read, processor: Processor | None = None
    ) -> Numbering | None:
        """Number the samples of `digests`; None as long as all have the same samples in their own order.

        As long as a tag has only ever had one cohort, that is not read: its samples have their own order.

        Raises:
            Busy: reading them is too much work for one request; what was read is kept, and the next one goes on.
        """
        return self._flights.share((where, *digests), lambda: self._numbering(where, digests, read, processor))

    def _numbering(
        self, where: tuple[str, str, str], digests: Sequence[str], read: Read, processor: Processor | None
    ) -> Numbering | None:
        with self._lock:
            tag = self._tags.setdefault(where, _Tag())
            self._tags.move_to_end(where)
            self._forget()
            for digest in digests:
                tag.rows.setdefault(digest, None)
            if len(tag.rows) < 2:
                return None
            for digest, row in list(tag.rows.items())[:COHORTS_NUMBERED]:
                if row is None and len(tag.numbers) < SAMPLES_NUMBERED // 8:
                    if processor is not None:
                        processor.expect_some()
                    identities = read(digest)
                    tag.rows[digest] = None if identities is None else _numbered(tag.numbers, identities)
                    if processor is not None:
                        processor.note_progress()
            wanted = list(dict.fromkeys(digests))
            rows = _affordable([tag.rows[digest] for digest in wanted])
        if all(row is not None and _is_plain(row, rows[0]) for row in rows):
            return None
        # A cohort that can't be read names no samples: none of its maps can be said to be of a picture.
        return Numbering(tuple(wanted), _padded([_NOBODY if row is None else row for row in rows]), tag.token)

    def _forget(self) -> None:
        """Forget the tags that were asked for least recently, where all take too much."""
        sizes = [tag.size for tag in self._tags.values()]
        total = sum(sizes)
        for size in sizes[:-1]:
            if total <= PLACED_SAMPLES and len(self._tags) <= PLACED_TAGS:
                break
            self._tags.popitem(last=False)
            total -= size


def _is_plain(row: Places, first: Places | None) -> bool:
    return first is not None and len(row) == len(first) and np.array_equal(row, np.arange(len(row)))


_NOBODY: Places = np.zeros(0, np.int32)


def _numbered(numbers: dict[bytes, int], identities: Sequence[str]) -> Places:
    """Return the cohort's places; new identities get the next numbers."""
    names = (blake2b(name.encode(), digest_size=16).digest() for name in identities)  # which may be of any length
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)


def _affordable(rows: Sequence[Places | None]) -> list[Places | None]:
    """Leave out the cohorts that are so large that all of them, padded to one size, would take too much."""
    widest = SAMPLES_NUMBERED // max(len(rows), 1)
    return [None if row is None or len(row) > widest else row for row in rows]


def _padded(rows: Sequence[Places]) -> NDArray[np.int32]:
    result = np.full((len(rows), max((len(row) for row in rows), default=0)), -1, np.int32)
    for place, row in zip(result, rows, strict=True):
        place[: len(row)] = row
    return result
