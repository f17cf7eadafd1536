"""What methods with forward passes of their own cost, in inferences of the same run, and beside grad-cam."""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torchvision
from pytorch_grad_cam import AblationCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from benchmarks.figures import record
from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes

LAYER, CLASS = "layer4", 3


def photograph(size: int = 224) -> Tensor:
    from sklearn.datasets import load_sample_images

    image = torch.tensor(load_sample_images().images[0][:400, :400]).permute(2, 0, 1)[None].float() / 255
    image = nn.functional.interpolate(image, size=(size, size), mode="bilinear", antialias=True)
    return (image - image.mean()) / image.std()


def network(name: str, inputs: Tensor) -> nn.Module:
    """A network with random weights, BatchNorm statistics of the inputs, and scores large enough to compare."""
    torch.manual_seed(0)
    model: nn.Module = getattr(torchvision.models, name)()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(inputs.repeat(2, 1, 1, 1) + torch.randn(2, 1, 1, 1))
    return model.eval()


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def inference(model: nn.Module, inputs: Tensor) -> Callable[[], Any]:
    def run() -> None:
        with torch.inference_mode():
            model(inputs)

    return run


def beside(rounds: int, *works: Callable[[], Any]) -> list[float]:
    """Return each one's median time, taken in turns."""
    for work in works:
        work()
    times = [[seconds(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def peer(kind: Any, model: nn.Module, inputs: Tensor) -> tuple[float, np.ndarray]:
    """Return the seconds of one call of grad-cam's, and its mask."""
    with (
        contextlib.redirect_stderr(io.StringIO()),
        kind(model=model, target_layers=[model.get_submodule(LAYER)]) as cam,
    ):
        began = time.perf_counter()
        mask = cam(inputs, [ClassifierOutputTarget(CLASS)])
        return time.perf_counter() - began, mask


def ablation(name: str, inputs: Tensor, rounds: int) -> None:
    model = network(name, inputs)
    cam = CAM(model, LAYER, "ablation_cam")
    one, ours = beside(rounds, inference(model, inputs), lambda: cam(inputs, CLASS))
    theirs, mask = peer(AblationCAM, model, inputs)
    apart = np.abs(cam(inputs, CLASS).masks().numpy() - mask).max()
    record(f"ablation_cam/{name}/ours", ours / one, "inferences")
    record(f"ablation_cam/{name}/grad-cam", theirs / one, "inferences")
    print(
        f"Ablation-CAM, {name} {LAYER}, 224: {ours * 1e3:.0f} ms, {ours / one:.2f} inferences of {one * 1e3:.0f} ms; "
        f"grad-cam {theirs:.1f} s, {theirs / ours:.0f} times as long; masks differ by at most {apart:.0e}"
    )


def score(name: str, inputs: Tensor) -> None:
    model = network(name, inputs)
    channels = int((_activations(model, inputs).flatten(2).std(dim=2) > 0).sum())
    batches = {size: beside(3, inference(model, inputs.repeat(size, 1, 1, 1)))[0] / size for size in (1, 4, 8, 16, 32)}
    best = min(batches, key=batches.__getitem__)
    cam = CAM(model, LAYER, "score_cam", batch_size=best)
    result: list[Any] = []
    ours = seconds(lambda: result.append(cam(inputs, CLASS)))
    theirs, mask = peer(ScoreCAM, model, inputs)
    apart = np.abs(result[0].masks().numpy() - mask).max()
    record(f"score_cam/{name}/ours, of grad-cam's time", ours / theirs, "ratio")
    print(
        f"Score-CAM, {name} {LAYER}, {inputs.shape[-1]}: {ours:.1f} s, {ours / channels / batches[best]:.2f} "
        f"inferences (best batch {best}) for each of {channels} channels that vary; grad-cam {theirs:.1f} s, "
        f"{theirs / ours:.2f} times as long; masks differ by at most {apart:.0e}"
    )


def _activations(model: nn.Module, inputs: Tensor) -> Tensor:
    kept: list[Tensor] = []
    with torch.no_grad(), model.get_submodule(LAYER).register_forward_hook(lambda *call: kept.append(call[2])):
        model(inputs)
    return kept[0]


def several(inputs: Tensor, rounds: int) -> None:
    model = network("resnet18", inputs)
    cam = CAM(model, LAYER)
    one, ten = beside(rounds, inference(model, inputs), lambda: cam(inputs, Classes(*range(10))))
    print(f"10 classes of one image, resnet18 {LAYER}: {ten / one:.2f} inferences")
    batch = inputs.repeat(8, 1, 1, 1)
    layers = ["layer2", "layer3", LAYER]
    together = CAM(model, layers, ["grad_cam", "hires_cam", "layer_cam"])
    one, backward, ours = beside(
        rounds, inference(model, batch), _backward(model, batch, layers[0]), lambda: together(batch, CLASS)
    )
    print(
        f"Three methods at three layers, resnet18, batch 8: {ours / (one + backward):.2f} times an inference "
        f"({one * 1e3:.0f} ms) and a backward from the earliest layer ({backward * 1e3:.0f} ms)"
    )


def _backward(model: nn.Module, batch: Tensor, layer: str) -> Callable[[], Any]:
    kept: list[Tensor] = []

    def leave(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        torch.set_grad_enabled(True)
        kept.append(output.detach().requires_grad_())
        return kept[0].clone()

    with torch.no_grad(), model.get_submodule(layer).register_forward_hook(leave):
        scores = model(batch)[:, CLASS]
    return lambda: torch.autograd.grad(scores, kept[0], torch.ones_like(scores), retain_graph=True)


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    inputs = photograph()
    several(inputs, rounds)
    score("resnet18", inputs)
    for name in ("resnet18", "resnet50"):
        ablation(name, inputs, rounds)


if __name__ == "__main__":
    main()
