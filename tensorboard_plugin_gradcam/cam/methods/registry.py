"""Which methods there are, and what each has to be given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from typing import Any, Literal

from torch import Tensor

from tensorboard_plugin_gradcam.misnamed import method_name

Needs = Literal["activations", "gradients", "passes"]
MapKind = Literal["positive", "signed", "rgb"]
Function = Callable[..., Tensor]


@dataclass(frozen=True)
class Method:
    """A CAM method and its inputs.

    Attributes:
        name: snake case of the paper's name.
        function: takes the activations, the activations and gradients or, if it runs the model itself, a `Scene`.
        needs: which of the three.
        kind: how to read its maps: "positive", "signed" or "rgb".
        place: "layer" if each target layer has its own map; otherwise the single name of its map.
        channels: like `function`, but before the channels are summed: ``(M, C, ...)``; None without a sum.
    """

    name: str
    function: Function
    needs: Needs
    kind: MapKind = "positive"
    place: str = "layer"
    channels: Function | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a registered method by its name: its function is not the one that its module has by that name."""
        if METHODS.get(self.name) is self:
            return _registered, (self.name,)
        return Method, (self.name, self.function, self.needs, self.kind, self.place, self.channels)


def _registered(name: str) -> Method:
    return METHODS[name]


METHODS: dict[str, Method] = {}


def method(
    needs: Needs, kind: MapKind = "positive", place: str = "layer", sums_channels: bool = False
) -> Callable[[Function], Function]:
    """Register a function as a CAM method under its name.

    Args:
        needs: the inputs that it takes.
        kind: how to read its maps: "positive", "signed" or "rgb".
        place: see `Method`.
        sums_channels: the function returns each channel's contribution, ``(M, C, ...)``; the map is their sum or, with
            `eigen_smooth`, their principal component.
    """

    def register(function: Function) -> Function:
        found = _summed(function) if sums_channels else function
        channels = function if sums_channels else None
        METHODS[function.__name__] = Method(function.__name__, found, needs, kind, place, channels)
        return found

    return register


def _summed(function: Function) -> Function:
    @wraps(function)
    def summed(*args: Any, **kwargs: Any) -> Tensor:
        return function(*args, **kwargs).sum(dim=1)

    return summed


def find_methods(methods: Any) -> tuple[Method, ...]:
    """Return the methods that a name, a function or an iterable of them stands for.

    Raises:
        ValueError: for a name that no method has; the message lists close ones.
    """
    if isinstance(methods, (str, Method)) or callable(methods):
        return (_find_method(methods),)
    found = tuple(_find_method(item) for item in methods) if isinstance(methods, Iterable) else ()
    if not found:
        raise ValueError(f"expected at least one method, got {methods!r}")
    return found


def _find_method(item: Any) -> Method:
    if isinstance(item, Method):
        return item
    name = method_name(item, METHODS)
    if name is None:
        close = get_close_matches(str(getattr(item, "__name__", item)), METHODS, n=3) or sorted(METHODS)
        raise ValueError(f"expected a method such as {', '.join(close)}, got {item!r}")
    return METHODS[name]
