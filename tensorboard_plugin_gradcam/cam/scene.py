"""`Scene`: what a method is given that needs forward passes of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from .asked import Asked
from .inputs import Inputs, as_whole_numbers
from .outputs import Outputs
from .replay import Kept, Replay
from .taps import Taps, layer_of
from .targets import ClassScore, Target

Batches = Iterable[Tensor]

COPIES_BYTES = 2**25  # of a layer's output, when only what follows the layer is run: few passes, little memory


@dataclass(frozen=True, eq=False)
class Scene:
    """A model, what it was given, and M scores of it to explain.

    The model is borrowed: in evaluation mode, without a graph, and given back when the method returns.

    Attributes:
        model: what is explained.
        inputs: what it was given: N images, and other arguments where it takes any.
        size: spatial size of the batch that it sees, ``(H, W)``.
        asked: to which of the images each of the M scores belongs, and its target.
        scores: ``(M,)``, float32.
        batch_size: largest number of images in a whole forward pass.
        find_scores: finds the scores in what the model returns.
        arrange: a layer's output for K images, from it, K and the layer's label to ``(K, C, ...)``.
    """

    model: nn.Module
    inputs: Inputs
    size: tuple[int, ...]
    asked: Asked
    scores: Tensor
    batch_size: int
    find_scores: Callable[[Any], Outputs]
    arrange: Callable[..., Tensor]

    @property
    def images(self) -> Tensor:
        """The images, ``(N, C, ...)``; bytes as floating point, where the model takes them so.

        Raises:
            ValueError: where their sizes differ.
        """
        if self.inputs.batch is None:
            raise ValueError("expected images of one size for a method that changes them, got several sizes")
        images = self.inputs.channels_first(self.inputs.batch)
        return images.float() if self._takes_floats else images

    @cached_property
    def _takes_floats(self) -> bool:
        """Say whether images of whole numbers can be given as floating point, and mean the same to the model."""
        batch = self.inputs.batch
        if batch is None or batch.is_floating_point():
            return False
        own = self.inputs.of_images([0])
        try:
            with torch.no_grad():
                expected = self.find_scores(own.run(self.model))
                found = self.find_scores(own.of_images([0], batch[:1].float()).run(self.model))
        except Exception:  # what is really wrong raised in the pass before
            return False
        if not isinstance(expected, Tensor) or not isinstance(found, Tensor) or expected.shape != found.shape:
            return False
        return torch.allclose(expected, found, rtol=1e-4)

    @property
    def samples(self) -> list[int]:
        """Index of the image that each of the M scores belongs to."""
        return list(self.asked.samples)

    def scores_of(self, variants: Callable[[int], Batches]) -> list[Tensor]:
        """Return each score as it would be for other inputs than the image's own.

        Args:
            variants: gives for an image's index batches ``(K, C, ...)`` of other inputs.

        Returns:
            M tensors ``(K,)``, float32, of all the batches of the score's image.
        """

        def outputs_of(image: int) -> Iterator[object]:
            for batch in variants(image):
                yield self.inputs.of_images([image] * len(batch), self.given(batch)).run(self.model)

        return self._scores(outputs_of)

    def given(self, images: Tensor) -> Tensor:
        """Return images ``(K, C, ...)`` as the model takes them: whole numbers where it takes nothing else."""
        own = self.inputs.batch
        if own is not None and not own.is_floating_point() and not self._takes_floats:
            images = as_whole_numbers(images, own.dtype)
        return self.inputs.as_given(images)

    def _scores(self, outputs_of: Callable[[int], Iterable[object]]) -> list[Tensor]:
        found: dict[int, Tensor] = {}
        with torch.no_grad():
            for image in dict.fromkeys(self.samples):
                rows = [row for row, sample in enumerate(self.samples) if sample == image]
                scores = torch.cat([self._scores_of_rows(rows, outputs) for outputs in outputs_of(image)], dim=1)
                found.update(zip(rows, scores, strict=True))
        return [found[row] for row in range(len(self.samples))]

    def _scores_of_rows(self, rows: list[int], outputs: object) -> Tensor:
        values = self.find_scores(outputs)
        return torch.stack([_scores_of_target(self.asked.targets[row], values) for row in rows])

    def input_graph(self, chunk: slice) -> tuple[Tensor, Tensor]:
        """Return the images, one for each of a chunk of scores, and the scores that their graph leads to."""
        samples = self.samples[chunk]
        if not self.images.is_floating_point():
            raise ValueError(
                f"expected images that can have gradients, got {self.images.dtype}, and no other fits: "
                "choose a method without gradients of the image, or scale the images outside the model"
            )
        leaf = self.images[samples].requires_grad_()
        with torch.enable_grad():
            # The clone may be changed in place by the model.
            inputs = self.inputs.of_images(samples, self.given(leaf.clone()))
            values = self.find_scores(self.model(*inputs.args, **inputs.kwargs))
            return leaf, self.asked_of(chunk).scores(values)

    def cells_at(self, layer: str, output: Tensor, images: int) -> Tensor:
        """Return what has the axes of a layer's output for that many images as ``(M, C, ...)``."""
        return self.arrange(output, images, layer).float()

    def chunks(self) -> Iterator[slice]:
        """Cut the M scores into chunks, an image for each of which fits one forward pass."""
        for start in range(0, len(self.samples), self.batch_size):
            yield slice(start, start + self.batch_size)

    def asked_of(self, chunk: slice) -> Asked:
        """Return what is explained of a batch that has one image for each of a chunk of scores."""
        targets = self.asked.targets[chunk]
        return Asked(tuple(range(len(targets))), targets)


