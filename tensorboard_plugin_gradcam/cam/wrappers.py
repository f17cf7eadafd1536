"""What people wrap a model in, and which wrappers can be looked into."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

_WRAPPERS = ("DataParallel", "DistributedDataParallel")


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module inside `DataParallel`, `DistributedDataParallel` and `torch.compile`.

    A forward pass of the wrapper on one rank alone would make the others wait, or synchronise buffers.

    Raises:
        TypeError: for what is no module, for a scripted or a fully sharded model, and for one whose weights were made
            in inference mode.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"expected a torch.nn.Module, got {type(model).__name__}: wrap a function in a module")
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError(
            f"{type(model).__name__} is a scripted model, in which hooks do not run: "
            "pass the Python model that it was made from"
        )
    if any(_is_of_inference(parameter) for parameter in model.parameters()):
        raise TypeError(
            f"{type(model).__name__} was made in inference mode, so its weights can't enter a graph: make it outside"
        )
    _refuse_fully_sharded(model)
    if hasattr(model, "_orig_mod"):
        return unwrapped(model._orig_mod)  # type: ignore[arg-type]
    if type(model).__name__ in _WRAPPERS:
        return unwrapped(model.module)  # type: ignore[arg-type]
    return model


def _is_of_inference(parameter: nn.Parameter) -> bool:
    # A lazy layer's parameter can't be asked; what is wrong with it is said when the model is to run.
    return not isinstance(parameter, UninitializedTensorMixin) and parameter.is_inference()


def refuse_cuda_graphs() -> None:
    """Refuse to explain while a CUDA graph is captured: what runs once would be replayed with it.

    Raises:
        RuntimeError: within `torch.cuda.graph`.
    """
    if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
        raise RuntimeError("expected no CUDA graph to be captured, got a call within torch.cuda.graph: call it outside")


def _refuse_fully_sharded(model: nn.Module) -> None:
    for name, module in model.named_modules():
        ancestors = {cls.__name__ for cls in type(module).__mro__}
        if ancestors & {"FullyShardedDataParallel", "FSDPModule"}:
            raise TypeError(
                f"{name or 'the model'} is fully sharded (FSDP): a forward pass on one rank alone would hang. "
                "Gather the weights into a plain copy of the model on that rank and pass the copy"
            )
