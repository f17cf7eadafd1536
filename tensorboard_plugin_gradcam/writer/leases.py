"""Telling of a second process that writes the same series: their records would replace each other."""

from __future__ import annotations

import os
import socket
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace

from tensorboard_plugin_gradcam.records import Lease

BEAT_SECONDS = 30.0  # so often at least is a lease renewed by a session that writes
ALIVE_SECONDS = 600.0  # after a beat that is older, a session on another machine is taken for over


class Leases:
    """One session's own lease, and those of others in its run's directory."""

    def __init__(self, session: int) -> None:
        now = time.time()
        self._own = Lease(session, socket.gethostname(), os.getpid(), now, 0.0)
        self._others: dict[int, Lease] = {}
        self._told: set[int] = set()

    @property
    def own(self) -> Lease:
        """This session's."""
        return self._own

    def is_due(self, series: Iterable[str]) -> bool:
        """Tell whether the lease has to be written: for the first time, for another series, or again after a while."""
        is_old = time.time() - self._own.beat >= BEAT_SECONDS
        return is_old or self._own.closed or not set(series) <= set(self._own.series)

    def renewed(self, series: Iterable[str]) -> Lease:
        """Return the lease with a beat of now, also of these series."""
        names = tuple(dict.fromkeys((*self._own.series, *series)))
        self._own = replace(self._own, process=os.getpid(), beat=time.time(), closed=False, series=names)
        return self._own

    def closed(self) -> Lease:
        """Return the lease as one that is over."""
        self._own = replace(self._own, beat=time.time(), closed=True)
        return self._own

    def meet(self, lease: Lease) -> None:
        """Take note of a lease that was found in the run's directory."""
        if lease.session != self._own.session:
            self._others[lease.session] = lease

    def warn(self, run: str) -> bool:
        """Warn of each other session that writes one of the same series now, once; return whether there is any."""
        found = [one for one in self._others.values() if set(one.series) & set(self._own.series) and self._is_live(one)]
        for one in found:
            if one.session not in self._told:
                self._told.add(one.session)
                warnings.warn(
                    f"process {one.process} on {one.host} is writing the same Grad-CAM series to {run!r}: the records "
                    "of one replace those of the other, so give each process its own run directory, "
                    "or add to the run with mode='add'",
                    stacklevel=2,
                )
        return bool(found)

    def _is_live(self, lease: Lease) -> bool:
        if lease.closed or (lease.host, lease.process) == (self._own.host, self._own.process):
            return False
        if lease.beat > self._own.begun:
            return True
        if lease.host == self._own.host:
            return _is_running(lease.process)
        return time.time() - lease.beat < ALIVE_SECONDS


def _is_running(process: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end it
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
