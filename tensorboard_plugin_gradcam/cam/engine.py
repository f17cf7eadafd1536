"""`CAM`: maps of a torch model at the cost of one inference, which leave no trace in the model or its training."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from .canvas import Canvas
from .capture import Capture
from .explained import Explained, find_targets
from .flags import flags_of
from .gradients import DisconnectedError, gradients_of, ranks_of
from .hooks import borrowing, detached, hooked
from .inputs import Inputs
from .layers import find_layer, named_layers
from .methods import MapKind, Method, Needs, find_methods
from .methods.gradients import principal
from .outputs import scores_of
from .replay import Kept, Recording
from .reshape import Reshape, to_channels_first
from .result import CAMResult
from .scene import LayerScene, Scene
from .smoothing import smoothed
from .taps import Taps
from .wrappers import unwrapped


class CAM:
    """Compute class activation maps of a model.

    Example:
        >>> cam = CAM(model)
        >>> result = cam(images)
        >>> result.masks().shape
        torch.Size([8, 224, 224])

    The model's modes, gradients, buffers, hooks and the random states are afterwards as before, also when something
    raises half-way: a training goes on bit for bit as if it had never been called.

    Args:
        model: classifies batches ``(N, C, ...)``; `DataParallel`, `DistributedDataParallel` and `torch.compile` are
            looked into.
        layers: name, module, or several of them; None finds the deepest layer whose output has space. "neck#2" is the
            second run of a layer that runs several times in a forward pass, "neck[out]" a part of the tuple or mapping
            that a layer returns.
        methods: name or names, such as "grad_cam".
        batch_size: largest number of images in a whole forward pass of methods that need passes of their own.
        aug_smooth: take the mean over each image and its mirror image at 0.9, 1 and 1.1 times their values.
        eigen_smooth: of methods that sum channels, take their first principal component instead of the sum.
        reshape: from a layer's output to ``(N, C, ...)``, grad-cam's `reshape_transform`; needed only where tokens or
            channels are arranged in a way that is not recognised.

    Raises:
        TypeError: for what is no module, and for scripted or fully sharded models.
        ValueError: for a layer or a method that does not exist.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Any = None,
        methods: Any = "grad_cam",
        *,
        batch_size: int = 16,
        aug_smooth: bool = False,
        eigen_smooth: bool = False,
        reshape: Reshape | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"expected batch_size of at least 1, got {batch_size}")
        self.model = unwrapped(model)
        self.batch_size = batch_size
        self._aug_smooth, self._eigen_smooth = aug_smooth, eigen_smooth
        self.reshape = reshape
        self.methods = find_methods(methods)
        self._layers = None if layers is None else named_layers(self.model, layers)
        self._turns_gradients_off = False

    @property
    def layers(self) -> tuple[str, ...] | None:
        """Qualified names of the layers; None until the first call finds one."""
        return None if self._layers is None else tuple(self._layers)

    def __call__(self, inputs: Any, targets: Any = None) -> CAMResult:
        """Run the model on `inputs` and explain its scores.

        Args:
            inputs: ``(N, C, ...)``, as the model takes them; a tuple of several positional arguments, a mapping of
                keyword arguments, or the list of images that a detector takes.
            targets: None explains each image's top class (a detector's most certain box); an int, or N of them, a
                class; ``Classes(3, 7)`` several classes of each image; a target or callable from one image's output to
                a scalar, or N of them. An item of a list may be a list, of several targets for that image.

        Returns:
            Maps in each layer's own resolution, raw and signed. Padding that a detector put around its images is
            taken off again.

        Raises:
            ValueError: for targets that do not fit, a layer that did not run, where it is open which of its runs or
                parts is meant, or on which the scores do not depend; a map of one cell.
        """
        given = Inputs.of(inputs)
        self._found(given)
        return smoothed(self._called, given, targets) if self._aug_smooth else self._called(given, targets)

    def _called(self, given: Inputs, targets: Any) -> CAMResult:
        with borrowing(self.model):
            if not self._turns_gradients_off:
                with suppress(DisconnectedError):
                    return self._explained(given, targets)
            # A model whose own forward pass turns gradients off, say around a frozen trunk, gives them back as they
            # were: they have to be on around it. The trunk's graph then costs memory.
            with torch.enable_grad():
                result = self._explained(given, targets)
            self._turns_gradients_off = True
            return result

    def capture(self) -> Capture:
        """Watch the caller's own forward pass within a `with` block, and explain it by `Capture.result`.

        Example:
            >>> with torch.inference_mode(), cam.capture() as capture:
            ...     scores = model(images)
            >>> capture.result(targets=labels).masks().shape
            torch.Size([8, 224, 224])

        Raises:
            ValueError: for methods that need forward passes of their own.
        """
        several = ["aug_smooth"] if self._aug_smooth else []
        for name in several + [method.name for method in self.methods if method.needs == "passes"]:
            raise ValueError(f"{name} needs forward passes of its own: call the CAM instead of capture()")
        return Capture(self)

    def _found(self, inputs: Inputs) -> Mapping[str, nn.Module]:
        if self._layers is None and all(method.place != "layer" for method in self.methods):
            return {}
        if self._layers is None:
            self._layers = find_layer(self.model, inputs)
        return self._layers

    def _explained(self, inputs: Inputs, targets: Any) -> CAMResult:
        taps, canvas = Taps(self._layers or {}), Canvas()
        recording = Recording((self._layers or {}).values()) if inputs.count == 1 and self._needs("passes") else None
        watches = hooked(*canvas.watch(self.model))
        with taps.watching(), watches, recording.of(self.model) if recording else nullcontext():
            outputs = inputs.run(self.model)
        tensors = taps.tensors()
        kept = {label: recording.kept(module) if recording else {} for label, module in taps.plain().items()}
        return self._explain(inputs, outputs, tensors, targets, canvas, kept=kept)

    def _explain(
        self,
        inputs: Inputs,
        outputs: Any,
        taps: dict[str, Tensor],
        targets: Any,
        canvas: Canvas,
        retain_graph: bool = False,
        kept: Mapping[str, Kept] = MappingProxyType({}),
    ) -> CAMResult:
        values = scores_of(outputs)
        size = canvas.size or inputs.size
        if size is None:
            raise ValueError("expected images of one size, got several: only detectors pad them themselves")
        explained = find_targets(targets, values, inputs.count, len(size))
        with torch.enable_grad():
            scores = explained.scores(values)
            needed = taps if self._needs("gradients") else {}
            gradients = gradients_of(scores, explained.samples, needed, retain_graph)
        index = torch.tensor(explained.samples, dtype=torch.int64, device=scores.device)
        whole = (self.model, inputs, size, explained, scores.detach(), self.batch_size, self.reshape)
        maps: dict[tuple[str, str], Tensor] = {}
        for layer, tapped in taps.items():

            def cells(tensor: Tensor, layer: str = layer) -> Tensor:
                return _cells(layer, tensor, inputs.count, size, self.reshape)

            activations = cells(tapped.detach())[index]
            felt = _felt(gradients[layer], explained, cells) if layer in gradients else None
            scene = LayerScene(*whole, layer, tapped.detach(), activations, kept.get(layer))
            for method in self.methods:
                if method.place == "layer":
                    maps[method.name, layer] = canvas.without_padding(
                        _map(method, activations, felt, scene, self._eigen_smooth), index
                    )
        for method in self.methods:
            if method.place != "layer":
                maps[method.name, method.place] = method.function(Scene(*whole))
        names = tuple(target.name for target in explained.targets)
        return CAMResult(
            maps=maps,
            outputs=detached(outputs),
            scores=scores.detach(),
            targets=torch.tensor([target.index for target in explained.targets], dtype=torch.int64),
            samples=index.cpu(),
            names=names,
            flags=flags_of(maps, names, inputs.batch, taps),
            kinds={method.name: _kind(method, maps, len(size)) for method in self.methods},
            input_size=inputs.size,
            inputs=inputs.batch,
        )

    def _needs(self, what: Needs) -> bool:
        return any(method.needs == what for method in self.methods)


def _felt(gradients: Tensor, explained: Explained, cells: Reshape) -> Tensor:
    felt = torch.stack([cells(gradient) for gradient in gradients])
    return felt[ranks_of(explained.samples), list(explained.samples)]


def _cells(layer: str, tensor: Tensor, batch: int, size: tuple[int, ...], reshape: Reshape | None) -> Tensor:
    try:
        cells = to_channels_first(tensor, batch, size, reshape).float()
    except ValueError as error:
        raise ValueError(f"layer {layer!r}: {error}") from error
    if cells[0, 0].numel() == 1:
        raise ValueError(f"layer {layer!r} has a map of one cell, which shows nothing: choose an earlier layer")
    return cells


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


def _kind(method: Method, maps: Mapping[tuple[str, str], Tensor], rank: int) -> MapKind:
    """Return how a method's maps are meant: colours only where there are colours."""
    has_colours = any(name == method.name and map_.ndim == rank + 2 for (name, _), map_ in maps.items())
    return "signed" if method.kind == "rgb" and not has_colours else method.kind
