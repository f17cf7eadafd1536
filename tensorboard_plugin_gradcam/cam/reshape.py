"""From what a layer gives to ``(N, C, ...)``: tokens become a grid, channels come before space."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

MAX_PREFIX_TOKENS = 16  # class, distillation and register tokens that stand before the patches


Reshape = Callable[[Tensor], Tensor]


def to_channels_first(
    tensor: Tensor, batch: int, input_size: tuple[int, ...], reshape: Reshape | None = None
) -> Tensor:
    """Return a layer's output as ``(N, C, ...)`` with one spatial axis for each of the input's.

    Convolutional outputs stay as they are. ``(N, ..., C)``, as in Swin, is recognised by its proportions, which must be
    the input's. Tokens ``(N, T, C)`` become the grid that has the input's proportions; tokens that stand before the
    patches (class, registers) are left out. The caller's own `reshape` stands above all that.

    Raises:
        ValueError: where the shape fits no such form.
    """
    rank = len(input_size)
    if reshape is not None:
        cells = reshape(tensor)
        if not isinstance(cells, Tensor) or cells.ndim != rank + 2 or len(cells) != batch:
            got = tuple(cells.shape) if isinstance(cells, Tensor) else type(cells).__name__
            raise ValueError(f"expected reshape= to return ({batch}, C, ...) with {rank} spatial axes, got {got}")
        return cells
    if tensor.ndim == rank + 2:
        return tensor.movedim(-1, 1) if _is_channels_last(tensor, input_size) else tensor
    if tensor.ndim == 3 and rank == 2:
        tokens = tensor if tensor.shape[0] == batch else tensor.transpose(0, 1)
        return _grid_of_tokens(tokens, input_size)
    raise ValueError(
        f"expected an output (N, C, ...) with {rank} spatial axes or tokens (N, T, C), got shape "
        f"{tuple(tensor.shape)}: pass reshape=, a function from it to (N, C, ...)"
    )


def _is_channels_last(tensor: Tensor, input_size: tuple[int, ...]) -> bool:
    first = _distortion(tuple(tensor.shape[2:]), input_size)
    last = _distortion(tuple(tensor.shape[1:-1]), input_size)
    return last < first - 1e-6


def _distortion(size: tuple[int, ...], input_size: tuple[int, ...]) -> float:
    """Say how far the proportions of two sizes are apart, in powers of e; 0 for one axis."""
    scales = [math.log(cells / pixels) for cells, pixels in zip(size, input_size, strict=True)]
    return max(scales) - min(scales)


def _grid_of_tokens(tokens: Tensor, input_size: tuple[int, ...]) -> Tensor:
    height, width, prefix = grid_of(tokens.shape[1], input_size)
    patches = tokens[:, prefix:]
    return patches.reshape(len(patches), height, width, -1).movedim(-1, 1)


def grid_of(count: int, input_size: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height and width of the grid of patches among `count` tokens, and how many tokens stand before it.

    Raises:
        ValueError: where no grid has the input's proportions.
    """
    for prefix in range(min(MAX_PREFIX_TOKENS, count - 1) + 1):
        patches = count - prefix
        height = round(math.sqrt(patches * input_size[0] / input_size[1]))
        # Patches are square, so both scales must agree but for what rounding leaves at the edge.
        if height and patches % height == 0 and _same_patch((height, patches // height), input_size):
            return height, patches // height, prefix
    raise ValueError(
        f"expected tokens that form a grid of the input's proportions {input_size}, got {count} tokens: "
        "pass reshape=, a function from the layer's output to (N, C, h, w)"
    )


def _same_patch(grid: tuple[int, int], input_size: tuple[int, ...]) -> bool:
    sides = [math.ceil(pixels / cells) for pixels, cells in zip(input_size, grid, strict=True)]
    floors = [pixels // cells for pixels, cells in zip(input_size, grid, strict=True)]
    return max(floors) <= min(sides)
