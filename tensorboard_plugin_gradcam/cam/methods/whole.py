"""Methods that read the model's own weights: CAM its classifier's, FullGrad its biases'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from ..hooks import hooked
from ..scaling import resized, scaled
from ..scene import LayerScene, Scene
from .formulas import weighted
from .registry import method


@method(needs="passes", sums_channels=True)
def cam(scene: LayerScene) -> Tensor:
    """Weight each channel by the class's weight in the linear layer that gives the scores (Zhou et al., 2016, eq. 2).

    For networks that pool the layer's channels and classify them by one linear layer. Of several heads, it is the one
    whose scores are explained.
    https://arxiv.org/abs/1512.04150

    Raises:
        ValueError: where that linear layer takes something else than the layer's channels, or for other targets.
    """
    weights = _classifier(scene)
    channels = scene.activations.shape[1]
    if weights is None or weights.shape[1] != channels:
        found = f"{weights.shape[1]} inputs" if weights is not None else "none"
        raise ValueError(
            f"expected a last linear layer of {channels} inputs, the channels of {scene.layer!r}, got {found}: "
            "choose the layer in front of the pooling, or grad_cam, which equals CAM there"
        )
    classes = [target.index for target in scene.asked.targets]
    if min(classes) < 0 or max(classes) >= len(weights):
        raise ValueError(
            f"expected classes of {len(weights)}, got {classes}: CAM explains classes only, not other targets"
        )
    return weighted(weights.detach()[classes].float(), scene.activations)


def _classifier(scene: LayerScene) -> Tensor | None:
    """Return the weights ``(K, C)`` of the linear layer, or convolution of one cell, that gives the explained scores.

    What gives those very numbers stands before what gives as many (scores may be scaled, or pass a softmax).
    """
    given: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, args: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            given.append((module, output.detach()))

    linear = [module for module in scene.model.modules() if _matrix(module) is not None]
    with torch.no_grad(), hooked(*(module.register_forward_hook(keep) for module in linear)):
        scores = scene.find_scores(scene.inputs.run(scene.model))
    if not isinstance(scores, Tensor):
        return None
    flat = scores.flatten()
    same = [module for module, output in given if torch.equal(output.flatten(), flat)]
    alike = [module for module, output in given if output.numel() == len(flat)]
    last = [module for module, _ in given if isinstance(module, nn.Linear)]
    for modules in (same, alike, last):
        if modules:
            return _matrix(modules[-1])
    return None


def _matrix(module: nn.Module) -> Tensor | None:
    if isinstance(module, nn.Linear):
        return module.weight
    if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1:
        return module.weight[:, :, 0, 0]
    return None


@method(needs="passes", place="input")
def full_grad(scene: Scene) -> Tensor:
    """Add what the image and each bias contribute to the score (Srinivas & Fleuret, 2019, eq. 6).

    As in grad-cam, the biases are those of convolutions and of BatchNorm (with its running mean), and each channel's
    contributions are rectified by their absolute value and scaled to [0, 1] before they are added: ``(M, H, W)``.
    https://arxiv.org/abs/1905.00780
    """
    biases = {name: bias for name, module in scene.model.named_modules() if (bias := _bias(module)) is not None}
    return torch.cat([_full_gradients(scene, chunk, biases) for chunk in scene.chunks()])


def _full_gradients(scene: Scene, chunk: slice, biases: Mapping[str, Tensor]) -> Tensor:
    ran: list[tuple[str, Tensor]] = []  # once for each run of a layer

    def keeping(name: str) -> Any:
        def keep(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            if not torch.is_grad_enabled():
                raise ValueError(
                    f"expected gradients through the whole model for full_grad, got none at {name!r}: the model "
                    "switches them off there"
                )
            # Frozen layers of another input than the images have no graph of their own.
            kept = output if output.requires_grad else output.detach().requires_grad_()
            ran.append((name, kept))
            return kept.clone()  # an in-place operation behind the layer would change what is kept

        return keep

    modules = dict(scene.model.named_modules())
    with hooked(*(modules[name].register_forward_hook(keeping(name)) for name in biases)):
        images, scores = scene.input_graph(chunk)
    places = [images, *(output for _, output in ran)]
    found = torch.autograd.grad(scores, places, torch.ones_like(scores), allow_unused=True)
    gradients = [torch.zeros_like(at) if one is None else one for one, at in zip(found, places, strict=True)]
    size = tuple(images.shape[2:])
    total = _contribution(gradients[0] * images.detach(), size)
    for (name, _), gradient in zip(ran, gradients[1:], strict=True):
        total += _contribution(weighted(biases[name].expand(len(gradient), -1), gradient), size)
    return total


def _contribution(values: Tensor, size: tuple[int, ...]) -> Tensor:
    channels = scaled(values.float().abs().flatten(0, 1)).view(values.shape)
    return resized(channels.sum(dim=1), size)  # the sum first: resizing is linear, and channels are many


def _bias(module: nn.Module) -> Tensor | None:
    """Return what a layer adds to each of its channels, whatever it sees."""
    if not isinstance(module, (_ConvNd, _BatchNorm)) or module.bias is None:
        return None
    if isinstance(module, _BatchNorm) and module.running_mean is not None and module.running_var is not None:
        shift = module.running_mean * module.weight / torch.sqrt(module.running_var + module.eps)
        return (module.bias - shift).detach()
    return module.bias.detach()
