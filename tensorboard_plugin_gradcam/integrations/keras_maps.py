"""Class activation maps in NumPy, for frameworks that run without torch: `cam.methods`, formula by formula.

Every method maps one layer's activations ``A`` and the gradients ``dY/dA`` of the target scores, both ``(N, C, ...)``
with any number of spatial axes, to maps ``(N, ...)``: signed, and in the layer's own resolution and scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BATCH_SIZE = 32  # masked images a forward pass


def grad_cam(activations: Floats, gradients: Floats) -> Floats:
    """Weight each channel by its mean gradient (Selvaraju et al., 2017, eq. 1-2).

    https://arxiv.org/abs/1610.02391
    """
    return weighted(gradients.mean(axis=_spatial(gradients)), activations)


def hires_cam(activations: Floats, gradients: Floats) -> Floats:
    """Weight each cell by its own gradient (Draelos & Carin, 2020, eq. 4).

    https://arxiv.org/abs/2011.08891
    """
    return np.asarray((gradients * activations).sum(axis=1))


def layer_cam(activations: Floats, gradients: Floats) -> Floats:
    """Weight each cell by the positive part of its own gradient (Jiang et al., 2021, eq. 5-7).

    https://doi.org/10.1109/TIP.2021.3089943
    """
    return np.asarray((gradients.clip(min=0) * activations).sum(axis=1))


def grad_cam_plus_plus(activations: Floats, gradients: Floats) -> Floats:
    """Weight each channel by its positive gradients, each by its share (Chattopadhay et al., 2018, eq. 19).

    https://arxiv.org/abs/1710.11063
    """
    squares = gradients**2
    sums = activations.sum(axis=_spatial(activations), keepdims=True)
    shares = squares / (2 * squares + sums * gradients**3 + 1e-6)  # 1e-6 as in grad-cam
    shares = np.where(gradients != 0, shares, 0)
    return weighted((gradients.clip(min=0) * shares).sum(axis=_spatial(gradients)), activations)


def xgrad_cam(activations: Floats, gradients: Floats) -> Floats:
    """Weight each channel by its gradients' mean, weighted by the activations (Fu et al., 2020, eq. 8).

    https://arxiv.org/abs/2008.02312
    """
    sums = activations.sum(axis=_spatial(activations), keepdims=True)
    shares = gradients * activations / (sums + 1e-7)  # 1e-7 as in grad-cam
    return weighted(shares.sum(axis=_spatial(gradients)), activations)


def eigen_cam(activations: Floats) -> Floats:
    """Project each cell on the activations' first principal component (Muhammad & Yeasin, 2020, sec. III).

    The component's sign is arbitrary; here it is the one that correlates with the mean activation.
    https://arxiv.org/abs/2008.00299
    """
    count, channels, *size = activations.shape
    cells = activations.reshape(count, channels, -1).swapaxes(1, 2)  # (N, cells, C)
    centred = cells - cells.mean(axis=1, keepdims=True)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    projected = (centred @ components[:, 0, :, None])[..., 0]
    mean = cells.mean(axis=2)
    covariance = (projected * (mean - mean.mean(axis=1, keepdims=True))).sum(axis=1)
    signed: Floats = projected * np.where(covariance < 0, -1, 1).astype(projected.dtype)[:, None]
    return signed.reshape(count, *size)


def weighted(weights: NDArray[Any], activations: Floats) -> Floats:
    """Sum the channels, each times its weight: `weights` is ``(N, C)``."""
    return np.asarray(np.einsum("nc,nc...->n...", weights, activations))


def _spatial(array: NDArray[Any]) -> tuple[int, ...]:
    return tuple(range(2, array.ndim))


def score_cam(activations: Floats, inputs: Floats, score: Callable[[int, Floats], NDArray[Any]]) -> Floats:
    """Weight each channel by the softmax over channels of the score of the image masked by it.

    Wang et al., 2020, eq. 3-5, https://arxiv.org/abs/1910.01279. The baseline's score, the same for each channel, would
    leave the softmax as it is.

    Args:
        activations: ``(N, C, h, w)``.
        inputs: ``(N, H, W, channels)``.
        score: from an image's index and a batch of versions of it ``(B, H, W, channels)`` to its scores ``(B,)``.
    """
    weights = np.zeros(activations.shape[:2], dtype=np.float32)
    for index, (channels, image) in enumerate(zip(activations, inputs, strict=True)):
        masks = (_scaled(_resized(channel, image.shape[:2])) for channel in channels)
        scores = [score(index, batch) for batch in _batches(mask[..., None] * image for mask in masks)]
        weights[index] = _softmax(np.concatenate(scores))
    return weighted(weights, activations)


def masks(layers: Sequence[Floats], size: Sequence[int]) -> Floats:
    """Rectify, scale and resize each layer's maps ``(M, h, w)``; return their mean ``(M, H, W)``, scaled to [0, 1].

    Raises:
        ValueError: for maps of another rank.
    """
    import cv2

    if len(size) != 2 or any(maps.ndim != 3 for maps in layers):
        ranks = ", ".join(str(maps.ndim - 1) for maps in layers)
        raise ValueError(f"expected maps and a size of 2 axes, got maps of {ranks} and size={tuple(size)}")
    height, width = size
    resized = [
        [cv2.resize(_unit(map_.clip(min=0)), (width, height), interpolation=cv2.INTER_LINEAR) for map_ in maps]
        for maps in layers
    ]
    fused = np.array(resized, dtype=np.float32).mean(axis=0)
    return np.stack([_unit(mask) for mask in fused])


def _unit(map_: Floats) -> Floats:
    shifted = map_ - map_.min()
    return np.asarray(shifted / (shifted.max() + 1e-7), dtype=np.float32)  # 1e-7 as in grad-cam


def _batches(images: Iterator[Floats]) -> Iterator[Floats]:
    while batch := list(islice(images, BATCH_SIZE)):
        yield np.stack(batch)


def _resized(map_: Floats, size: Sequence[int]) -> Floats:
    """Resize bilinearly with aligned corners, as grad-cam's Score-CAM does (OpenCV can't)."""
    rows, columns = (_taps(cells, pixels) for cells, pixels in zip(map_.shape, size, strict=True))
    return np.asarray(rows @ map_ @ columns.T)


def _taps(cells: int, pixels: int) -> Floats:
    """Return each pixel's share of the two cells around it: ``(pixels, cells)``."""
    places = np.linspace(0, cells - 1, pixels, dtype=np.float32)
    return np.asarray(np.maximum(1 - np.abs(places[:, None] - np.arange(cells, dtype=np.float32)), 0))


def _scaled(map_: Floats) -> Floats:
    return np.asarray((map_ - map_.min()) / (np.ptp(map_) + 1e-8))  # 1e-8 as in grad-cam


def _softmax(scores: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())


OF_GRADIENTS = {
    function.__name__: function for function in (grad_cam, grad_cam_plus_plus, layer_cam, hires_cam, xgrad_cam)
}
METHODS = (*OF_GRADIENTS, "eigen_cam", "score_cam")
