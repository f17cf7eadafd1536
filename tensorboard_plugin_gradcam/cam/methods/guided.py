"""Guided Backprop, and Grad-CAM at the resolution of the image by it."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..scaling import resized
from ..scene import LayerScene, Scene
from .formulas import grad_cam
from .registry import method

RELUS = {
    functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, functional.relu6,
}  # fmt: skip


# Functions that are ReLUs where their lower bound is 0: what is below it becomes it.
CLAMPS = {
    functional.hardtanh, functional.hardtanh_, functional.threshold, torch.threshold,
    torch.threshold_, torch.clamp, torch.clamp_, torch.clip, torch.clip_, Tensor.clamp, Tensor.clamp_, Tensor.clip,
    Tensor.clip_, torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_, torch.maximum, Tensor.maximum,
}  # fmt: skip


def is_rectifier(function: Any, args: Any, kwargs: Any) -> bool:
    """Say whether a call sets what is negative to 0 and keeps what is positive, up to a bound at most."""
    if function in RELUS:
        return True
    if function not in CLAMPS:
        return False
    if function in (torch.maximum, Tensor.maximum):
        return any(isinstance(value, Tensor) and not bool(value.any()) for value in (*args, *kwargs.values()))
    default = -1.0 if function in (functional.hardtanh, functional.hardtanh_) else None
    names = ("min_val", "threshold", "min")
    bounds = [kwargs[name] for name in names if name in kwargs] or list(args[1:2]) or [default]
    is_zero = not isinstance(bounds[0], Tensor) and bounds[0] == 0
    if "threshold" in getattr(function, "__name__", ""):
        values = [kwargs["value"]] if "value" in kwargs else list(args[2:3])
        return is_zero and values == [0]
    return is_zero


class GuidedReLUs(TorchFunctionMode):
    """Let only positive gradients through every ReLU: modules, functions and methods, in place or not, shared or not.

    ReLU6 and clamps at 0 are ReLUs as well.

    The ReLU's own derivative has already stopped what its input does; the model is not touched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run a function of torch's; hook the output of a ReLU."""
        output = function(*args, **(kwargs or {}))
        if is_rectifier(function, args, kwargs or {}):
            self.count += 1
            if output.requires_grad:
                output.register_hook(_positive)
        return output


def _positive(gradient: Tensor) -> Tensor:
    return gradient.clamp(min=0)


@method(needs="passes", kind="rgb", place="input")
def guided_backprop(scene: Scene) -> Tensor:
    """Return the gradient of the image, backwards only through what is positive (Springenberg et al., 2015, sec. 3.4).

    Signed, one value for each colour of each pixel: ``(M, H, W, 3)``; where images have no three channels, their sum
    ``(M, H, W)``. A network without ReLUs has no other gradient than the plain one, and gets a warning.
    https://arxiv.org/abs/1412.6806
    """
    return colours(_guided(scene))


@method(needs="passes", kind="rgb")
def guided_grad_cam(scene: LayerScene) -> Tensor:
    """Multiply Guided Backprop by the rectified Grad-CAM, resized to the image (Selvaraju et al., 2017, sec. 3.2).

    Signed, ``(M, H, W, 3)``, as `guided_backprop`.
    https://arxiv.org/abs/1610.02391
    """
    maps = resized(grad_cam(*scene.gradients()).clamp(min=0), tuple(scene.images.shape[2:]))
    return colours(_guided(scene) * maps[:, None])


def colours(values: Tensor) -> Tensor:
    """Put the three channels of ``(M, 3, H, W)`` last; sum others."""
    return values.movedim(1, -1) if values.shape[1] == 3 and values.ndim == 4 else values.sum(dim=1)


def _guided(scene: Scene) -> Tensor:
    relus = GuidedReLUs()
    gradients = []
    for chunk in scene.chunks():
        with relus:
            images, scores = scene.input_graph(chunk)
        gradients.append(torch.autograd.grad(scores, images, torch.ones_like(scores))[0])
    if not relus.count:
        warnings.warn("the model has no ReLU: its guided gradient is the plain one", stacklevel=2)
    return torch.cat(gradients).float()
