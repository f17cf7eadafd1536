"""Methods that are functions of a layer's activations and gradients, and need no model."""

from __future__ import annotations

import torch
from torch import Tensor

from .registry import method


def spatial(tensor: Tensor) -> tuple[int, ...]:
    """Return the spatial axes of ``(N, C, ...)``."""
    return tuple(range(2, tensor.ndim))


def weighted(weights: Tensor, activations: Tensor) -> Tensor:
    """Return each channel times its weight: ``weights`` is ``(N, C)``."""
    return weights.reshape(*weights.shape, *(1 for _ in spatial(activations))) * activations


@method(needs="gradients", sums_channels=True)
def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each channel by its mean gradient (Selvaraju et al., 2017, eq. 1-2).

    https://arxiv.org/abs/1610.02391
    """
    return weighted(gradients.mean(dim=spatial(gradients)), activations)


@method(needs="gradients", sums_channels=True)
def hires_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each cell by its own gradient (Draelos & Carin, 2020, eq. 4).

    https://arxiv.org/abs/2011.08891
    """
    return gradients * activations


@method(needs="gradients", sums_channels=True)
def grad_cam_element_wise(activations: Tensor, gradients: Tensor) -> Tensor:
    """Sum the positive products of gradient and activation, as grad-cam's GradCAMElementWise does."""
    return (gradients * activations).clamp(min=0)


@method(needs="gradients", sums_channels=True)
def layer_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each cell by the positive part of its own gradient (Jiang et al., 2021, eq. 5-7).

    https://doi.org/10.1109/TIP.2021.3089943
    """
    return gradients.clamp(min=0) * activations


@method(needs="gradients", sums_channels=True)
def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each channel by its positive gradients, each by its share (Chattopadhay et al., 2018, eq. 19).

    https://arxiv.org/abs/1710.11063
    """
    squares = gradients**2
    sums = activations.sum(dim=spatial(activations), keepdim=True)
    shares = squares / (2 * squares + sums * gradients**3 + 1e-6)  # 1e-6 as in grad-cam
    shares = torch.where(gradients != 0, shares, torch.zeros_like(shares))
    return weighted((gradients.clamp(min=0) * shares).sum(dim=spatial(gradients)), activations)


@method(needs="gradients", sums_channels=True)
def xgrad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Weight each channel by its gradients' mean, weighted by the activations (Fu et al., 2020, eq. 8).

    https://arxiv.org/abs/2008.02312
    """
    sums = activations.sum(dim=spatial(activations), keepdim=True)
    shares = gradients * activations / (sums + 1e-7)  # 1e-7 as in grad-cam
    return weighted(shares.sum(dim=spatial(gradients)), activations)


@method(needs="activations")
def eigen_cam(activations: Tensor) -> Tensor:
    """Project each cell on the activations' first principal component (Muhammad & Yeasin, 2020, sec. III).

    The component's sign is arbitrary; here it is the one that correlates with the mean activation.
    https://arxiv.org/abs/2008.00299
    """
    return principal(activations)


@method(needs="gradients")
def eigen_grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Project on the first principal component of gradient times activation, as grad-cam's EigenGradCAM does."""
    return principal(gradients * activations)


def principal(features: Tensor) -> Tensor:
    """Project each cell of ``(N, C, ...)`` on the first principal component; the sign is that of the mean channel."""
    finite = features.isfinite().flatten(start_dim=1).all(dim=1)  # a decomposition of NaN raises for the whole batch
    cells = features.nan_to_num(0, 0, 0).flatten(start_dim=2).transpose(1, 2)  # (N, cells, C)
    centred = cells - cells.mean(dim=1, keepdim=True)
    _, _, components = torch.linalg.svd(centred, full_matrices=False)
    projected: Tensor = (centred @ components[:, 0, :, None])[..., 0]
    projected[~finite] = torch.nan
    return oriented(projected, cells.mean(dim=2)).reshape(len(features), *features.shape[2:])


def oriented(projected: Tensor, mean: Tensor) -> Tensor:
    """Choose the sign that correlates with the mean channel; both ``(N, cells)``."""
    covariance = (projected * (mean - mean.mean(1, keepdim=True))).sum(1)
    return projected * torch.where(covariance < 0, -1.0, 1.0)[:, None]


@method(needs="activations", sums_channels=True)
def fem(activations: Tensor, deviations: float = 2.0) -> Tensor:
    """Weight each channel by its share of cells above mean plus two deviations (Fuad et al., 2020, eq. 1-3).

    https://hal.science/hal-02963298
    """
    axes = spatial(activations)
    spread = activations.std(dim=axes, correction=0, keepdim=True)
    rare = activations > activations.mean(dim=axes, keepdim=True) + deviations * spread
    return weighted(rare.to(activations).mean(dim=axes), activations)


@method(needs="activations", sums_channels=True)
def random_cam(activations: Tensor, seed: int = 0) -> Tensor:
    """Weight each channel at random, uniformly in [-1, 1]: the baseline that a method has to beat.

    The weights are the same at each call, so that steps can be compared; no other random state is used.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(activations.shape[:2], generator=generator) * 2 - 1
    return weighted(weights.to(activations), activations)
