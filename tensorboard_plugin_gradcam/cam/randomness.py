"""The process's random states: put back where a model draws from them, left alone where it does not."""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import torch

Source = Literal["torch", "numpy", "python"]
_LOOKS, _LOOK_SECONDS = 10, 0.005  # a thread that draws all the time has its turn in one of them, on a busy machine too


class Turn:
    """Whose turn it is to put random states back, of the threads that explain models."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.lock = threading.RLock()


TURN = Turn()


class RandomStates:
    """The random states of the process when this is made: torch's (CPU and some CUDA devices), NumPy's and Python's.

    Args:
        devices: indices of CUDA devices.
    """

    def __init__(self, devices: Iterable[int]) -> None:
        self._read: dict[Source, Callable[[], Any]] = {
            "torch": lambda: [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in self._devices)],
            "numpy": lambda: np.random.get_state(legacy=False),
            "python": random.getstate,
        }
        self._devices = list(devices)
        self._states = {source: read() for source, read in self._read.items()}

    def changed(self) -> set[Source]:
        """Return which states are others than they were, whoever drew."""
        return {source for source, read in self._read.items() if not _is_same(read(), self._states[source])}

    def restore(self, sources: Iterable[Source]) -> None:
        """Put some of the states back."""
        for source in sources:
            if source == "torch":
                state, *of_devices = self._states["torch"]
                torch.set_rng_state(state)
                for device, own in zip(self._devices, of_devices, strict=True):
                    torch.cuda.set_rng_state(own, device)
            elif source == "numpy":
                np.random.set_state(self._states["numpy"])
            else:
                random.setstate(self._states["python"])


def drawn_by_others(devices: Iterable[int]) -> set[Source]:
    """Say from which states other threads draw now, by looking at them for a moment."""
    if threading.active_count() == 1:
        return set()
    states = RandomStates(devices)
    changed: set[Source] = set()
    for _ in range(_LOOKS):
        time.sleep(_LOOK_SECONDS)
        changed = states.changed()
        if changed:
            break
    return changed


def warn_of_others(sources: Iterable[Source]) -> None:
    """Warn that another thread draws while a model that draws too is explained."""
    warnings.warn(
        f"the model draws random numbers of {' and '.join(sorted(sources))} in evaluation mode, and another thread "
        "draws from the same generator meanwhile: it gets the numbers that it drew during a map once more afterwards. "
        "Give the model or the thread a generator of its own",
        stacklevel=2,
    )


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return all(map(_is_same, one, other))
    return bool(one == other)
