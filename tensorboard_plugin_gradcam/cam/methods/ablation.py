"""Methods that weight a channel by what becomes of the score without it, or with it alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..scene import LayerScene
from .formulas import weighted
from .registry import method

FAR_BELOW = 1e7  # as in grad-cam


@method(needs="passes", sums_channels=True)
def ablation_cam(scene: LayerScene) -> Tensor:
    """Weight each channel by the share of the score that is lost without it (Desai & Ramaswamy, 2020, eq. 3-4).

    As in grad-cam, a channel is set to 0 where the image's smallest activation is 0, and far below that otherwise.
    https://doi.org/10.1109/WACV45572.2020.9093360
    """

    def ablated(activations: Tensor) -> Iterator[Tensor]:
        lowest = activations.min()
        value = torch.where(lowest == 0, lowest, lowest - FAR_BELOW)
        copies, version = activations[:0], -1
        for channels in scene.splits(len(activations)):
            # Mended rather than made anew, which would take longer than the passes; unless they were written to.
            if copies._version != version:
                copies = activations.repeat(len(channels), *(1 for _ in activations.shape))
            rows = range(len(channels))
            copies[rows, channels] = value
            version = copies._version
            yield copies[: len(channels)]
            if copies._version == version:
                copies[rows, channels] = activations[channels]
                version = copies._version

    scores = scene.scores[:, None]
    return weighted((scores - torch.stack(scene.scores_with(ablated))) / scores, scene.activations)
