"""Small grey pictures of the samples, kept between requests: they never change under their digests."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import Looks, squared
from tensorboard_plugin_gradcam.viewer.limits import RELIST_SECONDS, THUMBNAILS_ASKED, THUMBNAILS_KEPT, THUMBNAILS_RUNS
from tensorboard_plugin_gradcam.viewer.source import Scope, Source

Grey = NDArray[np.uint8]


@dataclass
class _Run:
    known: dict[str, Grey] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)  # when they were looked for last


class Thumbnails:
    """Small pictures by run and digest; those of the run that was asked for least recently are forgotten first."""

    def __init__(self, source: Source, most: int = THUMBNAILS_KEPT) -> None:
        self._source, self._most = source, most
        self._runs: OrderedDict[tuple[str, str], _Run] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, scope: Scope, run: str) -> Looks:
        """Return what gives a run's pictures as squares; see `findings.Looks`."""
        return lambda digests: squared(self._found(scope, run, digests))

    def _found(self, scope: Scope, run: str, digests: Sequence[str]) -> list[Grey | None]:
        with self._lock:
            kept = self._runs.setdefault((scope.experiment, run), _Run())
            self._runs.move_to_end((scope.experiment, run))
            long_ago = time.monotonic() - RELIST_SECONDS
            new = [one for one in dict.fromkeys(digests) if one and one not in kept.known]
            new = [one for one in new if kept.missing.get(one, -np.inf) < long_ago]
        for first in range(0, len(new), THUMBNAILS_ASKED):
            asked = new[first : first + THUMBNAILS_ASKED]
            found = self._source.thumbnails(scope, run, asked)
            with self._lock:
                kept.known |= found
                kept.missing |= dict.fromkeys(set(asked) - set(found), time.monotonic())
        known = [kept.known.get(digest) for digest in digests]
        with self._lock:
            self._forget()
        return known

    def _forget(self) -> None:
        sizes = {where: len(run.known) + len(run.missing) for where, run in self._runs.items()}
        while sum(sizes.values()) > self._most or len(sizes) > THUMBNAILS_RUNS:
            where, _ = self._runs.popitem(last=False)
            del sizes[where]
