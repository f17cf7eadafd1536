"""The layers of a Keras model: finding them by name, and watching or replacing their outputs for one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

import keras


def all_layers(model: Any) -> list[Any]:
    """Return the layers at any depth, without the model itself."""
    found: list[Any] = model._flatten_layers(include_self=False, recursive=True)
    return found


@contextmanager
def borrowed(model: Any) -> Iterator[None]:
    """Keep variables (weights, statistics, seeds) and losses of `model` as they are while it runs."""
    kept = [(layer, list(layer._losses), set(layer._loss_ids)) for layer in (model, *all_layers(model))]
    with keras.StatelessScope():
        try:
            yield
        finally:
            for layer, losses, ids in kept:
                layer._losses[:] = losses
                layer._loss_ids.clear()
                layer._loss_ids.update(ids)


@contextmanager
def replaced(layer: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute of a layer within a `with` block, without Keras tracking it."""
    attributes = vars(layer)
    own, missing = attributes.get(name), name not in attributes
    attributes[name] = value
    try:
        yield
    finally:
        if missing:
            del attributes[name]
        else:
            attributes[name] = own


@contextmanager
def tapped(layers: Mapping[str, Any], tap: Callable[[str, Any], Any]) -> Iterator[None]:
    """Pass each layer's output through ``tap(name, output)``."""
    with ExitStack() as stack:
        for name, layer in layers.items():
            stack.enter_context(replaced(layer, "call", _tapping(name, layer.call, tap)))
        yield


def _tapping(name: str, call: Callable[..., Any], tap: Callable[[str, Any], Any]) -> Callable[..., Any]:
    def tapping(*args: Any, **kwargs: Any) -> Any:
        return tap(name, call(*args, **kwargs))

    return tapping


@dataclass(frozen=True, eq=False)
class Trace:
    """The record of one forward pass.

    Attributes:
        model: that ran.
        steps: each layer that gave one tensor, and it, in the order in which they ended.
        output: what the model returned.
    """

    model: Any
    steps: list[tuple[Any, Any]]
    output: Any

    def head(self) -> Any:
        """Return the last layer if it applies a softmax or sigmoid, else None."""
        for layer, output in self.steps:
            if output is self.output and (isinstance(layer, keras.layers.Softmax) or _activation(layer) != ""):
                return layer
        return None


def trace(model: Any, inputs: Any) -> Trace:
    """Run the model, and record each layer's output."""
    steps: list[tuple[Any, Any]] = []
    layers = {str(index): layer for index, layer in enumerate(all_layers(model))}

    def note(name: str, output: Any) -> Any:
        if hasattr(output, "shape"):
            steps.append((layers[name], output))
        return output

    with borrowed(model), tapped(layers, note):
        output = model(inputs, training=False)
    return Trace(model, steps, tensor_of(output))


@contextmanager
def answered(done: Trace, layer: Any, value: Any, count: int) -> Iterator[None]:
    """Let `layer` return `value` for `count` images, without running the layers in front of it.

    The layers in front answer with tensors of their shape that hold NaN: what of them still reaches the scores shows.
    A layer that runs again behind `layer` runs as it is.
    """
    ran = [one for one, _ in done.steps]
    at = next(index for index, one in enumerate(ran) if one is layer)
    behind = {id(one) for one in ran[at:]}
    with ExitStack() as stack:
        for one, output in done.steps[:at]:
            if id(one) not in behind and "float" in str(output.dtype):
                blank = partial(_blank, (count, *output.shape[1:]), output.dtype)
                stack.enter_context(replaced(one, "call", blank))
        stack.enter_context(replaced(layer, "call", lambda *_, **__: value))
        yield


def _blank(shape: Sequence[int], dtype: Any, *_: Any, **__: Any) -> Any:
    return keras.ops.full(shape, float("nan"), dtype=dtype)


def tensor_of(outputs: Any) -> Any:
    """Return the tensor that holds the scores: the only one, the first, or the one under "logits"."""
    if isinstance(outputs, Mapping):
        return outputs["logits"] if "logits" in outputs else next(iter(outputs.values()))
    return outputs[0] if isinstance(outputs, (tuple, list)) else outputs


@contextmanager
def scores_of(head: Any, keep: list[Any]) -> Iterator[None]:
    """Append the scores before the softmax or sigmoid of `head` to `keep`."""
    if head is None:
        yield
        return
    name = "call" if isinstance(head, keras.layers.Softmax) else "activation"
    function = getattr(head, name)

    def keeping(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        keep.append(inputs)
        return function(inputs, *args, **kwargs)

    with replaced(head, name, keeping):
        yield


def _activation(layer: Any) -> str:
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return name if name in ("softmax", "sigmoid") else ""


def data_format(layer: Any) -> str:
    """Return "channels_last" or "channels_first"."""
    own = getattr(layer, "data_format", None)
    return own if own in ("channels_last", "channels_first") else str(keras.config.image_data_format())


def names(model: Any) -> dict[int, str]:
    """Return each layer's name by its `id`; layers that share a name are named by their paths."""
    layers = all_layers(model)
    given = [layer.name for layer in layers]
    return {id(layer): layer.name if given.count(layer.name) == 1 else layer.path for layer in layers}


def named_layers(model: Any, layers: Any) -> dict[str, Any]:
    """Return layers by name, given as a name, a layer, or an iterable of them.

    Raises:
        ValueError: for a layer that the model does not have; the message lists close names.
    """
    items = [layers] if isinstance(layers, str) or hasattr(layers, "call") else list(layers)
    if not items:
        raise ValueError("expected at least one layer, got an empty list")
    known = names(model)
    by_name = {known[id(layer)]: layer for layer in all_layers(model)}
    return dict(_named(item, known, by_name) for item in items)


def _named(item: Any, known: Mapping[int, str], by_name: Mapping[str, Any]) -> tuple[str, Any]:
    name = item if isinstance(item, str) else known.get(id(item))
    if name is None:
        raise ValueError(f"expected a layer of the model, got a {type(item).__name__} that is not one of its layers")
    if name not in by_name:
        close = get_close_matches(name, by_name, n=3) or list(by_name)[:5]
        raise ValueError(f"expected a layer such as {', '.join(close)}, got {name!r}")
    return name, by_name[name]
