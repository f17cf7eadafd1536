"""What a viewer must know of a map."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

NO_EVIDENCE = "no positive evidence"
NOT_FINITE = "not finite"
FLAT = "flat"


def flags_of(
    maps: Mapping[tuple[str, str], Tensor], names: Sequence[str], inputs: Any, activations: Mapping[str, Tensor]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return for each (method, layer) a text for each of M maps, "" where there is nothing to say.

    Warns of maps that are not finite, and says where that began.

    Args:
        maps: ``(M, ...)`` for each (method, layer).
        names: of the M targets.
        inputs: the images, ``(N, C, ...)``, or None.
        activations: of each layer.
    """
    flags = {
        key: tuple(_flag(map_, name) for map_, name in zip(value, names, strict=True)) for key, value in maps.items()
    }
    for (method, layer), texts in flags.items():
        if NOT_FINITE in texts:
            broken = ", ".join(str(row) for row, text in enumerate(texts) if text == NOT_FINITE)
            cause = _cause(inputs, activations.get(layer))
            warnings.warn(f"{method} at {layer!r}: maps {broken} are not finite, for {cause}", stacklevel=5)
    return flags


def _flag(map_: Tensor, name: str) -> str:
    if not bool(torch.isfinite(map_).all()):
        return NOT_FINITE
    if float(map_.max()) <= 0:
        return f"{NO_EVIDENCE} for {name}"
    return FLAT if float(map_.max()) == float(map_.min()) else ""


def _cause(inputs: Any, activations: Tensor | None) -> str:
    for what, tensor in (("inputs", inputs), ("layer's activations", activations)):
        if isinstance(tensor, Tensor) and not bool(torch.isfinite(tensor).all()):
            return f"the {what} hold NaN or infinite numbers"
    return "the gradients are NaN or infinite, or overflow on the way"
