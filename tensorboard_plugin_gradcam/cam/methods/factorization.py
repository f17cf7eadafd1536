"""Methods that factorise a layer's activations with scikit-learn, of the extra `factorization`."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from .formulas import oriented
from .registry import method


def _decomposition() -> Any:
    try:
        from sklearn import decomposition
    except ImportError as error:
        from tensorboard_plugin_gradcam.installing import missing

        raise missing("this method", "scikit-learn", "factorization") from error
    return decomposition


@method(needs="activations")
def kpca_cam(activations: Tensor, kernel: str = "sigmoid") -> Tensor:
    """Project each cell on the first component of a kernel PCA (Karmani et al., 2024, eq. 6-8).

    The component's sign is arbitrary; here it is the one that correlates with the mean activation.
    https://arxiv.org/abs/2410.00267

    Raises:
        ImportError: without scikit-learn.
    """
    pca = _decomposition().KernelPCA(n_components=1, kernel=kernel)
    cells = activations.flatten(start_dim=2).transpose(1, 2)
    centred = (cells - cells.mean(dim=1, keepdim=True)).cpu().numpy()
    projected = torch.stack([torch.from_numpy(pca.fit_transform(image)[:, 0]) for image in centred]).to(cells)
    return oriented(projected, cells.mean(dim=2)).reshape(len(cells), *activations.shape[2:])


@method(needs="activations", kind="rgb")
def deep_feature_factorization(activations: Tensor) -> Tensor:
    """Show three concepts that the images of a batch share as red, green and blue (Collins et al., 2018, eq. 2).

    In [0, 1], each concept by its own maximum within the batch: ``(M, H, W, 3)``. Tells concepts apart, not classes.
    https://arxiv.org/abs/1806.10206

    Raises:
        ImportError: without scikit-learn.
    """
    _, maps = factorized(activations, concepts=3)
    highest = maps.transpose(0, 1).flatten(start_dim=1).amax(dim=1).clamp(min=1e-7)
    return maps.movedim(1, -1) / highest


def factorized(activations: Tensor, concepts: int) -> tuple[Tensor, Tensor]:
    """Factorise activations ``(M, C, ...)`` into concepts ``(C, K)`` and where each is: ``(M, K, ...)``, not negative.

    As in grad-cam, each channel is shifted to start at 0 first, and its shift is added to the concepts again.
    """
    channels = activations.transpose(0, 1).flatten(start_dim=1)
    shift = channels.amin(dim=1, keepdim=True)
    model = _decomposition().NMF(n_components=concepts, init="random", random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Maximum number of iterations")  # 200 are grad-cam's, and enough to look at
        found = torch.from_numpy(model.fit_transform((channels - shift).cpu().numpy())).to(activations)
    maps = torch.from_numpy(model.components_).to(activations)
    images, size = len(activations), activations.shape[2:]
    return found + shift, maps.reshape(concepts, images, *size).transpose(0, 1)
