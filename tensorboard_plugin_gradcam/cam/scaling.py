"""Scaling and resizing of maps, with grad-cam's numbers."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

EPSILON = 1e-7  # grad-cam's, so that masks equal its own
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def scaled(maps: Tensor) -> Tensor:
    """Scale each map to [0, 1] as grad-cam does: ``(x - min) / (1e-7 + max)``, the maximum after the shift."""
    axes = tuple(range(1, maps.ndim))
    shifted = maps - maps.amin(dim=axes, keepdim=True)
    return shifted / (EPSILON + shifted.amax(dim=axes, keepdim=True))


def resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize maps ``(M, ...)`` linearly along each axis, with half-pixel centres, as OpenCV does."""
    return interpolate(maps[:, None], size=size, mode=MODES[len(size)], align_corners=False)[:, 0]
