"""`Held`: signals wait while a model is changed and given back, so that Ctrl-C never falls in between."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_NUMBERS = tuple(map(int, signal.valid_signals()))


class Held:
    """Hold the handlers of signals back within a `with` block, except where it is open; then run them.

    A handler such as that of Ctrl-C raises wherever the main thread is. Within the block it waits for the end of the
    block, and it runs at once where the block is `Open`, which its first signal ends. Python runs handlers in the
    main thread alone; in other threads this does nothing. The operating system's mask would not do: another thread of
    the process takes a signal that this one blocks.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._handlers: dict[int, Any] = {}
        self._waiting: list[int] = []

    def __enter__(self) -> Held:
        """Take the place of the handlers that are written in Python."""
        if threading.current_thread() is not threading.main_thread():
            return self
        found = {number: signal.getsignal(number) for number in _NUMBERS}
        self._handlers = {number: handler for number, handler in found.items() if callable(handler)}
        try:
            for number in self._handlers:
                signal.signal(number, self._handle)
        except BaseException:
            self._give_back()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the handlers their places back, and run those that waited."""
        self.is_open = False
        self._give_back()
        self.run_waiting()

    def run_waiting(self) -> None:
        """Run the handlers of the signals that came meanwhile."""
        while self._waiting:
            self._run(self._waiting.pop(0), None)

    def _give_back(self) -> None:
        try:
            self._set_own()
        except BaseException:  # a handler that has its place back may raise at once
            self._set_own()
            raise

    def _set_own(self) -> None:
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._handle:  # else the forward pass set another
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.is_open:
            self.is_open = False  # what follows it is the way out
            self._run(number, frame)
            self.is_open = True  # it did not raise
        elif number not in self._waiting:
            self._waiting.append(number)

    def _run(self, number: int, frame: FrameType | None) -> None:
        self._handlers[number](number, frame)


class Open:
    """Let signals through within a `with` block that stands in a block of `Held`.

    Two blocks, for the outer one ends also where a signal raises on the way in or out of the inner one.
    """

    def __init__(self, held: Held) -> None:
        self._held = held

    def __enter__(self) -> None:
        """Run the handlers of what came before, too."""
        self._held.is_open = True
        self._held.run_waiting()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hold signals back again."""
        self._held.is_open = False