@dataclass(frozen=True, eq=False)
class LayerScene(Scene):
    """A scene, looked at from one layer.

    Attributes:
        layer: its label, as `Place` reads it.
        output: the tensor that it gave, as it is.
        activations: ``(M, C, ...)``, float32: that of each score's image, channels first.
        batch_axis: the output's axis that grows with the number of images.
        kept: for `Replay`.
    """

    layer: str
    output: Tensor
    activations: Tensor
    batch_axis: int = 0
    kept: Kept | None = None

    def scores_with(self, variants: Callable[[Tensor], Batches]) -> list[Tensor]:
        """Return each score as it would be if the layer gave other activations; only what follows it is run.

        Args:
            variants: gives for an image's activations ``(C, ...)`` batches ``(K, C, ...)`` of others.

        Returns:
            M tensors ``(K,)``, float32, of all the batches of the score's image.
        """

        def outputs_of(image: int) -> Iterator[object]:
            replay = Replay(
                self.model, self.layer, self.inputs.of_images([image]), self.batch_size, self.find_scores, self.kept
            )
            items = self.output.shape[self.batch_axis] // self.inputs.count
            for batch in variants(self.activations[self.samples.index(image)]):
                yield from replay(self.written(batch, [image] * len(batch)), self.batch_axis, items)

        return self._scores(outputs_of)

    def splits(self, variants: int) -> Iterator[Tensor]:
        """Cut the numbers of `variants` into chunks, each as many as one pass of `scores_with` should hold."""
        at_once = max(1, COPIES_BYTES // (self.activations[0].numel() * self.output.element_size()))
        yield from torch.arange(variants, device=self.activations.device).split(at_once)

    def gradients(self, change: Callable[[Tensor], Tensor] = torch.clone) -> tuple[Tensor, Tensor]:
        """Return activations and gradients ``(M, C, ...)`` of the layer for inputs that were changed."""
        found: list[tuple[Tensor, Tensor]] = []
        for chunk in self.chunks():
            leaf, scores = self.graph(chunk, change)
            (gradients,) = torch.autograd.grad(scores, leaf, torch.ones_like(scores))
            found.append((self.cells(leaf.detach(), len(scores)), self.cells(gradients, len(scores))))
        return torch.cat([activations for activations, _ in found]), torch.cat([gradients for _, gradients in found])

    def graph(self, chunk: slice, change: Callable[[Tensor], Tensor] = torch.clone) -> tuple[Tensor, Tensor]:
        """Return the layer's output, an image for each of a chunk of scores, and the scores that its graph leads to."""
        taps = Taps({self.layer: layer_of(self.model, self.layer)})
        samples = self.samples[chunk]
        inputs = self.inputs.of_images(samples, self.given(change(self.images[samples])))
        with torch.no_grad(), taps.watching():  # where the graph begins
            values = self.find_scores(inputs.run(self.model))
        with torch.enable_grad():
            return taps.tensors()[self.layer], self.asked_of(chunk).scores(values)

    def cells(self, output: Tensor, images: int) -> Tensor:
        """Return the layer's output for that many images as ``(M, C, ...)``."""
        return self.arrange(output, images, self.layer).float()

    def _original(self, image: int) -> Tensor:
        """Return the layer's output for one image; an image may be several items of the batch's axis."""
        items = self.output.shape[self.batch_axis] // self.inputs.count
        return self.output.detach().narrow(self.batch_axis, image * items, items)

    def written(self, activations: Tensor, images: Sequence[int]) -> Tensor:
        """Return the layer's output for `images`, which may repeat, with `activations` in the place of their own.

        What has no cell, such as a class token, stays.
        """
        own = {image: self._original(image) for image in dict.fromkeys(images)}
        original = next(iter(own.values()))
        places = torch.arange(original.numel(), device=original.device).view(original.shape)
        cells = self.arrange(places, 1, self.layer)
        if cells.shape == original.shape and cells.is_contiguous():
            return activations.to(original.dtype)
        written = torch.stack([own[image].reshape(-1) for image in images])
        written[:, cells.flatten()] = activations.flatten(1).to(original.dtype)
        axis = self.batch_axis
        copies = written.view(len(activations), *original.shape).movedim(0, axis)
        return copies.flatten(axis, axis + 1)  # each copy's items stay together


def _scores_of_target(target: Target, values: Outputs) -> Tensor:
    if isinstance(target, ClassScore) and isinstance(values, Tensor):
        return values[:, target.index].float()  # what a thousand calls of a target would say
    return Asked(tuple(range(len(values))), (target,) * len(values)).scores(values)
