"""Contexts that borrow a model and give it back as it was, also when something raises half-way."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module of `model` in evaluation mode, then give each its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    # Not `model.eval()`: it calls overridden `train` methods, and LoRA layers merge their weights there.
    for module, _ in modes:
        module.training = False
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version  # inference tensors count no versions


@contextmanager
def keeping_buffers(model: nn.Module) -> Iterator[None]:
    """Undo what forward passes do to the buffers of `model`, for layers that update some also in evaluation mode."""
    kept = [
        (module, name, buffer, buffer.detach().clone(), _version(buffer))
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        for module, name, buffer, copy, version in kept:
            module._buffers[name] = buffer
            # A buffer that was not written is not written here either: autograd may have saved this very version.
            if version is None or buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(copy)


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


@contextmanager
def borrowing(model: nn.Module) -> Iterator[None]:
    """Use `model` for forward passes in evaluation mode, without a graph, and leave no trace."""
    with ExitStack() as stack:
        stack.enter_context(eager())
        stack.enter_context(keeping_grad_mode(False))
        stack.enter_context(without_autocast_cache())
        stack.enter_context(keeping_rng(model))
        stack.enter_context(keeping_buffers(model))
        stack.enter_context(evaluating(model))
        yield


@contextmanager
def hooked(*handles: RemovableHandle) -> Iterator[None]:
    """Remove the hooks of `handles` at the end."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tap(name: str, taps: dict[str, Tensor]) -> Any:
    """Return a hook that keeps the layer's output, and starts the graph at the first layer that is tapped."""

    def hook(module: nn.Module, args: Any, output: Any) -> Tensor:
        if not isinstance(output, Tensor):
            raise ValueError(
                f"expected layer {name!r} to return a tensor, got {type(output).__name__}: choose a layer inside it"
            )
        if name in taps:
            raise ValueError(f"layer {name!r} ran more than once in the forward pass: choose one that runs once")
        torch.set_grad_enabled(True)  # whoever borrows the model restores it
        taps[name] = output if output.requires_grad else output.detach().clone().requires_grad_()
        return taps[name].clone()  # an in-place operation behind the layer would change what is kept

    return hook


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
