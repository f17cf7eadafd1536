"""Class activation maps, as functions of what a layer saw and felt.

Every method maps one layer's activations ``A`` and the gradients ``dY/dA`` of the target scores, both ``(N, C, ...)``
with any number of spatial axes, to maps ``(N, ...)``. The maps are signed and in the layer's own resolution and scale:
rectifying, scaling and resizing belong to whoever looks at them.

A new method is one function and one line above it::

    @method(needs="gradients")
    def grad_cam(activations, gradients): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Needs = Literal["activations", "gradients", "passes"]
MapKind = Literal["positive", "signed", "rgb"]


@dataclass(frozen=True)
class Method:
    """A method, and what it has to be given.

    Attributes:
        name: snake case of the paper's name.
        function: takes the activations; or activations and gradients; or, where it needs passes of its own, a `Scene`.
        needs: which of the three.
        kind: how its maps are meant to be seen.
        place: "layer" where each target layer has its map; otherwise the one name that its map goes by.
    """

    name: str
    function: Callable[..., Tensor]
    needs: Needs
    kind: MapKind = "positive"
    place: str = "layer"


METHODS: dict[str, Method] = {}


def method(
    needs: Needs, kind: MapKind = "positive", place: str = "layer"
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Register a function as the CAM method of its name."""

    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        METHODS[function.__name__] = Method(function.__name__, function, needs, kind, place)
        return function

    return register


def find_methods(methods: Any) -> tuple[Method, ...]:
    """Return the methods that a name, a function or an iterable of them stands for.

    Raises:
        ValueError: for a name that no method has; the message lists close ones.
    """
    if isinstance(methods, (str, Method)) or callable(methods):
        return (_find_method(methods),)
    found = tuple(_find_method(item) for item in methods) if isinstance(methods, Iterable) else ()
    if not found:
        raise ValueError(f"expected at least one method, got {methods!r}")
    return found


def _find_method(item: Any) -> Method:
    if isinstance(item, Method):
        return item
    name = getattr(item, "__name__", item)
    if name not in METHODS:
        from difflib import get_close_matches

        close = get_close_matches(str(name), METHODS, n=3) or sorted(METHODS)
        raise ValueError(f"expected a method such as {', '.join(close)}, got {item!r}")
    return METHODS[name]


def _spatial(tensor: Tensor) -> tuple[int, ...]:
    return tuple(range(2, tensor.ndim))


def _weighted(weights: Tensor, activations: Tensor) -> Tensor:
    """Sum the channels, each times its weight: ``weights`` is ``(N, C)``."""
    return torch.einsum("nc,nc...->n...", weights, activations)


@method(needs="gradients")
def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each channel by its mean gradient (Selvaraju et al., 2017, eq. 1-2).

    https://arxiv.org/abs/1610.02391
    """
    return _weighted(gradients.mean(dim=_spatial(gradients)), activations)


@method(needs="gradients")
def hires_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each cell by its own gradient (Draelos & Carin, 2020, eq. 4).

    https://arxiv.org/abs/2011.08891
    """
    return (gradients * activations).sum(dim=1)


@method(needs="gradients")
def layer_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each cell by the positive part of its own gradient (Jiang et al., 2021, eq. 5-7).

    https://doi.org/10.1109/TIP.2021.3089943
    """
    return (gradients.clamp(min=0) * activations).sum(dim=1)


@method(needs="gradients")
def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each channel by its positive gradients, each by its share (Chattopadhay et al., 2018, eq. 19).

    https://arxiv.org/abs/1710.11063
    """
    squares = gradients**2
    sums = activations.sum(dim=_spatial(activations), keepdim=True)
    shares = squares / (2 * squares + sums * gradients**3 + 1e-6)  # 1e-6 as in grad-cam
    shares = torch.where(gradients != 0, shares, torch.zeros_like(shares))
    return _weighted((gradients.clamp(min=0) * shares).sum(dim=_spatial(gradients)), activations)


@method(needs="gradients")
def xgrad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each channel by its gradients' mean, weighted by the activations (Fu et al., 2020, eq. 8).

    https://arxiv.org/abs/2008.02312
    """
    sums = activations.sum(dim=_spatial(activations), keepdim=True)
    shares = gradients * activations / (sums + 1e-7)  # 1e-7 as in grad-cam
    return _weighted(shares.sum(dim=_spatial(gradients)), activations)


@method(needs="activations")
def eigen_cam(activations: Tensor) -> Tensor:
    """Project each cell on the activations' first principal component (Muhammad & Yeasin, 2020, sec. III).

    The component's sign is arbitrary; here it is the one that correlates with the mean activation.
    https://arxiv.org/abs/2008.00299
    """
    return _principal(activations)


@method(needs="gradients")
def eigen_grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Project on the first principal component of gradient times activation, as grad-cam's EigenGradCAM does."""
    return _principal(gradients * activations)


def _principal(features: Tensor) -> Tensor:
    cells = features.flatten(start_dim=2).transpose(1, 2)  # (N, cells, C)
    centred = cells - cells.mean(dim=1, keepdim=True)
    _, _, components = torch.linalg.svd(centred, full_matrices=False)
    projected: Tensor = (centred @ components[:, 0, :, None])[..., 0]
    mean = cells.mean(dim=2)
    covariance = (projected * (mean - mean.mean(1, keepdim=True))).sum(1)
    sign = torch.where(covariance < 0, -1.0, 1.0)
    signed: Tensor = projected * sign[:, None]
    return signed.reshape(len(features), *features.shape[2:])
