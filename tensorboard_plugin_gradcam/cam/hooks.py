"""Contexts that borrow a model and give it back as it was, also when something raises half-way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


def hookable(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the modules that can have hooks, with their names: all but scripted ones."""
    return [(name, module) for name, module in model.named_modules() if not isinstance(module, torch.jit.ScriptModule)]


@contextmanager
def without_autocast(device: str) -> Iterator[None]:
    """Compute in the tensors' own types; where autocast is on in another thread only, that one's cache stays."""
    with torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext():
        yield


@contextmanager
def without_autocast_cache() -> Iterator[None]:
    """Keep casts of the weights out of autocast's cache.

    A cast that was made without a graph would be found there by the training's own forward pass, and cut the weight
    off its gradient.
    """
    enabled = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(enabled)


@contextmanager
def eager() -> Iterator[None]:
    """Run what `torch.compile` made eagerly: hooks may never fire in compiled code."""
    # Nothing can be compiled where TorchDynamo was never imported, and importing it takes seconds.
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def written_out() -> Iterator[None]:
    """Run transformers layer by layer: torch's fused fast path for evaluation mode calls no module within a block."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


def is_compiled(model: nn.Module) -> bool:
    """Say whether `torch.compile` made a part of `model`, or the code that is calling it."""
    if "torch._dynamo" not in sys.modules:
        return False
    if any(hasattr(module, "_orig_mod") or module._compiled_call_impl is not None for module in model.modules()):
        return True
    frame = sys._getframe().f_back
    while frame is not None and frame.f_globals.get("__name__") != "torch._dynamo.eval_frame":
        frame = frame.f_back
    return frame is not None


@contextmanager
def hooked(*handles: RemovableHandle) -> Iterator[None]:
    """Remove the hooks of `handles` at the end."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def detached(value: Any) -> Any:
    """Return `value` with the tensors in it cut from their graph; containers keep their type."""
    return map_tensors(Tensor.detach, value)


def map_tensors(function: Any, value: Any) -> Any:
    """Apply `function` to every tensor in nested tuples, lists and mappings, which keep their type."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return _rebuilt_mapping(function, value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(function, item) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(map_tensors(function, item) for item in value)
    return value


def _rebuilt_mapping(function: Any, value: dict[Any, Any]) -> Any:
    import copy

    # A shallow copy rather than `type(value)(...)`: Hugging Face's outputs are dataclasses as well as mappings.
    rebuilt = copy.copy(value)
    for key, item in value.items():
        rebuilt[key] = map_tensors(function, item)
    return rebuilt
