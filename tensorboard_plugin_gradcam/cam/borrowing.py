"""`borrowing`: use a model for forward passes of one's own, and give it back as it was."""

from __future__ import annotations

import gc
import os
import threading
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]
from torch.nn.utils import parametrize

from .hooks import eager, without_autocast_cache, written_out
from .randomness import TURN, RandomStates, Source, drawn_by_others, warn_of_others
from .signals import Held, Open
from .snapshot import Earlier, Snapshot
from .tensors import FirstPass

WAIT_SECONDS = 60.0


class _Known:
    """What the passes of a model were seen to do."""

    def __init__(self) -> None:
        self.has_run = False
        self.draws: set[Source] = set()
        self.has_warned_of_threads = False
        self.written: list[Tensor] = []
        self.said: set[str] = set()
        self.earlier = Earlier()


class _Models:
    """What is known of models, and which thread uses which."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[nn.Module], _Known]] = {}
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._free = threading.Condition()
        self._used: list[tuple[nn.Module, int]] = []

    def known(self, model: nn.Module) -> _Known:
        """Return what is known of a model."""
        found = self._known.get(id(model))
        if found is None or found[0]() is not model:
            key = id(model)
            found = weakref.ref(model, lambda _: self._known.pop(key, None)), _Known()
            self._known[key] = found
        return found[1]

    def take(self, model: nn.Module) -> None:
        """Wait until no other thread uses the model or a part of it.

        Raises:
            RuntimeError: where that takes more than a minute.
        """
        with self._free:
            if not self._free.wait_for(lambda: not self._is_used(model), WAIT_SECONDS):
                raise RuntimeError(
                    f"expected the model to be free, but another thread has been explaining it for {WAIT_SECONDS:.0f} "
                    "seconds: explain one model in one thread at a time, or a copy of it"
                )
            self._used.append((model, threading.get_ident()))

    def _is_used(self, model: nn.Module) -> bool:
        thread = threading.get_ident()
        others = [used for used, by in self._used if by != thread]
        return any(used is model or not set(used.modules()).isdisjoint(model.modules()) for used in others)

    def give_back(self, model: nn.Module) -> None:
        """Let others use the model again."""
        with self._free:
            thread = threading.get_ident()
            mine = [place for place, (used, by) in enumerate(self._used) if used is model and by == thread]
            if mine:  # else taking it was interrupted
                del self._used[mine[-1]]
            self._free.notify_all()


MODELS = _Models()


class borrowing:  # a verb, for it is read after `with`
    """Use `model` for forward passes without a graph, and leave no trace.

    Signals, such as that of Ctrl-C, wait until the end of the block, except where it is `interruptible`. Whatever
    interrupts it, the model is given back first. Other threads that explain the same model, or a part of it, wait.

    Example:
        >>> with borrowing(model) as borrowed, borrowed.interruptible():
        ...     scores = model(images)

    Args:
        model: whose forward passes are run in the block.
        modes: which modules are in training mode meanwhile; all of them in evaluation mode by default.

    Raises:
        ValueError: for a model with lazy layers that have not run.
        RuntimeError: where another thread does not give the model back.
    """

    def __init__(self, model: nn.Module, modes: Mapping[nn.Module, bool] | None = None) -> None:
        self._model, self._modes = model, modes
        self._held = Held()
        self._undo = ExitStack()

    def __enter__(self) -> borrowing:
        """Take the model, look at all of it, and only then change anything."""
        self._held.__enter__()
        try:
            self._change()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put everything back; signals that waited for that may then raise."""
        self._end()

    def interruptible(self) -> Open:
        """Let signals through in an inner block, which has nothing to give back."""
        return Open(self._held)

    def _end(self) -> None:
        try:
            self._undo.close()
        finally:
            self._undo.close()  # goes on where something was in the way
            self._held.__exit__(None, None, None)

    def _change(self) -> None:
        model, undo = self._model, self._undo
        undo.callback(MODELS.give_back, model)
        with Open(self._held):
            MODELS.take(model)
        known = MODELS.known(model)
        if known.draws or not known.has_run:
            turn = TURN.lock
            if not turn.acquire(timeout=WAIT_SECONDS):
                raise RuntimeError(
                    "expected another thread's map to end, whose model draws random numbers too, but it has lasted "
                    f"{WAIT_SECONDS:.0f} seconds: explain models that draw in one thread"
                )
            undo.callback(turn.release)
        devices = _cuda_devices(model) if torch.cuda.is_initialized() else []
        states = RandomStates(devices)
        with _without_collecting():
            snapshot = Snapshot(model, known.written, known.earlier)
        if snapshot.has_lazy_tensors:
            _refuse_lazy(model)
        first: list[FirstPass] = []
        undo.callback(self._restore, known, states, devices, snapshot, first)
        undo.enter_context(eager())
        undo.enter_context(written_out())
        if torch.is_inference_mode_enabled():
            undo.enter_context(torch.inference_mode(False))
        undo.enter_context(torch.set_grad_enabled(False))
        undo.enter_context(without_autocast_cache())
        cache = parametrize._cache
        undo.callback(setattr, parametrize, "_cache", cache)
        parametrize._cache = {}  # within `parametrize.cached()` the training's own weights are in it
        set_modes(dict.fromkeys(snapshot.modules, False) if self._modes is None else self._modes)
        if not known.has_run:
            first.append(FirstPass(snapshot.tensors))
            undo.enter_context(first[0])

    def _restore(
        self, known: _Known, states: RandomStates, devices: list[int], snapshot: Snapshot, first: list[FirstPass]
    ) -> None:
        overwritten = snapshot.tensors.overwritten()
        with _without_collecting():
            snapshot.restore()
        ours = _drawn(known, states, first, devices)
        states.restore(ours)
        known.draws |= ours
        if first:
            known.has_run = True
        written = snapshot.tensors.written
        known.written += written
        for text in (_words_of_restored(snapshot.tensors.names(written)), _words(snapshot.tensors.names(overwritten))):
            if text and text not in known.said:
                known.said.add(text)
                warnings.warn(text, stacklevel=2)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep the garbage collector, which looks at every object again and again while many are made, off for a moment."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def set_modes(modes: Mapping[nn.Module, bool]) -> None:
    """Put modules in the given modes."""
    # Not `model.train(mode)`: models override it, and LoRA layers merge their weights there.
    for module, training in modes.items():
        if isinstance(module, torch.jit.ScriptModule):
            if module._c.hasattr("training"):
                module._c.setattr("training", training)
        else:
            module.__dict__["training"] = training  # what `nn.Module.__setattr__` does, after asking what it is


