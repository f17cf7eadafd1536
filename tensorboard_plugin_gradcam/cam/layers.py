"""Which layers are looked at: by name, by module, or found by what they did in one forward pass."""

from __future__ import annotations

import math
from collections import Counter
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from .hooks import borrowing, hooked
from .inputs import Inputs
from .outputs import scores_of
from .reshape import grid_of, to_channels_first
from .taps import Place

Trace = list[tuple[str, tuple[int, ...]]]

# The normalisation in front of a transformer block's attention, which reads every token: torchvision's, timm's, Hugging
# Face's names, and TNT's for its outer attention.
_BEFORE_ATTENTION = ("ln_1", "norm1", "layernorm_before", "layer_norm1", "norm_out")


# SqueezeNet's classifier is a convolution, whose cells are scores already: its channels are the classes.
_HEADS = ("classifier", "decode_head", "auxiliary_head")


def named_layers(model: nn.Module, layers: Any) -> dict[str, nn.Module]:
    """Return the layers that a name, a module or an iterable of them stands for, by qualified name.

    Raises:
        ValueError: for a layer that the model does not have; the message lists close names.
    """
    items = [layers] if isinstance(layers, (str, nn.Module)) else list(layers)
    if not items:
        raise ValueError("expected at least one layer, got an empty list")
    return dict(_named(model, item) for item in items)


def _named(model: nn.Module, item: Any) -> tuple[str, nn.Module]:
    modules = dict(model.named_modules())
    if isinstance(item, str):
        name = item if item in modules else Place.of(item).name
        if name not in modules:
            close = get_close_matches(name, modules, n=3) or list(modules)[1:6]
            raise ValueError(f"expected a layer such as {', '.join(close)}, got {item!r}")
        return item, modules[name]
    for name, module in modules.items():
        if module is item:
            return name, module
    raise ValueError(f"expected a layer of the model, got a {type(item).__name__} that is not one of its modules")


def find_layer(model: nn.Module, inputs: Inputs) -> dict[str, nn.Module]:
    """Return the deepest layer whose output still has space, and whose cells the scores depend on.

    One forward pass of the first image tells, in evaluation mode. The last layer with weights that gives more than
    one cell is taken, the outermost of those that end together ("layer4" rather than its last BatchNorm). Where a
    class token stands before the patches, the scores may read it alone, and only attention still brings the patches
    there: the normalisation in front of the last attention is taken. Within a segmentation or detection model its
    `backbone` is searched; of other segmentation models, the layer with the fewest cells is taken.

    Raises:
        ValueError: where no output has more than one cell.
    """
    size = tuple(inputs.images[0].shape[1:])
    outputs, trace = _trace(model, inputs.first())
    modules = dict(model.named_modules())
    excluded = _without_cells_of_its_own(modules)
    trace = [(name, shape) for name, shape in trace if name not in excluded]
    trunk = [(name, shape) for name, shape in trace if _is_in_trunk(name)]
    candidates = [(name, shape) for name, shape in trunk or trace if _has_cells(shape, len(size))]
    candidates = [pair for pair in candidates if pair[0].partition(".")[0] not in _HEADS] or candidates
    runs = Counter(name for name, _ in trace)  # of a layer that runs several times it is open which pass is meant
    candidates = [pair for pair in candidates if runs[pair[0]] == 1] or candidates
    if not candidates:
        raise ValueError("expected a layer whose output has more than one cell, found none: name a layer with layers=")
    if not trunk and _is_segmentation(outputs, len(size)):
        candidates = _coarsest(candidates, size)
    name, shape = candidates[-1]
    if _has_class_token(shape, size):
        tokens = [name for name, _ in candidates if name.rpartition(".")[2] in _BEFORE_ATTENTION]
        name = tokens[-1] if tokens else name
    return {name: modules[name]}


def _without_cells_of_its_own(modules: dict[str, nn.Module]) -> set[str]:
    """Return the names of modules without weights (a ReLU, a permutation), and of attention that pools the cells."""
    pools = tuple(f"{name}." for name, module in modules.items() if "AttentionPool" in type(module).__name__)
    return {
        name
        for name, module in modules.items()
        if next(module.parameters(), None) is None or (pools and f"{name}.".startswith(pools))
    }


def _is_in_trunk(name: str) -> bool:
    """Say whether a layer is in a segmentation or detection model's backbone, on the way to all of its outputs."""
    parts = name.split(".")
    return parts[0] == "backbone" and len(parts) > 1 and not {"fpn", "extra"} & set(parts)


def _trace(model: nn.Module, inputs: Inputs) -> tuple[Any, Trace]:
    """Run the model; return what it gives, and each module that gave a tensor, in the order in which they ended."""
    trace: Trace = []

    def recorder(name: str) -> Any:
        def record(module: nn.Module, args: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                trace.append((name, tuple(output.shape)))

        return record

    handles = [module.register_forward_hook(recorder(name)) for name, module in model.named_modules() if name]
    with hooked(*handles), borrowing(model):
        return inputs.run(model), trace


def _has_cells(shape: tuple[int, ...], rank: int) -> bool:
    if len(shape) == rank + 2:
        return max(shape[2:]) > 1 or (max(shape[1:-1]) > 1 and shape[2] > 1)
    return rank == 2 and len(shape) == 3 and shape[1] > 1


def _has_class_token(shape: tuple[int, ...], size: tuple[int, ...]) -> bool:
    if len(size) != 2 or len(shape) != 3:
        return False
    try:
        return grid_of(shape[1], size)[2] > 0
    except ValueError:
        return True


def _is_segmentation(outputs: Any, rank: int) -> bool:
    try:
        scores = scores_of(outputs)
    except TypeError:
        return False
    return isinstance(scores, Tensor) and scores.ndim == rank + 2


def _coarsest(candidates: Trace, size: tuple[int, ...]) -> Trace:
    """Return the layers with the fewest cells: the end of an encoder, such as the bottom of a U-Net."""
    counts: list[float] = []
    for _, shape in candidates:
        try:
            grid = to_channels_first(torch.empty(shape, device="meta"), shape[0], size).shape[2:]
            counts.append(math.prod(grid))
        except ValueError:
            counts.append(math.inf)
    return [pair for pair, count in zip(candidates, counts, strict=True) if count == min(counts)]
