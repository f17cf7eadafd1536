"""`Explainer`: from what one forward pass gave to the maps of the scores that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam.measures.registry import Measure

from .asked import Asked, find_targets
from .autograd import gradients_of, ranks_of
from .boxes import BoxScore
from .cells import Cells
from .flags import flags_of
from .hooks import detached, without_autocast
from .inputs import Inputs
from .measuring import Explained, Found, measured
from .methods import MapKind, Method, Needs
from .methods.formulas import principal
from .outputs import Outputs
from .padding import Padding
from .replay import Kept
from .result import CAMResult
from .rivals import Rivals, find_rivals
from .scene import LayerScene, Scene
from .targets import Target


@dataclass(frozen=True, eq=False)
class Pass:
    """What one forward pass gave.

    Attributes:
        inputs: what the model was given.
        outputs: what it returned, with a graph that begins at the taps.
        taps: the target layers' tensors, by label.
        padding: that the model put around its images.
        channels_first: labels of the layers whose output comes from a plain convolution, BatchNorm or ReLU.
        kept: what modules in front of a layer returned, by the layer's label, for `Replay`.
        retain_graph: whether the graph is used again.
    """

    inputs: Inputs
    outputs: Any
    taps: Mapping[str, Tensor]
    padding: Padding
    channels_first: frozenset[str] = frozenset()
    kept: Mapping[str, Kept] = field(default_factory=dict)
    retain_graph: bool = False


Again = Callable[[Inputs, Any], CAMResult]


@dataclass(frozen=True, eq=False)
class Explainer:
    """Which methods explain a pass, and how.

    Attributes:
        methods: that are computed.
        batch_size: largest number of images in a whole forward pass of methods that need passes of their own.
        eigen_smooth: see `CAM`.
        cells: arranges what layers give.
        find_scores: finds the scores in what the model returns.
        measures: of the maps.
    """

    methods: tuple[Method, ...]
    batch_size: int
    eigen_smooth: bool
    cells: Cells
    find_scores: Callable[[Any], Outputs]
    measures: tuple[Measure, ...] = ()

    def needs(self, what: Needs) -> bool:
        """Say whether one of the methods needs that."""
        return any(method.needs == what for method in self.methods)

    @property
    def needs_layers(self) -> bool:
        """Whether one of the methods looks at layers."""
        return any(method.place == "layer" for method in self.methods)

    @property
    def repeats_images(self) -> bool:
        """Whether the model is run on other images than those that are given, or on some of them again."""
        runs = ("head", "picture", "mask", "mosaic")
        return self.needs("passes") or any(measure.needs in runs for measure in self.measures)

    def explain(
        self, model: nn.Module, given: Pass, targets: Any, again: Again | None = None, random: Again | None = None
    ) -> CAMResult:
        """Return the maps of what `targets` asks of a pass of `model`.

        Args:
            model: that is borrowed.
            given: its pass.
            targets: see `CAM.__call__`.
            again: explains other inputs of it, from them and the targets; for measures.
            random: the same of a copy with random weights.

        Raises:
            ValueError: as `CAM.__call__`.
        """
        inputs, values = given.inputs, self.find_scores(given.outputs)
        size = given.padding.size or inputs.size
        if size is None:
            raise ValueError("expected images of one size, got several: only detectors pad them themselves")
        asked = find_targets(targets, values, inputs.count, len(size))
        rivals = find_rivals(asked, values) if self._compares_classes else Rivals()
        taps = given.taps if self.needs("gradients") else {}
        with torch.enable_grad():
            scores, of_rivals = asked.scores(values), rivals.asked.scores(values)
            # Apart from each other, so that the maps are the same to the last bit whatever is measured.
            gradients = gradients_of(scores, asked.samples, taps, given.retain_graph or bool(rivals.rows))
            others = gradients_of(of_rivals, rivals.asked.samples, taps, given.retain_graph) if rivals.rows else {}

        def arrange(tensor: Tensor, count: int, layer: str) -> Tensor:
            return self.cells.of(layer, tensor, inputs, count, layer in given.channels_first)

        scene = Scene(model, inputs, size, asked, scores.detach(), self.batch_size, self.find_scores, arrange)
        index = torch.tensor(asked.samples, dtype=torch.int64, device=scores.device)
        layers = {layer: self._layer_scene(layer, given, scene) for layer in given.taps}
        raw = self._maps(self.methods, scene, layers, gradients)
        maps = {key: self._unpadded(key, map_, given.padding, index) for key, map_ in raw.items()}
        names = tuple(target.name for target in asked.targets)
        kinds = {method.name: _kind(method, maps, len(size)) for method in self.methods}
        found = Found()
        if self.measures:
            other = replace(scene, asked=rivals.asked, scores=of_rivals.detach())
            of_others = self._rival_maps(raw, rivals, given, other, others)
            explained = Explained(scene, layers, raw, maps, kinds, of_others, _maps_by(again), _maps_by(random))
            found = measured(self.measures, explained)
        return CAMResult(
            maps=maps,
            outputs=detached(given.outputs),
            scores=scores.detach(),
            targets=torch.tensor([target.index for target in asked.targets], dtype=torch.int64),
            samples=index.cpu(),
            count=inputs.count,
            names=names,
            flags=flags_of(maps, names, inputs.batch, given.taps),
            kinds=kinds,
            input_size=inputs.size,
            boxes=None if isinstance(values, Tensor) else torch.tensor([_box(target) for target in asked.targets]),
            inputs=None if inputs.batch is None else inputs.channels_first(inputs.batch),
            measures=found.numbers,
            notes=tuple(found.notes),
        )

    @property
    def _compares_classes(self) -> bool:
        return any(measure.needs == "rival" for measure in self.measures)

    def _maps(
        self,
        methods: Iterable[Method],
        scene: Scene,
        layers: Mapping[str, LayerScene],
        gradients: Mapping[str, Tensor],
    ) -> dict[tuple[str, str], Tensor]:
        """Return the maps of a scene's scores, in the layers' own resolution, or the images'."""
        methods = list(methods)
        return {
            (method.name, layer): map_
            for layer, at_layer in layers.items()
            for method, map_ in self._maps_at(methods, at_layer, gradients.get(layer))
        } | {(method.name, method.place): method.function(scene) for method in methods if method.place != "layer"}

    def _rival_maps(
        self,
        maps: Mapping[tuple[str, str], Tensor],
        rivals: Rivals,
        given: Pass,
        scene: Scene,
        gradients: Mapping[str, Tensor],
    ) -> dict[tuple[str, str], Tensor]:
        """Return the maps of the classes that are ranked next, NaN for scores that have none."""
        if not rivals.rows:
            return {}
        layers = {layer: self._layer_scene(layer, given, scene) for layer in given.taps}
        asked = [method for method in self.methods if method.needs != "activations"]
        found = {}
        for key, others in self._maps(asked, scene, layers, gradients).items():
            found[key] = torch.full_like(maps[key], torch.nan)
            found[key][list(rivals.rows)] = others.to(found[key])
        return {key: found.get(key, map_) for key, map_ in maps.items()}  # of no class at all: the same map

    def _unpadded(self, key: tuple[str, str], maps: Tensor, padding: Padding, index: Tensor) -> Tensor:
        """Return maps without the padding; those at the size of the inputs never had any."""
        is_whole = any((method.name, method.place) == (key[0], "pyramid") for method in self.methods)
        return maps if is_whole else padding.without_padding(maps, index)

    def _layer_scene(self, layer: str, given: Pass, scene: Scene) -> LayerScene:
        """Return a scene as it is seen from a layer."""
        tapped = given.taps[layer].detach()
        index = torch.tensor(scene.asked.samples, dtype=torch.int64, device=scene.scores.device)
        return LayerScene(
            **{name: getattr(scene, name) for name in Scene.__dataclass_fields__},
            layer=layer,
            output=tapped,
            activations=scene.cells_at(layer, tapped, given.inputs.count)[index],
            batch_axis=self.cells.batch_axis(layer, tapped, given.inputs, layer in given.channels_first),
            kept=given.kept.get(layer),
        )

    def _maps_at(
        self, methods: Iterable[Method], scene: LayerScene, gradients: Tensor | None
    ) -> Iterator[tuple[Method, Tensor]]:
        """Yield the maps of one layer, in its own resolution."""

        def cells(tensor: Tensor) -> Tensor:
            return scene.cells(tensor, scene.inputs.count)

        of_scores = None if gradients is None else _gradients_of_scores(gradients, scene.asked, cells)
        for method in methods:
            if method.place == "layer":
                yield method, _map(method, scene.activations, of_scores, scene, self.eigen_smooth)


