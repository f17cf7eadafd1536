"""Which layers are looked at: by name, by module, or found by what they did in one forward pass."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from torch import Tensor, nn

from .hooks import borrowing, hooked
from .inputs import Inputs
from .taps import Place

Trace = list[tuple[str, tuple[int, ...]]]

# In front of a transformer block's attention, which reads every token: torchvision's, timm's, Hugging Face's names.
_BEFORE_ATTENTION = ("ln_1", "norm1", "layernorm_before")


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
    one cell is taken, the outermost of those that end together ("layer4" rather than its last BatchNorm). Where its
    output is tokens, the scores may read the class token alone, and only attention still brings the patches there:
    the normalisation in front of the last attention is taken. Within a segmentation or detection model its `backbone`
    is searched.

    Raises:
        ValueError: where no output has more than one cell.
    """
    rank = inputs.images[0].ndim - 1
    modules = dict(model.named_modules())
    trace = [(name, shape) for name, shape in _trace(model, inputs.first()) if _has_weights(modules[name])]
    trace = [(name, shape) for name, shape in trace if _is_in_trunk(name)] or trace
    candidates = [(name, shape) for name, shape in trace if _has_cells(shape, rank)]
    # SqueezeNet's classifier is a convolution, whose cells are scores already: its channels are the classes.
    candidates = [pair for pair in candidates if pair[0].partition(".")[0] != "classifier"] or candidates
    if not candidates:
        raise ValueError("expected a layer whose output has more than one cell, found none: name a layer with layers=")
    name, shape = candidates[-1]
    if len(shape) != rank + 2:
        tokens = [name for name, _ in candidates if name.rpartition(".")[2] in _BEFORE_ATTENTION]
        name = tokens[-1] if tokens else name
    return {name: modules[name]}


def _is_in_trunk(name: str) -> bool:
    """Say whether a layer is in a segmentation or detection model's backbone, on the way to all of its outputs."""
    parts = name.split(".")
    return parts[0] == "backbone" and len(parts) > 1 and not {"fpn", "extra"} & set(parts)


def _trace(model: nn.Module, inputs: Inputs) -> Trace:
    """Run the model; return each module that gave a tensor, with its shape, in the order in which they ended."""
    trace: Trace = []

    def recorder(name: str) -> Any:
        def record(module: nn.Module, args: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                trace.append((name, tuple(output.shape)))

        return record

    handles = [module.register_forward_hook(recorder(name)) for name, module in model.named_modules() if name]
    with hooked(*handles), borrowing(model):
        inputs.run(model)
    return trace


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None  # not a ReLU, a pooling, a permutation


def _has_cells(shape: tuple[int, ...], rank: int) -> bool:
    if len(shape) == rank + 2:
        return max(shape[2:]) > 1 or (max(shape[1:-1]) > 1 and shape[2] > 1)
    return rank == 2 and len(shape) == 3 and shape[1] > 1