def modes_of(model: nn.Module) -> dict[nn.Module, bool]:
    """Return which modules are in training mode."""
    return {module: bool(getattr(module, "training", False)) for module in model.modules()}


def _drawn(known: _Known, states: RandomStates, first: list[FirstPass], devices: list[int]) -> set[Source]:
    """Say which of the states the model's own pass changed.

    Operations of torch are seen in the first pass. For NumPy's and Python's the states tell; where other threads run,
    only if they do not change when nothing is run.
    """
    changed = states.changed()
    ours = known.draws & changed
    if first and first[0].draws:
        ours |= changed & {"torch"}
    unclear = changed - ours - ({"torch"} if first else set())
    others: set[Source] = set()
    if unclear and not first and threading.active_count() > 1:
        known.has_run, others = False, unclear  # the next pass is looked at
    elif unclear or ours - known.draws:
        others = drawn_by_others(devices)
    ours |= unclear - others
    if ours & others and not known.has_warned_of_threads:
        known.has_warned_of_threads = True
        warn_of_others(ours & others)
    return ours


def _words_of_restored(names: list[str]) -> str | None:
    if not names:
        return None
    return (
        f"the model's forward pass writes to its parameters {_listed(names)}, in evaluation mode too: they are copied "
        "for each map and restored after it; store what a pass changes in buffers"
    )


def _words(names: list[str]) -> str | None:
    if not names:
        return None
    return (
        f"the model's forward pass wrote to its parameters {_listed(names)}, which are not copied, so they differ "
        "from before this map. Store what a pass changes in buffers, which are restored"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _refuse_lazy(model: nn.Module) -> None:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if isinstance(tensor, UninitializedTensorMixin):
            raise ValueError(
                f"expected a model whose lazy layers have run, got {name!r} without a shape: run the model once, such "
                "as model(images), because a map would decide the shape and draw the values"
            )


def _cuda_devices(model: nn.Module) -> list[int]:
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers()) if tensor.is_cuda}
    return sorted(device.index for device in devices if device.index is not None)
