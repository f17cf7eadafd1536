"""Gradients of scores with respect to what layers gave, those of several scores of an image at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class DisconnectedError(ValueError):
    """No graph leads from the scores to a layer."""


def ranks_of(samples: Sequence[int]) -> list[int]:
    """Say of each score, whose images are `samples`, whether it is its image's first (0), second (1), ..."""
    seen: dict[int, int] = {}
    ranks = []
    for sample in samples:
        ranks.append(seen.get(sample, 0))
        seen[sample] = ranks[-1] + 1
    return ranks


def gradients_of(
    scores: Tensor, samples: Sequence[int], taps: Mapping[str, Tensor], retain_graph: bool = False
) -> dict[str, Tensor]:
    """Return for each tap the gradients of each image's first, second, ... score: ``(R, *tap.shape)``.

    Args:
        scores: ``(M,)``, with a graph.
        samples: the image of each score.
        taps: what the layers gave, by label.
        retain_graph: whether the graph is used again.

    Raises:
        DisconnectedError: where the scores do not depend on a tap.
        ValueError: where the graph leads through reentrant checkpoints.
    """
    ranks = ranks_of(samples)
    selectors = torch.zeros(max(ranks) + 1, len(scores), device=scores.device)
    for position, rank in enumerate(ranks):
        selectors[rank, position] = 1
    kept = [tap for tap in taps.values() if tap.requires_grad]
    found = iter(_grad(scores, kept, selectors, retain_graph) if scores.requires_grad and kept else [])
    gradients = {label: next(found, None) if tap.requires_grad else None for label, tap in taps.items()}
    for label, gradient in gradients.items():
        if gradient is None:
            raise DisconnectedError(
                f"expected scores that depend on layer {label!r} by operations with gradients, got none (quantised "
                "layers, detach(), argmax and reentrant checkpoints have none): choose a layer that leads to the "
                "scores, or a method without gradients such as eigen_cam"
            )
    return {label: gradient.detach() for label, gradient in gradients.items() if gradient is not None}


def _grad(scores: Tensor, taps: list[Tensor], selectors: Tensor, retain_graph: bool) -> Sequence[Tensor | None]:
    try:
        if len(selectors) > 1:
            return torch.autograd.grad(
                scores, taps, selectors, retain_graph=retain_graph, is_grads_batched=True, allow_unused=True
            )
        found = torch.autograd.grad(scores.sum(), taps, retain_graph=retain_graph, allow_unused=True)
        return [None if gradient is None else gradient[None] for gradient in found]
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise ValueError(
            "expected checkpoints that support gradients, got reentrant ones: "
            "pass use_reentrant=False to torch.utils.checkpoint"
        ) from error
