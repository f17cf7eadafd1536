"""What all requests together may take: they wait for each other, share one answer, or are told to try again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from contextlib import contextmanager
from typing import Any, TypeVar

from tensorboard import errors

from tensorboard_plugin_gradcam.viewer.limits import (
    BYTES_A_SECOND,
    PROCESSOR_SECONDS,
    RETRY_SECONDS,
    WAIT_SECONDS,
    WAITING,
)

T = TypeVar("T")


class Busy(errors.PublicError):  # type: ignore[misc, unused-ignore]
    """More is asked for at once than the budget allows."""

    http_code = 503

    def __init__(self) -> None:
        super().__init__("TensorBoard is busy with other requests: try again")
        self.headers.append(("Retry-After", str(RETRY_SECONDS)))


class Turns:
    """Work of which only so much is done at a time; the others wait, those after them are told to try again."""

    def __init__(self, at_once: int, wait: float = WAIT_SECONDS, waiting: int = WAITING) -> None:
        self._free = threading.Semaphore(at_once)
        self._places = threading.Semaphore(at_once + waiting)
        self._wait = wait

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and have it; raises `Busy`."""
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            if not self._free.acquire(timeout=self._wait):
                raise Busy
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._places.release()


class Processor:
    """Seconds of processor that a request may take: one, and one more for each `BYTES_A_SECOND` it is handed.

    Work that can be cut into parts asks between them, keeps what it has, and goes on when it is asked again.
    """

    def __init__(self, handed: int = 0) -> None:
        self._end = time.thread_time() + PROCESSOR_SECONDS + handed / BYTES_A_SECOND
        self._progressed = False

    def hand(self, size: int) -> None:
        """Allow for further bytes that TensorBoard handed over."""
        self._end += size / BYTES_A_SECOND

    @property
    def is_used_up(self) -> bool:
        """Whether it took so much; only the thread counts that began."""
        return time.thread_time() > self._end

    def expect_some(self) -> None:
        """Raise `Busy` where it is used up, and something was done: else each request would end where the last did."""
        if self._progressed and self.is_used_up:
            raise Busy

    def note_progress(self) -> None:
        """Say that a part of the work is done and kept."""
        self._progressed = True


class Flights:
    """Requests for the same thing at the same time: the first makes it, the others get what it gets."""

    def __init__(self) -> None:
        self._coming: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def share(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returns, or raise what it raises, here or in the request that was first."""
        with self._lock:
            coming = self._coming.get(key)
            if coming is None:
                mine: Future[Any] = Future()
                self._coming[key] = mine
        if coming is not None:
            try:
                shared: T = coming.result(2 * WAIT_SECONDS)
            except TooSlow:
                raise Busy from None
            return shared
        try:
            made = make()
            mine.set_result(made)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._coming[key]
        return made


class Bytes:
    """A number of bytes that may be in use at once."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._lock = threading.Lock()

    def take(self, size: int) -> Callable[[], None]:
        """Take `size` bytes and return what gives them back; raises `Busy` if they are not there."""
        with self._lock:
            if size > self._left:
                raise Busy
            self._left -= size
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            with self._lock:
                self._left += 0 if given_back else size
                given_back = True

        return give_back


class Holding:
    """Large things that requests hold while they work on them; what several hold is counted once.

    One that is larger than the budget is let in alone.
    """

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._holders: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, name: Hashable, size: int) -> Iterator[None]:
        """Hold a thing of such a size; raises `Busy` if there is no room."""
        with self._lock:
            if name not in self._holders:
                if size > self._left and self._holders:
                    raise Busy
                self._left -= size
            self._holders[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders[name] -= 1
                if not self._holders[name]:
                    del self._holders[name]
                    self._left += size
