"""A copy of a model with weights as they are before any training."""

from __future__ import annotations

import copy

import torch
from torch import nn

SEED = 20181203  # one that no training begins with, or the copy would be the network itself, untrained


def randomised(model: nn.Module, seed: int = SEED) -> nn.Module:
    """Return a copy of a model whose weights are re-initialised: the same ones at each call.

    Each module initialises its own (`reset_parameters`), and forgets what it counted, such as a BatchNorm's means;
    weights that belong to none, such as a class token, become noise of their own mean and deviation. The random state
    of the process stays.

    Raises:
        TypeError: the model can't be copied.
    """
    try:
        with torch.no_grad():
            copied = copy.deepcopy(model)
    except Exception as error:
        raise TypeError(
            f"expected a model that can be copied, got an error: pass randomised=, a copy: {error}"
        ) from error
    devices = sorted({parameter.device.index or 0 for parameter in copied.parameters() if parameter.is_cuda})
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        torch.manual_seed(seed)
        done: set[int] = set()
        for module in copied.modules():
            reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
            if callable(reset):
                reset()
                done |= {id(parameter) for parameter in module.parameters()}
        for parameter in copied.parameters():
            if id(parameter) not in done and parameter.is_floating_point():
                deviation = parameter.float().std(correction=0)
                parameter.copy_(torch.randn_like(parameter) * deviation + parameter.float().mean())
    return copied
