"""`Finder`: what has to be known of a model and its arguments before it can be explained, each measured once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam.layer_finding import Candidates

from .arguments import Name, images_seen, shared_arguments
from .borrowing import borrowing
from .boxes import REMEDY, NothingDetected
from .cells import Cells
from .inputs import Inputs
from .layers import candidates_of, found_layer, named_layers
from .outputs import Outputs
from .probing import axes_to_measure, probed


class Finder:
    """Knows the layers that are looked at, and reads the arguments that a model is given.

    Args:
        model: whose layers.
        layers: as for `CAM`.
        cells: is told what was measured on the way.
        find_scores: finds the scores in what the model returns.
        image: as for `CAM`.
        shared: as for `CAM`.

    Attributes:
        layers: by label; None until one is found.
        candidates: what was measured when it was found; None where it was named.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Any,
        cells: Cells,
        find_scores: Callable[[Any], Outputs],
        image: Name | None,
        shared: Iterable[Name] | None,
    ) -> None:
        self._model, self._cells, self._find_scores = model, cells, find_scores
        self._image, self._given_shared = image, None if shared is None else frozenset(shared)
        self._shared: dict[tuple[Any, ...], frozenset[Name]] = {}
        self._spaces: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._seen: dict[str, Name] | None = None
        self.layers: Mapping[str, nn.Module] | None = None if layers is None else named_layers(model, layers)
        self.candidates: Candidates | None = None

    def prepare(self, inputs: Inputs, needs_layers: bool, needs_passes: bool) -> tuple[Inputs, Mapping[str, nn.Module]]:
        """Return the inputs with what is known of them, and the layers; find one where none was named.

        Raises:
            ValueError: where no layer is found, or layers see different images.
        """
        inputs = replace(inputs, image=self._image)
        if needs_layers and self.layers is None:
            self.candidates, inputs = self._probed(self.shared_in(inputs))
            self.layers = self._found(inputs, self.candidates)
        elif needs_passes:
            inputs = self.shared_in(inputs)
        layers = self.layers or {}
        return self._of_the_image(self._with_space(inputs), layers), layers

    def _found(self, inputs: Inputs, candidates: Candidates) -> Mapping[str, nn.Module]:
        """Find the layer by the first image's scores; where a detector finds nothing there, by another image's."""
        try:
            return found_layer(self._model, candidates)
        except ValueError:
            boxes = self._boxes_in(inputs)
            if boxes is None or boxes[0]:
                raise
        if not any(boxes):
            raise NothingDetected(f"expected a detected box in one of {len(boxes)} images, got none: {REMEDY}")
        self.candidates, _ = self._probed(inputs.of_images([boxes.index(max(boxes))]))
        return found_layer(self._model, self.candidates)

    def _boxes_in(self, inputs: Inputs) -> list[int] | None:
        """Return how many boxes a detector finds in each image; None where the model is none."""
        with borrowing(self._model) as borrowed, borrowed.interruptible(), torch.no_grad():
            scores = self._find_scores(inputs.run(self._model))
        return None if isinstance(scores, Tensor) else [len(item["scores"]) for item in scores]

    def measure(self, inputs: Inputs) -> Candidates:
        """Measure every module's output, whether a layer is known or not."""
        return self._probed(self.shared_in(replace(inputs, image=self._image)))[0]

    def shared_in(self, inputs: Inputs) -> Inputs:
        """Return the inputs with the names of those arguments that are the same for every image."""
        if self._given_shared is not None:
            return replace(inputs, shared=self._given_shared)
        form = inputs.form
        if form not in self._shared:
            self._shared[form] = shared_arguments(self._model, inputs, self._find_scores)
        return replace(inputs, shared=self._shared[form])

    def _of_the_image(self, inputs: Inputs, layers: Mapping[str, nn.Module]) -> Inputs:
        """Return the inputs with the image that the layers see: of two of one kind, each may have layers of its own."""
        if self._seen is None:
            self._seen = images_seen(self._model, inputs, layers)
        images = {self._seen.get(label) for label in layers}
        if len(images) > 1:
            seen = ", ".join(f"{label!r} of {self._seen.get(label, 'the first')!r}" for label in layers)
            raise ValueError(f"expected layers that see the same image, got {seen}: use a CAM for each")
        (image,) = images or {None}
        return inputs if image is None else replace(inputs, image=image)

    def _with_space(self, inputs: Inputs) -> Inputs:
        """Return the inputs with the axes of an image that are space, measured where more than one may be colours."""
        shape = tuple(inputs.images[0].shape)
        axes = tuple(axes_to_measure(shape))
        if len(axes) < len(shape):
            return replace(inputs, space=axes)
        if shape not in self._spaces:
            self._probed(self.shared_in(inputs), with_graph=False)
        return replace(inputs, space=self._spaces[shape])

    def _probed(self, inputs: Inputs, with_graph: bool = True) -> tuple[Candidates, Inputs]:
        probe = probed(self._model, inputs, self._find_scores, with_graph)
        self._spaces[tuple(inputs.images[0].shape)] = probe.axes
        inputs = replace(inputs, space=probe.axes)
        self._cells.learn(probe, inputs.size_of_first)
        return candidates_of(probe), inputs
