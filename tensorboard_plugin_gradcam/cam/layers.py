"""Which layers are looked at: by name, by module, or found by what was measured of them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from torch import nn

from tensorboard_plugin_gradcam.layer_finding import Candidates, chosen, table

from .probing import Probe
from .taps import Place, layer_of


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


def candidates_of(probe: Probe) -> Candidates:
    """Return what was measured, and the layer that is taken."""
    return chosen(probe.candidates, probe.is_dense)


def found_layer(model: nn.Module, candidates: Candidates) -> dict[str, nn.Module]:
    """Return the layer that is taken, by label.

    Raises:
        ValueError: where there is none; the message has the three best candidates and their figures.
    """
    if candidates.choice is None:
        best = candidates.best()
        nearest = f". The nearest were:\n{table(best)}\n" if best else ": no module's output changes with the image; "
        raise ValueError(
            f"expected a layer whose output has more than one cell with a place in the image, and leads to the scores, "
            f"found none{nearest}name a layer with layers=, and pass reshape= if its output is not (N, C, H, W)"
        )
    return {candidates.choice: layer_of(model, candidates.choice)}
