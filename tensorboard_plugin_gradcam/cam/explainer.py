"""`Explainer`: from what one forward pass gave to the maps of the scores that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .asked import Asked, find_targets
from .autograd import gradients_of, ranks_of
from .boxes import BoxScore
from .cells import Cells
from .flags import flags_of
from .hooks import detached
from .inputs import Inputs
from .methods import MapKind, Method, Needs
from .methods.formulas import principal
from .outputs import Outputs
from .padding import Padding
from .replay import Kept
from .result import CAMResult
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


@dataclass(frozen=True, eq=False)
class Explainer:
    """Which methods explain a pass, and how.

    Attributes:
        methods: that are computed.
        batch_size: largest number of images in a whole forward pass of methods that need passes of their own.
        eigen_smooth: see `CAM`.
        cells: arranges what layers give.
        find_scores: finds the scores in what the model returns.
    """

    methods: tuple[Method, ...]
    batch_size: int
    eigen_smooth: bool
    cells: Cells
    find_scores: Callable[[Any], Outputs]

    def needs(self, what: Needs) -> bool:
        """Say whether one of the methods needs that."""
        return any(method.needs == what for method in self.methods)

    @property
    def needs_layers(self) -> bool:
        """Whether one of the methods looks at layers."""
        return any(method.place == "layer" for method in self.methods)

    def explain(self, model: nn.Module, given: Pass, targets: Any) -> CAMResult:
        """Return the maps of what `targets` asks of a pass of `model`.

        Raises:
            ValueError: as `CAM.__call__`.
        """
        inputs, values = given.inputs, self.find_scores(given.outputs)
        size = given.padding.size or inputs.size
        if size is None:
            raise ValueError("expected images of one size, got several: only detectors pad them themselves")
        asked = find_targets(targets, values, inputs.count, len(size))
        with torch.enable_grad():
            scores = asked.scores(values)
            needed = given.taps if self.needs("gradients") else {}
            gradients = gradients_of(scores, asked.samples, needed, given.retain_graph)
        index = torch.tensor(asked.samples, dtype=torch.int64, device=scores.device)

        def arrange(tensor: Tensor, count: int, layer: str) -> Tensor:
            return self.cells.of(layer, tensor, inputs, count, layer in given.channels_first)

        scene = Scene(model, inputs, size, asked, scores.detach(), self.batch_size, self.find_scores, arrange)
        maps = {
            **{
                key: given.padding.without_padding(map_, index)
                for layer in given.taps
                for key, map_ in self._maps_at(layer, given, scene, index, gradients.get(layer)).items()
            },
            **{
                (method.name, method.place): _unpadded(method, given.padding, method.function(scene), index)
                for method in self.methods
                if method.place != "layer"
            },
        }
        names = tuple(target.name for target in asked.targets)
        return CAMResult(
            maps=maps,
            outputs=detached(given.outputs),
            scores=scores.detach(),
            targets=torch.tensor([target.index for target in asked.targets], dtype=torch.int64),
            samples=index.cpu(),
            count=inputs.count,
            names=names,
            flags=flags_of(maps, names, inputs.batch, given.taps),
            kinds={method.name: _kind(method, maps, len(size)) for method in self.methods},
            input_size=inputs.size,
            boxes=None if isinstance(values, Tensor) else torch.tensor([_box(target) for target in asked.targets]),
            inputs=None if inputs.batch is None else inputs.channels_first(inputs.batch),
        )

    def _maps_at(
        self, layer: str, given: Pass, scene: Scene, index: Tensor, gradients: Tensor | None
    ) -> dict[tuple[str, str], Tensor]:
        """Return the maps of one layer, in its own resolution."""
        tapped = given.taps[layer].detach()

        def cells(tensor: Tensor) -> Tensor:
            return scene.cells_at(layer, tensor, given.inputs.count)

        activations = cells(tapped)[index]
        of_scores = None if gradients is None else _gradients_of_scores(gradients, scene.asked, cells)
        at_layer = LayerScene(
            **{name: getattr(scene, name) for name in Scene.__dataclass_fields__},
            layer=layer,
            output=tapped,
            activations=activations,
            batch_axis=self.cells.batch_axis(layer, tapped, given.inputs, layer in given.channels_first),
            kept=given.kept.get(layer),
        )
        return {
            (method.name, layer): _map(method, activations, of_scores, at_layer, self.eigen_smooth)
            for method in self.methods
            if method.place == "layer"
        }


def _gradients_of_scores(gradients: Tensor, asked: Asked, cells: Callable[[Tensor], Tensor]) -> Tensor:
    by_rank = torch.stack([cells(gradient) for gradient in gradients])
    return by_rank[ranks_of(asked.samples), list(asked.samples)]


def _map(
    method: Method, activations: Tensor, gradients: Tensor | None, scene: LayerScene, eigen_smooth: bool
) -> Tensor:
    function = method.channels if eigen_smooth and method.channels else method.function
    if method.needs == "passes":
        found = function(scene)  # which runs the model as the caller would, under autocast too
    with torch.no_grad(), torch.autocast(activations.device.type, enabled=False):
        if method.needs != "passes":
            found = function(activations, gradients) if method.needs == "gradients" else function(activations)
        return found if function is method.function else principal(found)


def _unpadded(method: Method, padding: Padding, maps: Tensor, index: Tensor) -> Tensor:
    """Return maps without the padding; those at the size of the inputs never had any."""
    return padding.without_padding(maps, index) if method.place == "pyramid" else maps


def _kind(method: Method, maps: Mapping[tuple[str, str], Tensor], rank: int) -> MapKind:
    """Return how a method's maps are meant: colours only where there are colours."""
    has_colours = any(name == method.name and map_.ndim == rank + 2 for (name, _), map_ in maps.items())
    return "signed" if method.kind == "rgb" and not has_colours else method.kind


def _box(target: Target) -> int:
    return target.position if isinstance(target, BoxScore) else -1