def _maps_by(explain: Again | None) -> Callable[[Inputs, Any], Mapping[tuple[str, str], Tensor]] | None:
    return None if explain is None else lambda inputs, targets: explain(inputs, targets).maps


def _gradients_of_scores(gradients: Tensor, asked: Asked, cells: Callable[[Tensor], Tensor]) -> Tensor:
    by_rank = torch.stack([cells(gradient) for gradient in gradients])
    return by_rank[ranks_of(asked.samples), list(asked.samples)]


def _map(
    method: Method, activations: Tensor, gradients: Tensor | None, scene: LayerScene, eigen_smooth: bool
) -> Tensor:
    function = method.channels if eigen_smooth and method.channels else method.function
    if method.needs == "passes":
        found = function(scene)  # which runs the model as the caller would, under autocast too
    with torch.no_grad(), without_autocast(activations.device.type):
        if method.needs != "passes":
            found = function(activations, gradients) if method.needs == "gradients" else function(activations)
        return found if function is method.function else principal(found)


def _kind(method: Method, maps: Mapping[tuple[str, str], Tensor], rank: int) -> MapKind:
    """Return how a method's maps are meant: colours only where there are colours."""
    has_colours = any(name == method.name and map_.ndim == rank + 2 for (name, _), map_ in maps.items())
    return "signed" if method.kind == "rgb" and not has_colours else method.kind


def _box(target: Target) -> int:
    return target.position if isinstance(target, BoxScore) else -1
