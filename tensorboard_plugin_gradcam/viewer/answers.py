"""Encoded answers, kept for the many clients that ask the same."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from tensorboard_plugin_gradcam.viewer.budget import Flights, Turns
from tensorboard_plugin_gradcam.viewer.limits import PACKET_CACHE_BYTES, PACKETS_AT_ONCE
from tensorboard_plugin_gradcam.viewer.parameters import Cut
from tensorboard_plugin_gradcam.viewer.store import Loaded


class Answers:
    """Answers by what they were made of; the least recently used are forgotten first."""

    def __init__(self, budget: int = PACKET_CACHE_BYTES) -> None:
        self._budget = budget
        self._size = 0
        self._kept: OrderedDict[Hashable, tuple[bytes, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._flights = Flights()
        self._turns = Turns(PACKETS_AT_ONCE)

    def of(self, loaded: Loaded, cut: Cut, make: Callable[[], bytes]) -> bytes:
        """Return the packet for a part of a series, made at most once for each state of the series."""
        return self.kept((loaded.state, cut), 36 * len(cut.samples or ()), lambda: self._made(make))

    def kept(self, key: Hashable, extra: int, make: Callable[[], bytes]) -> bytes:
        """Return an answer by any name; `extra` are the bytes that the name itself takes."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        return self._flights.share(key, lambda: self._keep(key, extra, make()))

    def _made(self, make: Callable[[], bytes]) -> bytes:
        with self._turns.taken():
            return make()

    def _keep(self, key: Hashable, extra: int, made: bytes) -> bytes:
        size = sys.getsizeof(made) + extra + 1000
        if size > self._budget // 8:
            return made
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made, size
                self._size += size
            while self._size > self._budget:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._size -= dropped
        return made
