"""Contexts that borrow a model and give it back as it was, also when something raises half-way."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


@contextmanager
def keeping_modes(modes: Mapping[nn.Module, bool]) -> Iterator[None]:
    """Put modules in the given modes, then give each its own mode back."""
    own = modes_of(modes)
    # Not `model.train(mode)`: models override it, and LoRA layers merge their weights there.
    for module, training in modes.items():
        module.training = training
    try:
        yield
    finally:
        for module, training in own.items():
            module.training = training


def modes_of(modules: Iterable[nn.Module]) -> dict[nn.Module, bool]:
    """Return which modules are in training mode."""
    return {module: module.training for module in modules}


@contextmanager
def keeping_buffers(model: nn.Module) -> Iterator[None]:
    """Let forward passes use copies of the buffers of `model`, for layers that write to some also in evaluation mode.

    The buffers themselves are not touched: autograd may have saved this very version of one.
    """
    own = [(module, dict(module._buffers)) for module in model.modules()]
    copies: dict[Tensor, Tensor] = {}  # a buffer that modules share stays shared
    for module, buffers in own:
        for name, buffer in buffers.items():
            if buffer is not None:
                module._buffers[name] = copies.setdefault(buffer, buffer.detach().clone())
    try:
        yield
    finally:
        for module, buffers in own:
            for name, buffer in buffers.items():
                module._buffers[name] = buffer


def _cuda_devices(model: nn.Module) -> list[int]:
    indices = {parameter.device.index for parameter in model.parameters() if parameter.device.type == "cuda"}
    return sorted(index for index in indices if index is not None)


@contextmanager
def keeping_rng(model: nn.Module) -> Iterator[None]:
    """Give torch (CPU and the model's CUDA devices), NumPy and Python their random states back."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=_cuda_devices(model)):
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


@contextmanager
def keeping_grad_mode(enabled: bool) -> Iterator[None]:
    """Leave inference mode and set the grad mode, then restore both. Hooks may change the grad mode inside."""
    with torch.inference_mode(False), torch.set_grad_enabled(enabled):
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
def borrowing(model: nn.Module) -> Iterator[None]:
    """Use `model` for forward passes in evaluation mode, without a graph, and leave no trace."""
    with ExitStack() as stack:
        stack.enter_context(eager())
        stack.enter_context(keeping_grad_mode(False))
        stack.enter_context(without_autocast_cache())
        stack.enter_context(keeping_rng(model))
        stack.enter_context(keeping_buffers(model))
        stack.enter_context(keeping_modes(dict.fromkeys(model.modules(), False)))
        yield


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
