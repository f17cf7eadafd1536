"""`Cells`: from what layers give to ``(N, C, ...)``, by what a layer is or by what was measured of it."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from tensorboard_plugin_gradcam.layer_finding import Arrangement

from .inputs import Inputs
from .outputs import Outputs
from .probing import Probe, probed

Reshape = Callable[[Tensor], Tensor]
_Key = tuple[str, tuple[int, ...], tuple[int, ...]]

# What was measured of a model holds for each CAM of it.
_MEASURED: weakref.WeakKeyDictionary[nn.Module, dict[_Key, Arrangement]] = weakref.WeakKeyDictionary()


class Cells:
    """Arranges the outputs of a model's layers; each layer's is measured once for each shape.

    Args:
        model: whose layers.
        reshape: the caller's own, from a layer's output to ``(N, C, ...)``, which stands above all.
        scores_of: finds the scores in what the model returns.
    """

    def __init__(self, model: nn.Module, reshape: Reshape | None, scores_of: Callable[[Any], Outputs]) -> None:
        self._model, self._reshape, self._scores_of = model, reshape, scores_of

    def learn(self, probe: Probe, size: tuple[int, ...]) -> None:
        """Keep what was measured of every output."""
        measured = _MEASURED.setdefault(self._model, {})
        for label in probe.aliases:
            candidate = probe.of(label)
            if candidate is not None and candidate.arrangement is not None:
                measured[label, candidate.shape, size] = candidate.arrangement

    def arrangement(
        self, label: str, tensor: Tensor, inputs: Inputs, count: int, is_plain: bool = False
    ) -> Arrangement:
        """Return how a layer's output is arranged; measured where that is not known yet.

        Args:
            label: the layer's.
            tensor: its output for `count` images.
            inputs: what the model was given; the first image is measured.
            count: how many.
            is_plain: whether it comes from a plain convolution, BatchNorm or ReLU.

        Raises:
            ValueError: where no place can be measured, or the shape does not fit what was measured of one image.
        """
        size = inputs.size_of_first
        shape = tuple(tensor.shape)
        has_own_axes = len(shape) == len(size) + 2 and shape[0] == count
        if has_own_axes and (is_plain or math.prod(shape[2:]) == 1):
            return Arrangement.channels_first((1, *shape[1:]))
        found = self._known(label, shape, count, size)
        if found is None:
            probe = probed(self._model, inputs, self._scores_of, with_graph=False)
            self.learn(probe, size)
            found = self._known(label, shape, count, size)
            seen = probe.of(label)
            if found is None and has_own_axes and (seen is None or not seen.of_image):
                return Arrangement.channels_first((1, *shape[1:]))  # nothing answers: rounded away, or not finite
        if found is None:
            raise ValueError(_ambiguous(label, shape, inputs.count, size, probe))
        return found

    def _known(self, label: str, shape: tuple[int, ...], count: int, size: tuple[int, ...]) -> Arrangement | None:
        measured = _MEASURED.get(self._model, {})
        for (of, _, at), arrangement in measured.items():
            if of == label and (at == size or arrangement.is_plain) and arrangement.fits(shape, count):
                return arrangement
        return None

    def of(self, label: str, tensor: Tensor, inputs: Inputs, count: int, is_plain: bool = False) -> Tensor:
        """Return a layer's output for `count` images as ``(count, C, ...)``.

        Raises:
            ValueError: as `arrangement`; where the caller's reshape returns something else; for one cell.
        """
        if self._reshape is not None:
            cells = self._reshaped(label, tensor, len(inputs.size_of_first), count)
        else:
            cells = self.arrangement(label, tensor, inputs, count, is_plain).cells_of(tensor, count)
        if cells[0, 0].numel() == 1:
            raise ValueError(f"layer {label!r} has a map of one cell, which shows nothing: choose an earlier layer")
        return cells

    def batch_axis(self, label: str, tensor: Tensor, inputs: Inputs, is_plain: bool = False) -> int:
        """Return the axis of a layer's output that grows with the number of images."""
        if self._reshape is not None:
            return 0 if len(tensor) == inputs.count else 1
        return self.arrangement(label, tensor, inputs, inputs.count, is_plain).batch_axis

    def _reshaped(self, label: str, tensor: Tensor, rank: int, count: int) -> Tensor:
        cells = self._reshape(tensor) if self._reshape is not None else tensor
        if not isinstance(cells, Tensor) or cells.ndim != rank + 2 or len(cells) != count:
            got = tuple(cells.shape) if isinstance(cells, Tensor) else type(cells).__name__
            raise ValueError(
                f"layer {label!r}: expected reshape= to return ({count}, C, ...) with {rank} spatial axes, got {got}"
            )
        return cells


def _ambiguous(label: str, shape: tuple[int, ...], count: int, size: tuple[int, ...], probe: Probe) -> str:
    letters = ", ".join("dhw"[-len(size) :] if len(size) > 1 else "t")
    tokens = f"lambda output: output[:, 1:].mT.unflatten(2, ({letters}))"
    others = f"lambda output: output.reshape({count}, channels, {letters})"
    found = probe.of(label)
    reason = (
        "it does not change with the image"
        if found is not None and not found.of_image
        else "no places in the image were found for any of its axes"
    )
    return (
        f"layer {label!r}: expected an output with space, got shape {shape}: pass reshape=, a function from it to "
        f"(N, C, {letters}), such as {tokens if len(shape) == 3 else others}, or choose another layer ({reason})"
    )
