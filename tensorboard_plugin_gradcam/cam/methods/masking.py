"""Methods that weight a channel by the score of the image seen through it: Score-CAM and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..scaling import MODES
from ..scene import LayerScene
from .formulas import weighted
from .registry import method

Masked = Callable[[Tensor, Tensor], Tensor]


@method(needs="passes", sums_channels=True)
def score_cam(scene: LayerScene) -> Tensor:
    """Weight each channel by the softmax of the image's scores behind it as a mask (Wang et al., 2020, eq. 6-8).

    A constant channel masks everything; the blank image is asked once for all of them.
    https://arxiv.org/abs/1910.01279
    """
    return _softmax_weighted(scene, _scores(scene, _dimmed(1)))


@method(needs="passes", sums_channels=True)
def ss_cam(scene: LayerScene, samples: int = 35, deviation: float = 2.0, seed: int = 0) -> Tensor:
    """Score-CAM with masks under Gaussian noise, averaged over `samples` scores (Wang et al., 2020, SS-CAM 1, sec. 3).

    The noise is the same at each call, so that steps can be compared. Costs `samples` times what Score-CAM costs.
    https://arxiv.org/abs/2006.14255
    """
    generator = torch.Generator().manual_seed(seed)

    def noisy(image: Tensor, masks: Tensor) -> Tensor:
        noise = torch.randn(masks.shape, generator=generator) * deviation
        return image * (masks + noise.to(masks))

    scores = [_scores(scene, noisy) for _ in range(samples)]
    return _softmax_weighted(scene, torch.stack(scores).mean(0))


@method(needs="passes", sums_channels=True)
def is_cam(scene: LayerScene, samples: int = 10) -> Tensor:
    """Score-CAM with masks that grow from nothing, averaged over `samples` scores (Naidu et al., 2020, eq. 4-5).

    Costs `samples` times what Score-CAM costs.
    https://arxiv.org/abs/2010.03023
    """
    scores = [_scores(scene, _dimmed(step / samples)) for step in range(1, samples + 1)]
    return _softmax_weighted(scene, torch.stack(scores).mean(0))


def _dimmed(share: float) -> Masked:
    return lambda image, masks: image * (masks * share)


def _softmax_weighted(scene: LayerScene, scores: Tensor) -> Tensor:
    return weighted(scores.softmax(dim=1), scene.activations)


def _scores(scene: LayerScene, masked: Masked) -> Tensor:
    """Return the scores of each score's image under each of its channels: ``(M, C)``."""
    first = {image: row for row, image in reversed(list(enumerate(scene.samples)))}
    varying = {image: _varying(scene.activations[row]) for image, row in first.items()}

    def variants(image: int) -> Iterator[Tensor]:
        pixels, channels = scene.images[image], scene.activations[first[image]][varying[image]]
        pixels = pixels if pixels.is_floating_point() else pixels.float()
        if not varying[image].all():
            yield masked(pixels[None], torch.zeros_like(pixels[None, :1]))
        for part in channels.split(scene.batch_size):
            yield masked(pixels[None], _masks(part, tuple(pixels.shape[1:])).to(pixels))

    return torch.stack(
        [
            _of_all(scores, varying[image])
            for scores, image in zip(scene.scores_of(variants), scene.samples, strict=True)
        ]
    )


def _varying(activations: Tensor) -> Tensor:
    cells = activations.flatten(1)
    return cells.amax(dim=1) > cells.amin(dim=1)


def _of_all(scores: Tensor, varying: Tensor) -> Tensor:
    """Give every constant channel the one score of the blank image, which comes first."""
    if varying.all():
        return scores
    everywhere = scores[:1].repeat(len(varying))
    everywhere[varying] = scores[1:]
    return everywhere


def _masks(channels: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize channels ``(K, h, w)`` to the image and scale each to [0, 1], as grad-cam does: ``(K, 1, H, W)``."""
    resized = interpolate(channels[:, None], size=size, mode=MODES[len(size)], align_corners=True)
    axes = tuple(range(1, resized.ndim))
    lowest, highest = resized.amin(dim=axes, keepdim=True), resized.amax(dim=axes, keepdim=True)
    return (resized - lowest) / (highest - lowest + 1e-8)
