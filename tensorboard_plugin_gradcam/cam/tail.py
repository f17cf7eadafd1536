"""`Tail`: the scores of many images if a layer gave something else, from one run of what follows the layer.

What stands in front of the layer is not run: its modules answer with tensors of the right shape that hold NaN and take
no memory, so that whatever of them still reached the scores would be noticed. Where it does (a skip across the layer),
each image is asked for itself by `Replay`.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .asked import Asked
from .hooks import map_tensors
from .inputs import Inputs
from .outputs import Outputs
from .replay import Recording, Replay, answering
from .scene import LayerScene
from .taps import Place, layer_of
from .targets import ClassScore

Outline = Mapping[str, Sequence[Any]]  # by the modules' names, so that a model is not kept alive

# What ran in front of a layer, in a pass of one image; None where the layer can't be answered for.
_OUTLINES: weakref.WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], Outline | None]] = weakref.WeakKeyDictionary()


class Tail:
    """What follows a layer.

    Args:
        scene: looked at from the layer.
    """

    def __init__(self, scene: LayerScene) -> None:
        self._scene = scene
        self._outline = _outline_of(scene)
        self._replays: dict[int, Replay] = {}  # of the image that was asked last

    def scores(self, rows: list[int], activations: Tensor) -> Tensor:
        """Return ``(R,)``, float32: the scores that `rows` stand for, if the layer gave `activations` for them.

        Args:
            rows: R indices among the scene's M scores.
            activations: ``(R, C, ...)``.
        """
        with torch.no_grad():
            if self._outline is not None:
                found = self._together(rows, activations)
                if found is not None:
                    return found
                self._outline = None
            return self._one_by_one(rows, activations)

    def _together(self, rows: list[int], activations: Tensor) -> Tensor | None:
        """Return the scores of one run; None where what is in front of the layer reaches them, too."""
        scene = self._scene
        images = [scene.samples[row] for row in rows]
        count = len(rows)
        modules = dict(scene.model.named_modules())
        answers = {
            modules[name]: [_repeated(output, count) for output in kept] for name, kept in (self._outline or {}).items()
        }
        answers[modules[scene.layer]] = [scene.written(activations, images)]
        try:
            with answering(answers):
                values = scene.find_scores(_unseen(scene.inputs, images).run(scene.model))
            if len(values) != count:
                return None
            scores = self._picked(rows, values)
        except Exception:  # what is really wrong raises again in the whole pass
            return None
        return None if bool(scores.isnan().any()) else scores

    def _one_by_one(self, rows: list[int], activations: Tensor) -> Tensor:
        scene = self._scene
        found = torch.empty(len(rows), device=activations.device)
        for image in dict.fromkeys(scene.samples[row] for row in rows):
            of_image = [at for at, row in enumerate(rows) if scene.samples[row] == image]
            if image not in self._replays:
                self._replays = {image: self._replay(image)}
            written = scene.written(activations[of_image], [image] * len(of_image))
            items = written.shape[scene.batch_axis] // len(of_image)
            done = 0
            for outputs in self._replays[image](written, scene.batch_axis, items):
                values = scene.find_scores(outputs)
                part = of_image[done : done + len(values)]
                found[part] = self._picked([rows[at] for at in part], values).to(found)
                done += len(values)
        return found

    def _replay(self, image: int) -> Replay:
        scene, place = self._scene, Place.of(self._scene.layer)
        kept = scene.kept if scene.inputs.count == 1 else None
        if kept is None and place.part is None and place.run is None:
            kept = {}
        inputs = scene.inputs.of_images([image])
        return Replay(scene.model, scene.layer, inputs, scene.batch_size, scene.find_scores, kept)

    def _picked(self, rows: list[int], values: Outputs) -> Tensor:
        """Return of each row's output the score that the row is of."""
        targets = [self._scene.asked.targets[row] for row in rows]
        if isinstance(values, Tensor) and all(isinstance(target, ClassScore) for target in targets):
            index = torch.tensor([target.index for target in targets], device=values.device)
            return values.gather(1, index[:, None])[:, 0].float()
        return Asked(tuple(range(len(rows))), tuple(targets)).scores(values).detach()


def _outline_of(scene: LayerScene) -> Outline | None:
    place = Place.of(scene.layer)
    if place.part is not None or place.run is not None or scene.inputs.batch is None:
        return None
    known = _OUTLINES.setdefault(scene.model, {})
    shapes = tuple((name, shape[1:] if isinstance(shape, tuple) else shape) for name, shape in scene.inputs.form)
    key = (scene.layer, id(layer_of(scene.model, scene.layer)), shapes)
    if key not in known:
        known[key] = _recorded(scene)
    return known[key]


def _recorded(scene: LayerScene) -> Outline | None:
    """Run the first image, and keep what its tensors in front of the layer look like."""
    recording = Recording([layer_of(scene.model, scene.layer)])
    try:
        with torch.no_grad(), recording.of(scene.model):
            scene.inputs.first().run(scene.model)
        outputs = recording.outputs(layer_of(scene.model, scene.layer))
    except Exception:  # the pass that ran before would have raised, too
        return None
    names = {module: name for name, module in scene.model.named_modules()}
    return {names[module]: [map_tensors(_form, output) for output in kept] for module, kept in outputs.items()}


def _form(tensor: Tensor) -> Tensor:
    """Return a tensor of that shape that holds NaN and has no memory of its own; whole numbers as they are."""
    if not tensor.is_floating_point():
        return tensor
    return _blank(tensor, tensor.shape)


def _repeated(output: Any, count: int) -> Any:
    def repeat(tensor: Tensor) -> Tensor:
        if not tensor.ndim:
            return tensor
        if tensor.is_floating_point():
            return _blank(tensor, (tensor.shape[0] * count, *tensor.shape[1:]))
        return tensor.repeat(count, *[1] * (tensor.ndim - 1))

    return map_tensors(repeat, output)


def _unseen(inputs: Inputs, images: list[int]) -> Inputs:
    """Return the inputs of images whose pixels hold NaN, where they can."""
    batch = inputs.batch
    return inputs.of_images(images, None if batch is None else _blank(batch, (len(images), *batch.shape[1:])))


def _blank(like: Tensor, shape: Sequence[int]) -> Tensor:
    fill = torch.nan if like.is_floating_point() else 0
    return torch.full((), fill, dtype=like.dtype, device=like.device).expand(tuple(shape))
