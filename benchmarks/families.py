"""Grad-CAM of four families of networks, at several batch sizes, in inferences; and how its cost grows.

Every round runs every way once, in turn, and each time is divided by the same round's inference. Growth is the exponent
of a power law, fitted to the ratio to an inference: 0 means that a map costs the same share of an inference however
large the number is, 1 that it costs as many times more.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import captum.attr
import numpy as np
import pytorch_grad_cam
import torch
import torchvision
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from benchmarks.figures import record, record_all
from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes

Way = Callable[[], Any]
CLASS = 3
LAYERS = {
    "resnet50": "layer4",
    "efficientnet_b0": "features",
    "convnext_tiny": "features",
    "vit_b_16": "encoder.layers.encoder_layer_10",
}


def inference(model: nn.Module, inputs: Tensor) -> Any:
    with torch.inference_mode():
        return model(inputs)


def tokens(output: Tensor) -> Tensor:
    """Arrange torchvision's 196 patches behind the class token, for the peers."""
    grid: Tensor = output[:, 1:].unflatten(1, (14, 14))
    return grid.movedim(-1, 1)


def by_grad_cam(model: nn.Module, layer: str, inputs: Tensor, classes: tuple[int, ...] = (CLASS,)) -> Any:
    reshape = tokens if "encoder" in layer else None
    layers = [model.get_submodule(layer)]
    with pytorch_grad_cam.GradCAM(model=model, target_layers=layers, reshape_transform=reshape) as cam:
        return [cam(inputs, [ClassifierOutputTarget(index)] * len(inputs)) for index in classes]


def ways(name: str, model: nn.Module, inputs: Tensor) -> dict[str, Way]:
    layer = LAYERS[name]
    cam = CAM(model, layer)
    return {
        "inference": lambda: inference(model, inputs),
        "ours": lambda: cam(inputs, CLASS).masks(),
        "captum": lambda: captum.attr.LayerGradCam(model, model.get_submodule(layer)).attribute(inputs, target=CLASS),
        "grad-cam": lambda: by_grad_cam(model, layer, inputs),
    }


def rounds_of(runs: list[Way], rounds: int) -> np.ndarray:
    """Return the seconds of each run in each round, after one that warms up."""
    times = []
    for _ in range(rounds + 1):
        row = []
        for run in runs:
            began = time.perf_counter()
            run()
            row.append(time.perf_counter() - began)
        times.append(row)
    return np.array(times[1:])


def compare(name: str, batch: int, rounds: int) -> None:
    """Print and keep each way's ratio to an inference."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    found = ways(name, model, torch.rand(batch, 3, 224, 224))
    times = rounds_of(list(found.values()), rounds)
    print(f"{name}, batch {batch}: an inference takes {np.median(times[:, 0]) * 1e3:.0f} ms")
    for position, way in enumerate(found):
        if position:
            ratios = (times[:, position] / times[:, 0]).tolist()
            median = record_all(f"families/{name}/batch {batch}/{way}", ratios, "inferences")
            print(f"  {way:<10} {median:.2f} inferences")


class Net(nn.Sequential):
    """A network whose width, depth and number of classes are chosen."""

    def __init__(self, channels: int = 64, layers: int = 4, classes: int = 100) -> None:
        def block(inputs: int, stride: int) -> nn.Module:
            return nn.Sequential(nn.Conv2d(inputs, channels, 3, stride, 1), nn.BatchNorm2d(channels), nn.ReLU())

        blocks = [block(3, 2), *(block(channels, 1) for _ in range(layers - 1))]
        super().__init__(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
        self.eval()


def grown(samples: int = 8, classes: int = 1, channels: int = 64, layers: int = 1) -> dict[str, Way]:
    """Return the ways of one size: `classes` are explained of each of `samples` images, at `layers` layers."""
    torch.manual_seed(0)
    model, inputs = Net(channels), torch.rand(samples, 3, 96, 96)
    names = [str(index) for index in range(4 - layers, 4)]
    cam, wanted = CAM(model, names), tuple(range(classes))

    def theirs() -> Any:
        with pytorch_grad_cam.GradCAM(model=model, target_layers=[model.get_submodule(one) for one in names]) as peer:
            return [peer(inputs, [ClassifierOutputTarget(index)] * samples) for index in wanted]

    return {
        "inference": partial(inference, model, inputs),
        "ours": lambda: cam(inputs, Classes(*wanted)).maps,
        "grad-cam": theirs,
    }


SIZES: dict[str, tuple[int, ...]] = {
    "classes": (1, 4, 16, 64),
    "channels": (32, 64, 128, 256),
    "layers": (1, 2, 4),
    "samples": (2, 8, 32),
}


def growth(of: str, rounds: int) -> None:
    """Print and keep the exponent by which the ratio to an inference grows."""
    ratios: dict[str, list[float]] = {"ours": [], "grad-cam": []}
    for size in SIZES[of]:
        times = rounds_of(list(grown(**{of: size}).values()), rounds)
        for position, way in enumerate(ratios, start=1):
            ratios[way].append(float(np.median(times[:, position] / times[:, 0])))
    for way, found in ratios.items():
        exponent = float(np.polyfit(np.log(SIZES[of]), np.log(found), 1)[0])
        record(f"growth/{of}/{way}", exponent, "exponent")
        shown = ", ".join(f"{size}: {ratio:.2f}" for size, ratio in zip(SIZES[of], found, strict=True))
        print(f"growth with {of}, {way:<9} exponent {exponent:+.2f} (in inferences: {shown})")


def main() -> None:
    """Compare the families, then fit the growth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small batches and three rounds")
    quick = parser.parse_args().quick
    for name in LAYERS:
        for batch in (1, 2) if quick else (1, 8, 32):
            compare(name, batch, 3 if quick else 9)
    for of in SIZES:
        growth(of, 3 if quick else 9)


if __name__ == "__main__":
    main()
