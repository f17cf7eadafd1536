"""Measure how the layers of a Keras model respond to small changes of one image; `layer_finding` decides from it.

No graph is read: which share of the way to the scores leads through a layer is measured by holding its output still
while the image changes. That takes a pass for each layer, so it is asked of the deepest with space alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.integrations import keras_layers
from tensorboard_plugin_gradcam.integrations.keras_backends import run
from tensorboard_plugin_gradcam.layer_finding import (
    Arrangement,
    Candidate,
    Candidates,
    Places,
    Sampling,
    arranged,
    chosen,
    inherited,
    ramp,
    step_of,
)

Floats = NDArray[np.float64]
Forward = Callable[[Any, Any, Callable[[str, Any], Any]], Any]

MOST = 24  # layers whose paths are measured, the deepest first
WHOLE = 0.98
SAME = 1e-6  # relative difference of outputs that are one


@dataclass(eq=False)
class _Entry:
    name: str
    layer: Any
    shape: tuple[int, ...]
    output: Any
    order: int
    values: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Probe:
    """What was measured on one image.

    Attributes:
        candidates: the layers with space whose paths were measured, and the one that is taken.
        arrangements: of every layer whose places were found, by name.
    """

    candidates: Candidates
    arrangements: dict[str, Arrangement]


def probed(model: Any, head: Any, inputs: Any, images: NDArray[Any], with_images: Callable[[Any], Any]) -> Probe:
    """Run the model on one image and on changed copies of it, and measure its layers' outputs.

    Args:
        model: what is probed.
        head: the layer that turns scores into probabilities, or None.
        inputs: the arguments for one image.
        images: that image, ``(1, ...)``, as the model takes it.
        with_images: puts another image in its place in the inputs.
    """
    return _Probing(model, head, inputs, images, with_images).run()


class _Probing:
    def __init__(
        self, model: Any, head: Any, inputs: Any, images: NDArray[Any], with_images: Callable[[Any], Any]
    ) -> None:
        self._model, self._head, self._inputs, self._with = model, head, inputs, with_images
        self._image = np.asarray(images[0], dtype=np.float64)
        self._dtype = images.dtype
        is_first = keras_layers.data_format(None) == "channels_first"
        shape = self._image.shape
        self._axes = list(range(1, len(shape)) if is_first else range(len(shape) - 1))
        self._rank = len(self._axes)
        self._names = keras_layers.names(model)
        self._layers = {self._names[id(layer)]: layer for layer in keras_layers.all_layers(model)}

    def run(self) -> Probe:
        scale = step_of(self._image, 1e-2 if "16" in str(keras.config.dtype_policy().compute_dtype) else 1e-7)
        change = np.random.default_rng(0).standard_normal(self._image.shape) * scale
        entries, runs, scores = self._first_pass()
        moved = self._compare(entries, "even", change)
        for position, axis in enumerate(self._axes):
            self._compare(entries, f"ramp{position}", change * ramp(self._image.shape, axis))
        found = self._arrangements(entries)
        items = self._candidates(entries, runs, found, scores)
        is_dense = scores.ndim == self._rank + 2 and max(scores.shape[1:-1]) > 1
        measured = self._with_paths(items, entries, scores, moved, change, is_dense)
        return Probe(chosen(measured, is_dense), {name: one for name, (one, _) in found.items() if one is not None})

    def _pass(self, image: Floats, note: Callable[[str, Any], Any], names: Iterable[str] | None = None) -> Floats:
        layers = self._layers if names is None else {name: self._layers[name] for name in names}
        scores = forward(self._model, self._head, layers, self._with(image[None].astype(self._dtype)), note)
        return np.asarray(to_numpy(scores, "scores"), dtype=np.float64)

    def _first_pass(self) -> tuple[dict[str, _Entry], Counter[str], Floats]:
        entries: dict[str, _Entry] = {}
        runs: Counter[str] = Counter()

        def note(name: str, output: Any) -> Any:
            runs[name] += 1
            if hasattr(output, "shape") and len(output.shape) >= 2 and "float" in str(output.dtype):
                shape = tuple(int(size) for size in output.shape)
                entry = _Entry(name, self._layers[name], shape, output, sum(runs.values()))
                entry.values["base"] = self._sampled(shape, output)
                entries.pop(name, None)  # a layer's last run is its place in the order
                entries[name] = entry
            return output

        scores = self._pass(self._image, note)
        return entries, runs, scores

    def _sampled(self, shape: tuple[int, ...], output: Any) -> Floats:
        values = np.asarray(to_numpy(output, "output"), dtype=np.float64)
        return np.asarray(values.reshape(-1)[Sampling.of(shape, self._rank).flat])

    def _compare(self, entries: dict[str, _Entry], name: str, change: Floats) -> Floats:
        def note(layer: str, output: Any) -> Any:
            entry = entries.get(layer)
            if entry is not None and tuple(int(size) for size in output.shape) == entry.shape:
                entry.values[name] = self._sampled(entry.shape, output)
            return output

        return self._pass(self._image + change, note)

    def _arrangements(self, entries: dict[str, _Entry]) -> dict[str, tuple[Arrangement | None, bool]]:
        found: dict[str, tuple[Arrangement | None, bool]] = {}
        clear: list[Arrangement] = []
        for entry in entries.values():
            places = self._places(entry)
            one = arranged(places, self._rank, clear) if places is not None else None
            is_clear = one is not None
            if places is not None and (one is None or not one.is_whole):
                older = inherited(places, self._rank, clear) or plain(entry.layer, entry.shape, self._rank)
                one, is_clear = older or one, older is None and is_clear
            if one is not None and is_clear:
                clear.append(one)
            found[entry.name] = one, is_clear
        return found

    def _places(self, entry: _Entry) -> Places | None:
        ramps = [entry.values.get(f"ramp{position}") for position in range(self._rank)]
        if "even" not in entry.values or any(one is None for one in ramps):
            return None
        sampling = Sampling.of(entry.shape, self._rank)
        kept = [one for one in ramps if one is not None]
        return Places.of(entry.shape, sampling, entry.values["base"], entry.values["even"], kept)

    def _candidates(
        self,
        entries: dict[str, _Entry],
        runs: Counter[str],
        found: dict[str, tuple[Arrangement | None, bool]],
        scores: Floats,
    ) -> list[Candidate]:
        """Return a candidate for each output with cells, named after the layer that returned it."""
        last = max((entry.order for entry in entries.values()), default=1)
        weighted = [entry.order for entry in entries.values() if _is_leaf_with_weights(entry.layer)]
        items: list[tuple[Candidate, _Entry]] = []
        for entry in entries.values():
            arrangement, is_clear = found[entry.name]
            if arrangement is None or runs[entry.name] > 1:
                continue
            is_last = not any(order > entry.order for order in weighted)
            is_same = bool(items) and _is_same(items[-1][1], entry)
            keeps = bool(items) and items[-1][0].cells == arrangement.cells
            item = Candidate(
                label=entry.name,
                shape=entry.shape,
                arrangement=arrangement,
                is_clear=is_clear,
                path=0.0,
                dependence=0.0,
                channels=0,
                depth=entry.order / last,
                # An activation has none, but is as good as what it is of; pooling is not.
                has_weights=bool(entry.layer.weights) or keeps,
                is_score=is_last and (scores.ndim > 2 or arrangement.channels == scores.shape[-1]),
            )
            if is_same and not entry.layer.weights:
                continue  # dropout, say, gives what it is given
            if is_same:
                items.pop()
            items.append((item, entry))
        return [item for item, _ in items]

    def _with_paths(
        self,
        items: Sequence[Candidate],
        entries: dict[str, _Entry],
        scores: Floats,
        moved: Floats,
        change: Floats,
        is_dense: bool,
    ) -> list[Candidate]:
        """Measure paths and dependence from the deepest layer on, until one is on all paths and used by the score."""
        measured: list[Candidate] = []
        seen: Counter[int] = Counter()
        for item in reversed(items):
            if item.cells < 2 or not item.has_weights or item.is_score:
                continue
            if is_dense:  # a few of each level
                seen[item.cells] += 1
                if seen[item.cells] > 3:
                    continue
            path = self._path(entries[item.label], scores, moved, change)
            dependence, channels = self._dependence(entries[item.label], item, scores)
            measured.append(replace(item, path=path, dependence=dependence, channels=channels))
            is_found = path >= WHOLE and measured[-1].is_felt and not is_dense
            if is_found or len(measured) == MOST:
                break
        return measured[::-1]

    def _path(self, entry: _Entry, scores: Floats, moved: Floats, change: Floats) -> float:
        """Return the share of the scores' response that is missing when a layer's output is held constant."""
        answer = float(np.abs(moved - scores).sum())
        if not answer:
            return 1.0
        held = self._pass(self._image + change, lambda name, output: entry.output, [entry.name])
        return float(np.clip(1 - np.abs(held - scores).sum() / answer, 0, 1))

    def _dependence(self, entry: _Entry, item: Candidate, scores: Floats) -> tuple[float, int]:
        layers = {entry.name: entry.layer}
        image = self._with(self._image[None].astype(self._dtype))

        def scores_through(tap: Callable[[str, Any], Any]) -> Any:
            return forward(self._model, self._head, layers, image, tap)

        done = run(keras.backend.backend(), scores_through)
        weights = np.random.default_rng(0).standard_normal(scores.shape).astype(np.float32)
        gradients = np.asarray(done.gradients(weights)[entry.name], dtype=np.float64)
        if item.arrangement is None:
            return 0.0, 0
        felt = np.asarray(item.arrangement.cells_of(gradients, 1))[0] != 0  # (C, ...)
        return float(felt.any(axis=0).mean()), int(felt.reshape(len(felt), -1).any(axis=1).sum())


def forward(model: Any, head: Any, layers: dict[str, Any], inputs: Any, tap: Callable[[str, Any], Any]) -> Any:
    """Run the model once, each layer's output through a tap; return the scores before softmax or sigmoid."""
    kept: list[Any] = []
    with keras_layers.borrowed(model), keras_layers.tapped(layers, tap), keras_layers.scores_of(head, kept):
        output = keras_layers.tensor_of(model(inputs, training=False))
    return kept[-1] if kept else output


def plain(layer: Any, shape: Sequence[int], rank: int) -> Arrangement | None:
    """Return the arrangement of a convolution or BatchNormalization, from its own axis settings."""
    is_convolution = hasattr(layer, "kernel_size") and hasattr(layer, "data_format")
    is_norm = isinstance(layer, keras.layers.BatchNormalization)
    if len(shape) != rank + 2 or not (is_convolution or is_norm):
        return None
    if is_norm:
        axis = layer.axis if isinstance(layer.axis, int) else -1
        is_first = axis in (1, 1 - len(shape))
    else:
        is_first = layer.data_format == "channels_first"
    return Arrangement.channels_first(shape) if is_first else Arrangement.channels_last(shape)


def _is_leaf_with_weights(layer: Any) -> bool:
    return bool(layer.weights) and not list(layer._flatten_layers(include_self=False, recursive=False))


def _is_same(one: _Entry, other: _Entry) -> bool:
    if one.shape != other.shape:
        return False
    ours, theirs = one.values["even"], other.values["even"]
    return bool(np.abs(ours - theirs).max() <= SAME * max(float(np.abs(ours).max()), 1e-30))
