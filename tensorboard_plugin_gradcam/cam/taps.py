"""`Taps`: what the target layers give in one forward pass, where the graph of the scores begins."""

from __future__ import annotations

import copy
import itertools
import re
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .hooks import hooked

# Their outputs are channels first by what they are, and need no measurement.
PLAIN = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.ReLU,
)  # fmt: skip

_LABEL = re.compile(r"(?P<name>.*?)(\[(?P<part>[^\[\]]+)\])?(#(?P<run>[1-9]\d*))?")


@dataclass(frozen=True)
class Place:
    """Where in a forward pass a map is taken: "neck", "neck#2" (its second run), "neck[out]" (that part of its output).

    Attributes:
        name: the module's qualified name.
        part: index or key in the tuple, list or mapping that the module returns; None for the only map in it.
        run: which of the module's runs, from 1; None for the only one.
    """

    name: str
    part: str | None
    run: int | None

    @classmethod
    def of(cls, label: str) -> Place:
        """Read a label."""
        found = _LABEL.fullmatch(label)
        if found is None:
            return cls(label, None, None)
        return cls(found["name"], found["part"], int(found["run"]) if found["run"] else None)


class Taps:
    """Keep what layers give in one forward pass of the model, and start the graph at the first of them.

    Nothing raises within the pass, which may be part of a training: what is wrong is told by `tensors`.

    Attributes:
        channels_first: labels of the layers whose output a plain convolution, BatchNorm or ReLU gave.

    Args:
        layers: modules by label, which a `Place` can read.
        begins: whether the graph begins at the layers, also where gradients are off. Where it does not, the caller's
            own graph is used, and a layer that is not part of it only starts one for what follows it.
    """

    def __init__(self, layers: Mapping[str, nn.Module], begins: bool = True) -> None:
        self._layers, self._begins = layers, begins
        self._kept: dict[str, Tensor] = {}
        self._problems: dict[str, str] = {}
        self._runs: Counter[str] = Counter()
        self._parts: set[str] = set()
        self._trusted: list[Any] = []  # weak references to what plain modules within the layers gave
        self.channels_first: set[str] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep the layers' outputs of a forward pass within the block, which may turn gradients on."""
        inner = {module for layer in self._layers.values() for module in layer.modules() if type(module) in PLAIN}
        handles = [module.register_forward_hook(self._trust) for module in inner]
        handles += [module.register_forward_hook(self._hook(label)) for label, module in self._layers.items()]
        with hooked(*handles):
            yield

    def tensors(self) -> dict[str, Tensor]:
        """Return each layer's tensor, a node of the graph, by label in the layers' order.

        Raises:
            ValueError: for a layer that did not run, or where it is open which run or which part of it is meant.
        """
        for label in self._layers:
            problem = self._problem(label)
            if problem is not None:
                raise ValueError(problem)
        return {label: self._kept[label] for label in self._layers}

    def plain(self) -> dict[str, nn.Module]:
        """Return the layers that ran once and returned nothing but the tensor that was kept."""
        return {
            label: module
            for label, module in self._layers.items()
            if self._runs[label] == 1 and label not in self._parts
        }

    def _problem(self, label: str) -> str | None:
        place, runs = Place.of(label), self._runs[label]
        if not runs:
            return f"layer {label!r} did not run in the forward pass: choose one that does"
        if place.run is None and runs > 1:
            name = place.name
            return (
                f"layer {name!r} ran more than once in the forward pass: choose from {name + '#1'!r} to '{name}#{runs}'"
            )
        if place.run is not None and place.run > runs:
            return f"expected one of the {runs} runs of layer {place.name!r} in the forward pass, got {label!r}"
        return self._problems.get(label)

    def _trust(self, module: nn.Module, args: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            self._trusted.append(weakref.ref(output))

    def _is_trusted(self, tensor: Tensor) -> bool:
        return any(reference() is tensor for reference in reversed(self._trusted))

    def _hook(self, label: str) -> Any:
        place = Place.of(label)

        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            self._runs[label] += 1
            if self._runs[label] != (place.run or 1):
                return None
            try:
                part, tensor = _part(place, output)
                if part is not None:
                    self._parts.add(label)
                if self._is_trusted(tensor):
                    self.channels_first.add(label)
                return _with_part(output, part, self._tap(label, tensor))
            except ValueError as error:
                self._problems[label] = str(error)
                return None

        return hook

    def _tap(self, label: str, output: Tensor) -> Tensor:
        if output.is_quantized:  # no graph leads through it, but its values can be seen
            self._kept[label] = output.dequantize()
            return output
        if not self._begins and not torch.is_grad_enabled():
            # A graph that began here would reach the weights behind the layer, which the training keeps out of it.
            raise ValueError(
                f"gradients are off at layer {label!r} while they are on around the model: "
                "call the CAM instead of capture()"
            )
        torch.set_grad_enabled(True)  # whoever borrows the model restores it
        self._kept[label] = output if output.requires_grad else output.detach().clone().requires_grad_()
        return self._kept[label].clone()  # an in-place operation behind the layer would change what is kept


def layer_of(model: nn.Module, label: str) -> nn.Module:
    """Return the module that a label stands for."""
    modules: dict[str, nn.Module] = dict(model.named_modules())
    return modules[label] if label in modules else modules[Place.of(label).name]


@contextmanager
def replacing(label: str, module: nn.Module, tensor: Tensor) -> Iterator[None]:
    """Put `tensor` in the place of what a layer gives, in a forward pass within the block."""
    place, runs = Place.of(label), itertools.count(1)

    def hook(module: nn.Module, args: Any, output: Any) -> Any:
        if next(runs) != (place.run or 1):
            return None
        part, _ = _part(place, output)
        return _with_part(output, part, tensor)

    with hooked(module.register_forward_hook(hook)):
        yield


def _part(place: Place, output: Any) -> tuple[str | None, Tensor]:
    """Return which part of a layer's output is meant, and its tensor."""
    if isinstance(output, Tensor) and place.part is None:
        return None, output
    parts = {} if isinstance(output, Tensor) else parts_of(output)
    if place.part in parts:
        return place.part, parts[place.part]
    name, kind = place.name, type(output).__name__
    maps = [key for key, tensor in parts.items() if tensor.ndim >= 3]
    if place.part is None and len(maps) == 1:
        return maps[0], parts[maps[0]]
    choice = ", ".join(f"{f'{name}[{key}]'!r} of shape {tuple(tensor.shape)}" for key, tensor in parts.items())
    remedy = f"choose from {choice}" if choice else "choose a layer inside it"
    if place.part is None:
        raise ValueError(f"expected layer {name!r} to return a tensor, got {kind}: {remedy}")
    raise ValueError(f"expected layer {name!r} to return something with a part {place.part!r}, got {kind}: {remedy}")


def parts_of(output: Any) -> dict[str | None, Tensor]:
    """Return the tensors of floating point that a module gave, by index or key; None for the one that it is itself."""
    if isinstance(output, Tensor):
        return {None: output} if output.is_floating_point() else {}
    if isinstance(output, Mapping):
        items = [(str(key), value) for key, value in output.items()]
    elif isinstance(output, (tuple, list)):
        items = [(str(key), value) for key, value in enumerate(output)]
    else:
        items = []
    return {key: value for key, value in items if isinstance(value, Tensor) and value.is_floating_point()}


def _with_part(output: Any, part: str | None, tensor: Tensor) -> Any:
    """Return a layer's output with `tensor` in the place of one part; containers keep their type."""
    if part is None:
        return tensor
    if isinstance(output, Mapping):
        # A shallow copy rather than `type(output)(...)`: Hugging Face's outputs are dataclasses as well as mappings.
        rebuilt: Any = copy.copy(output)
        rebuilt[next(key for key in output if str(key) == part)] = tensor
        return rebuilt
    items = [tensor if str(position) == part else item for position, item in enumerate(output)]
    return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)
