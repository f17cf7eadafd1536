"""ODAM: what a detected box is made of, at the pyramid level that it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..hooks import hooked
from ..scaling import resized
from ..scene import Scene
from ..taps import Taps, parts_of
from .reciprocal import smoothed
from .registry import method


@method(needs="passes", place="pyramid")
def odam(scene: Scene) -> Tensor:
    """Weight each cell by its own gradient, smoothed over its neighbours (Zhao & Chan, 2023, eq. 4-5).

    Each box has the map of its own pyramid level, the one that its score or its side depends on most; the maps of
    coarser levels are resized to the finest of those, ``(M, h, w)``.
    https://arxiv.org/abs/2304.06354

    Raises:
        ValueError: where no module gives maps of several sizes that lead to what is explained.
    """
    levels, scores = _levels(scene)
    with torch.enable_grad():
        each = scores.unbind()
    found: list[Tensor] = []
    for row, sample in enumerate(scene.samples):
        more = row + 1 < len(scene.samples)
        gradients = torch.autograd.grad(each[row], list(levels.values()), retain_graph=more, allow_unused=True)
        pairs = [
            (level.detach()[sample], gradient[sample])
            for level, gradient in zip(levels.values(), gradients, strict=True)
            if gradient is not None
        ]
        if not pairs:
            raise ValueError(f"expected {scene.asked.targets[row].name!r} to depend on a pyramid, got no gradient")
        activations, gradient = max(pairs, key=lambda pair: float(pair[1].abs().sum()))
        weights = smoothed(gradient[None].float())
        found.append((weights * activations[None].float()).sum(dim=1))
    finest = max((tuple(map_.shape[1:]) for map_ in found), key=lambda size: size[0] * size[1])
    return torch.cat([map_ if tuple(map_.shape[1:]) == finest else resized(map_, finest) for map_ in found])


def _levels(scene: Scene) -> tuple[dict[str, Tensor], Tensor]:
    """Return the tensors of the last pyramid, and the scores that their graph leads to."""
    name, parts = _last_pyramid(scene)
    module = scene.model.get_submodule(name)
    taps = Taps({f"{name}[{part}]": module for part in parts})
    with torch.no_grad(), taps.watching():
        values = scene.find_scores(scene.inputs.run(scene.model))
    with torch.enable_grad():
        return taps.tensors(), scene.asked.scores(values)


def _last_pyramid(scene: Scene) -> tuple[str, list[str]]:
    """Return the module that was last to give maps of several sizes, and the parts that are maps."""
    found: dict[str, list[str]] = {}
    count = scene.inputs.count

    def keeping(name: str) -> Any:
        def keep(module: nn.Module, args: Any, output: Any) -> None:
            if not isinstance(output, (Mapping, tuple, list)):
                return
            maps = {
                str(part): tensor
                for part, tensor in parts_of(output).items()
                if tensor.ndim == 4 and len(tensor) == count and tensor.shape[2:].numel() > 1
            }
            sizes = [tensor.shape[2] for tensor in maps.values()]
            if len(set(sizes)) > 1 and len({tensor.shape[1] for tensor in maps.values()}) == 1:
                found.pop(name, None)
                found[name] = list(maps)

        return keep

    modules = dict(scene.model.named_modules())
    with torch.no_grad(), hooked(*(at.register_forward_hook(keeping(name)) for name, at in modules.items() if name)):
        scene.inputs.run(scene.model)
    if not found:
        raise ValueError(
            "expected a detector with a pyramid for odam, whose levels are maps of several sizes in one output, got "
            f"none in {type(scene.model).__name__}: use hires_cam at a layer"
        )
    name = list(found)[-1]
    return name, found[name]
