"""`Replay`: run only what follows a layer, on other activations than its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .hooks import detached, hookable, hooked, map_tensors
from .inputs import Inputs
from .outputs import Outputs
from .taps import layer_of, replacing

Kept = Mapping[nn.Module, Sequence[Any]]


PART = 32  # images of one pass in which what is in front of the layer is repeated, too
TOLERANCE = 1e-3  # between two ways to run the same: the order of sums differs


class Replay:
    """Ask one image's forward pass what it would return if a layer gave something else.

    What the modules in front of the layer return is handed out instead of computed, for the one image, while the layer
    answers with many. Where that does not fit (a concatenation across the layer; a model that asks its inputs how many
    they are), it is handed out for as many images, and compared with a whole pass once. Where that does not fit either,
    every pass is a whole one.

    Args:
        model: what is run.
        layer: label of the layer, as `Place` reads it.
        inputs: of one image.
        batch_size: largest number of images in a whole pass.
        find_scores: finds the scores in what the model returns.
        kept: what a `Recording` of this image kept; where that is nothing, the first pass records. None where the layer
            runs several times or returns more than one tensor: every pass is then a whole one.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: str,
        inputs: Inputs,
        batch_size: int,
        find_scores: Callable[[Any], Outputs],
        kept: Kept | None = None,
    ) -> None:
        self._model, self._label, self._inputs = model, layer, inputs
        self._kept: Kept = kept or {}
        self._find_scores = find_scores
        self._layer = layer_of(model, layer)
        self._batch_size = batch_size
        self._ways = [] if kept is None else [self._at_once, self._repeated]
        self._is_compared = False

    def __call__(self, output: Tensor, batch_axis: int = 0, items: int = 1) -> Iterator[Any]:
        """Yield what the model returns where the layer gives `output`: at once, or passes one after the other.

        Args:
            output: of several images.
            batch_axis: the axis that grows with them.
            items: by how much, for each.
        """
        while self._ways:
            outputs = self._ways[0](output, batch_axis, items)
            if outputs is not None:
                yield from outputs
                return
            del self._ways[0]
        for part in output.split(self._batch_size * items, dim=batch_axis):
            yield self._whole(part, part.shape[batch_axis] // items)

    def _whole(self, output: Tensor, count: int) -> Any:
        with replacing(self._label, self._layer, output):
            return self._inputs.of_images([0] * count).run(self._model)

    def _at_once(self, output: Tensor, batch_axis: int, items: int) -> list[Any] | None:
        recording = Recording([] if self._kept else [self._layer])
        try:
            with recording.of(self._model), answering({**self._kept, self._layer: [output]}):
                outputs = self._inputs.run(self._model)
            is_whole = len(self._find_scores(outputs)) == output.shape[batch_axis] // items
        except Exception:  # what is really wrong raises again in the whole pass
            outputs, is_whole = None, False
        if recording.saw(self._layer):
            self._kept = recording.kept(self._layer)
        return [outputs] if is_whole else None

    def _repeated(self, output: Tensor, batch_axis: int, items: int) -> list[Any] | None:
        if not self._kept:
            return None
        found = []
        try:
            for part in output.split(PART * items, dim=batch_axis):
                count = part.shape[batch_axis] // items
                with answering({**_for_many(self._kept, count), self._layer: [part]}):
                    outputs = self._inputs.of_images([0] * count).run(self._model)
                scores = self._find_scores(outputs)
                if len(scores) != count:
                    return None
                if not self._is_compared:
                    alone = self._find_scores(self._whole(part.narrow(batch_axis, 0, items), 1))
                    if not _agree(scores[0], alone[0]):
                        return None
                    self._is_compared = True
                found.append(outputs)
        except Exception:  # as above
            return None
        return found


def _for_many(kept: Kept, count: int) -> Kept:
    """Return what modules returned for one image for `count` of it."""

    def repeated(tensor: Tensor) -> Tensor:
        if not tensor.ndim:
            return tensor
        if len(tensor) == 1:  # without memory of its own
            return tensor.expand(count, *tensor.shape[1:])
        return tensor.repeat(count, *[1] * (tensor.ndim - 1))

    return {module: [map_tensors(repeated, output) for output in outputs] for module, outputs in kept.items()}


def _agree(one: Any, other: Any) -> bool:
    """Say whether two images' scores are the same but for rounding."""
    pairs: list[list[Tensor]] = [[], []]
    for tensors, value in zip(pairs, (one, other), strict=True):
        map_tensors(tensors.append, value)
    return len(pairs[0]) == len(pairs[1]) and all(
        a.shape == b.shape
        and torch.allclose(
            a.double(), b.double(), TOLERANCE, TOLERANCE * float(b.abs().max()) if b.numel() else 0.0, equal_nan=True
        )
        for a, b in zip(*pairs, strict=True)
    )


class Recording:
    """What modules return that end before a layer begins, in one forward pass; of nested ones the outermost."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        self._layers = set(layers)
        self._calls: list[tuple[nn.Module, Any, list[int | None]]] = []
        self._starts: list[int | None] = []
        self._before: dict[nn.Module, list[tuple[nn.Module, Any, list[int | None]]]] = {}

    @contextmanager
    def of(self, model: nn.Module) -> Iterator[None]:
        """Record the forward pass of `model` within the block."""
        if not self._layers:
            yield
            return
        # A module with hooks of its own runs each time, for they may change what it returns.
        modules = [module for _, module in hookable(model) if module in self._layers or not module._forward_hooks]
        begin = [module.register_forward_pre_hook(self._begin) for module in modules]
        end = [module.register_forward_hook(self._end) for module in modules]
        with hooked(*begin, *end):
            yield

    def saw(self, layer: nn.Module) -> bool:
        """Say whether a pass came as far as that layer."""
        return layer in self._before

    def kept(self, layer: nn.Module) -> Kept:
        """Return the outputs of each module, in order; none of a module whose output was later changed in place."""
        outputs: dict[nn.Module, list[Any]] = {}
        before = self._before[layer]
        changed = {module for module, output, versions in before if _versions(output) != versions}
        for module, output, _ in before:
            if module not in changed:
                outputs.setdefault(module, []).append(detached(output))
        return outputs

    def outputs(self, layer: nn.Module) -> Kept:
        """Return the outputs of each module, in order, also of one whose output was later changed in place."""
        outputs: dict[nn.Module, list[Any]] = {}
        for module, output, _ in self._before[layer]:
            outputs.setdefault(module, []).append(detached(output))
        return outputs

    def _begin(self, module: nn.Module, args: Any) -> None:
        self._starts.append(len(self._calls))
        if module in self._layers:
            self._before[module] = list(self._calls)

    def _end(self, module: nn.Module, args: Any, output: Any) -> None:
        del self._calls[self._starts.pop() :]
        if len(self._before) < len(self._layers):
            self._calls.append((module, output, _versions(output)))


def _versions(output: Any) -> list[int | None]:
    versions: list[int | None] = []
    map_tensors(lambda tensor: versions.append(_version(tensor)), output)
    return versions


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version  # inference tensors count no versions


@contextmanager
def answering(answers: Mapping[nn.Module, Sequence[Any]]) -> Iterator[None]:
    """Let modules return what is given, call after call, instead of running; then run again."""
    own = {module: module.__dict__.get("forward") for module in answers}
    for module, outputs in answers.items():
        # An attribute of the instance hides the class's method; a hook could replace the output, but not save the work.
        module.__dict__["forward"] = _answer(iter(outputs), module.forward)
    try:
        yield
    finally:
        for module, forward in own.items():
            if forward is None:
                del module.__dict__["forward"]
            else:
                module.__dict__["forward"] = forward


def _answer(outputs: Iterator[Any], forward: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        for output in outputs:
            return output
        return forward(*args, **kwargs)

    return answer
