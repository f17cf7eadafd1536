"""Recipro-CAM: what the model says of each cell alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..scene import LayerScene
from .formulas import spatial
from .registry import method


@method(needs="passes")
def recipro_cam(scene: LayerScene, gaussian: bool = False) -> Tensor:
    """Score the layer's output with nothing left in it but one cell, cell by cell (Byun & Lee, 2022, eq. 2-4).

    No gradient is asked for, and all classes of an image come from the same passes of what follows the layer: one copy
    of its output for each cell. Of a transformer's layer the tokens that are no patches stay as they are, which is
    ViT-ReciproCAM (Byun & Lee, 2023).
    https://arxiv.org/abs/2209.14074, https://arxiv.org/abs/2310.02588

    Args:
        scene: what is explained.
        gaussian: keep a cell's neighbours too, by a 3 x 3 Gaussian, as the papers' second variant does.
    """

    def alone(activations: Tensor) -> Iterator[Tensor]:
        size = activations.shape[1:]
        for cells in scene.splits(activations[0].numel()):
            masks = torch.zeros(len(cells), activations[0].numel(), device=activations.device)
            masks[torch.arange(len(cells), device=masks.device), cells] = 1
            kept = masks.view(len(cells), 1, *size)
            yield activations * (smoothed(kept) if gaussian else kept)

    return torch.stack(scene.scores_with(alone)).view(len(scene.scores), *scene.activations.shape[2:])


def smoothed(values: Tensor) -> Tensor:
    """Smooth ``(K, C, ...)`` along each spatial axis by (1, 2, 1) / 4; nothing is beyond the edges."""
    for axis in spatial(values):
        size = values.shape[axis]
        before, behind = torch.zeros_like(values), torch.zeros_like(values)
        before.narrow(axis, 1, size - 1).copy_(values.narrow(axis, 0, size - 1))
        behind.narrow(axis, 0, size - 1).copy_(values.narrow(axis, 1, size - 1))
        values = (before + 2 * values + behind) / 4
    return values
