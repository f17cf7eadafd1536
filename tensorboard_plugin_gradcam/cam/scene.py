"""`Scene`: what a method is given that needs forward passes of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .asked import Asked
from .inputs import Inputs
from .outputs import Outputs, scores_of
from .replay import Kept, Replay
from .reshape import Reshape, to_channels_first
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
        reshape: the caller's own, from a layer's output to ``(N, C, ...)``.
    """

    model: nn.Module
    inputs: Inputs
    size: tuple[int, ...]
    asked: Asked
    scores: Tensor
    batch_size: int
    reshape: Reshape | None

    @property
    def images(self) -> Tensor:
        """The images, ``(N, C, ...)``.

        Raises:
            ValueError: where their sizes differ.
        """
        if self.inputs.batch is None:
            raise ValueError("expected images of one size for a method that changes them, got several sizes")
        return self.inputs.batch

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
                yield self.inputs.of_images([image] * len(batch), batch).run(self.model)

        return self._scores(outputs_of)

    def _scores(self, outputs_of: Callable[[int], Iterable[object]]) -> list[Tensor]:
        found: dict[int, Tensor] = {}
        with torch.no_grad():
            for image in dict.fromkeys(self.samples):
                rows = [row for row, sample in enumerate(self.samples) if sample == image]
                scores = torch.cat([self._scores_of_rows(rows, outputs) for outputs in outputs_of(image)], dim=1)
                found.update(zip(rows, scores, strict=True))
        return [found[row] for row in range(len(self.samples))]

    def _scores_of_rows(self, rows: list[int], outputs: object) -> Tensor:
        values = scores_of(outputs)
        return torch.stack([_scores_of_target(self.asked.targets[row], values) for row in rows])

    def input_graph(self, chunk: slice) -> tuple[Tensor, Tensor]:
        """Return the images, one for each of a chunk of scores, and the scores that their graph leads to."""
        samples = self.samples[chunk]
        leaf = self.images[samples].requires_grad_()
        with torch.enable_grad():
            inputs = self.inputs.of_images(samples, leaf.clone())  # which the model may change in place
            values = scores_of(self.model(*inputs.args, **inputs.kwargs))
            return leaf, self.asked_of(chunk).scores(values)

    def cells(self, output: Tensor, images: int) -> Tensor:
        """Return a layer's output for that many images as ``(M, C, ...)``."""
        return to_channels_first(output, images, self.size, self.reshape).float()

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
        kept: for `Replay`.
    """

    layer: str
    output: Tensor
    activations: Tensor
    kept: Kept | None = None

    def scores_with(self, variants: Callable[[Tensor], Batches]) -> list[Tensor]:
        """Return each score as it would be if the layer gave other activations; only what follows it is run.

        Args:
            variants: gives for an image's activations ``(C, ...)`` batches ``(K, C, ...)`` of others.

        Returns:
            M tensors ``(K,)``, float32, of all the batches of the score's image.
        """

        def outputs_of(image: int) -> Iterator[object]:
            replay = Replay(self.model, self.layer, self.inputs.of_images([image]), self.batch_size, self.kept)
            original = self._original(image)
            for batch in variants(self.activations[self.samples.index(image)]):
                yield from replay(self._written(batch, original), self._batch_axis())

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
        inputs = self.inputs.of_images(samples, change(self.images[samples]))
        with torch.no_grad(), taps.watching():  # where the graph begins
            values = scores_of(inputs.run(self.model))
        with torch.enable_grad():
            return taps.tensors()[self.layer], self.asked_of(chunk).scores(values)

    def _batch_axis(self) -> int:
        return 0 if len(self.output) == self.inputs.count else 1  # tokens may come before images

    def _original(self, image: int) -> Tensor:
        return self.output.detach().narrow(self._batch_axis(), image, 1)

    def _written(self, activations: Tensor, original: Tensor) -> Tensor:
        """Return the layer's output for one image, K times, with `activations` in the place of its own."""
        places = torch.arange(original.numel(), device=original.device).view(original.shape)
        cells = to_channels_first(places, 1, self.size, self.reshape)
        if cells.shape == original.shape and cells.is_contiguous():
            return activations.to(original.dtype)
        written = original.reshape(1, -1).repeat(len(activations), 1)
        written[:, cells.flatten()] = activations.flatten(1).to(original.dtype)
        axis = self._batch_axis()
        return written.view(len(activations), *original.movedim(axis, 0).shape[1:]).movedim(0, axis)


def _scores_of_target(target: Target, values: Outputs) -> Tensor:
    if isinstance(target, ClassScore) and isinstance(values, Tensor):
        return values[:, target.index].float()  # what a thousand calls of a target would say
    return Asked(tuple(range(len(values))), (target,) * len(values)).scores(values)
