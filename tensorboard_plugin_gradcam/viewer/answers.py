"""Encoded packets, kept for the many clients that ask the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from tensorboard_plugin_gradcam.viewer.limits import PACKET_CACHE_BYTES
from tensorboard_plugin_gradcam.viewer.parameters import Cut
from tensorboard_plugin_gradcam.viewer.store import Loaded


class Answers:
    """Packets by what they were made of; the least recently used are forgotten first."""

    def __init__(self, budget: int = PACKET_CACHE_BYTES) -> None:
        self._budget = budget
        self._size = 0
        self._packets: OrderedDict[tuple[str, Cut], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, loaded: Loaded, cut: Cut, make: Callable[[], bytes]) -> bytes:
        """Return the packet for a part of a series, made at most once for each state of the series."""
        key = (loaded.state, cut)
        with self._lock:
            if key in self._packets:
                self._packets.move_to_end(key)
                return self._packets[key]
        made = make()
        if len(made) <= self._budget // 8:
            self._keep(key, made)
        return made

    def _keep(self, key: tuple[str, Cut], made: bytes) -> None:
        with self._lock:
            if key not in self._packets:
                self._packets[key] = made
                self._size += len(made) + 8 * len(key[1].samples or ())
            while self._size > self._budget:
                (_, cut), dropped = self._packets.popitem(last=False)
                self._size -= len(dropped) + 8 * len(cut.samples or ())
