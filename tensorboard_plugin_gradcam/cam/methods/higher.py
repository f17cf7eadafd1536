"""Methods of a layer's gradients that run the model again: for noisy images, for curvature, for other targets."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..asked import Asked
from ..boxes import BoxScore
from ..scene import LayerScene
from ..targets import Custom, Target
from .formulas import spatial, weighted
from .registry import method


@method(needs="passes", sums_channels=True)
def smooth_grad_cam_plus_plus(scene: LayerScene, samples: int = 4, deviation: float = 0.3, seed: int = 0) -> Tensor:
    """Grad-CAM++ with derivatives averaged over noisy copies of the image (Omeiza et al., 2019, eq. 8-10).

    The noise is the same at each call, so that steps can be compared; `deviation` is in units of the input.
    https://arxiv.org/abs/1908.01224
    """
    generator = torch.Generator().manual_seed(seed)

    def noisy(images: Tensor) -> Tensor:
        return images + deviation * torch.randn(images.shape, generator=generator).to(images)

    gradients = torch.stack([scene.gradients(noisy)[1] for _ in range(samples)])
    first, second, third = (gradients**power for power in (1, 2, 3))
    sums = scene.activations.sum(dim=spatial(scene.activations), keepdim=True)
    shares = second.mean(0) / (2 * second.mean(0) + sums * third.mean(0) + 1e-6)  # 1e-6 as in grad-cam's Grad-CAM++
    weights = (shares * first.mean(0).clamp(min=0)).sum(dim=spatial(scene.activations))
    return weighted(weights, scene.activations)


@method(needs="passes", sums_channels=True)
def shapley_cam(scene: LayerScene) -> Tensor:
    """Weight each channel by the mean of gradient minus half of Hessian times activation (Cai, 2025, eq. 15).

    Of a class's score, which is piecewise linear in most networks, that is Grad-CAM; of `Probability` it is not.
    https://arxiv.org/abs/2501.06261

    Raises:
        ValueError: where part of the model, such as a detector's pooling of boxes, has no second derivative.
    """
    weights = []
    for chunk in scene.chunks():
        leaf, scores = scene.graph(chunk)
        try:
            (gradients,) = torch.autograd.grad(scores, leaf, torch.ones_like(scores), create_graph=True)
            curvature = None
            if gradients.requires_grad:
                (curvature,) = torch.autograd.grad(gradients, leaf, leaf.detach(), allow_unused=True)
        except RuntimeError as error:
            if "double backward" not in str(error) and "not implemented" not in str(error):
                raise
            raise ValueError(f"expected a model with second derivatives for shapley_cam, got: {error}") from error
        slopes = gradients.detach() - (0 if curvature is None else curvature / 2)
        cells = scene.cells(slopes, len(scores))
        weights.append(cells.mean(dim=spatial(cells)))
    return weighted(torch.cat(weights), scene.activations)


@method(needs="passes", sums_channels=True)
def finer_cam(scene: LayerScene, strength: float = 1.0, others: int = 3) -> Tensor:
    """Grad-CAM of what sets a class apart from the classes of the most similar scores (Zhang et al., 2025, eq. 4-5).

    As in grad-cam, the differences to the three nearest scores are weighted by those classes' probabilities.
    https://arxiv.org/abs/2501.11309

    Raises:
        ValueError: where something else than a class is explained.
    """
    targets = scene.asked.targets
    if any(target.index < 0 or isinstance(target, BoxScore) for target in targets):
        raise ValueError(f"expected classes for finer_cam, got {', '.join(target.name for target in targets)}")
    finer = tuple(_apart(target.index, strength, others) for target in targets)
    activations, gradients = replace(scene, asked=Asked(scene.asked.samples, finer)).gradients()
    return weighted(gradients.mean(dim=spatial(gradients)), activations)


def _apart(index: int, strength: float, others: int) -> Target:
    def apart(output: Tensor) -> Tensor:
        distances = (output - output[index]).detach().abs()
        distances[index] = -1
        near = distances.argsort()[1 : others + 1]
        weights = output.softmax(dim=0)[near]
        return (weights * (output[index] - strength * output[near])).sum() / (weights.sum() + 1e-9)

    return Custom(apart)
