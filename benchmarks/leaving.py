"""What it costs to look at a model before a map and to put it back after it, as a share of an inference.

Interleaved: each round times an inference and an empty `borrowing` of the same model, one after the other. A first
borrowing watches every operation and is not counted. `--small` for a quick look.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
import torchvision
from torch import Tensor, nn

from benchmarks.figures import record
from tensorboard_plugin_gradcam.cam.borrowing import borrowing

ROUNDS = 3 if "--small" in sys.argv else 15
SIZE = 64 if "--small" in sys.argv else 224


def many_modules() -> nn.Module:
    """A chain of 5,000 modules that do next to nothing."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), *(nn.BatchNorm2d(8) if at % 2 else nn.ReLU() for at in range(5000)))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "ResNet-50": (torchvision.models.resnet50, 8),
    "EfficientNet-B0 (squeeze and excitation)": (torchvision.models.efficientnet_b0, 8),
    "ViT-B/16": (partial(torchvision.models.vit_b_16, image_size=SIZE), 8),
    "5,000 modules": (many_modules, 8),
}


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """Return how long a call takes."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def measured(model: nn.Module, inputs: Tensor) -> tuple[float, float]:
    """Return the median seconds of an inference and of a borrowing."""

    def infer() -> None:
        with torch.inference_mode():
            model(inputs)

    def borrow() -> None:
        with borrowing(model):
            pass

    for warm_up in (infer, borrow, borrow):
        warm_up()
    pairs = [(seconds(infer, inputs.device), seconds(borrow, inputs.device)) for _ in range(ROUNDS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def main() -> None:
    """Print a line for each network."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for name, (make, batch) in NETWORKS.items():
        model = make().eval().to(device)
        inference, borrowed = measured(model, torch.rand(batch, 3, SIZE, SIZE, device=device))
        record(f"restoring the model/{name}", borrowed / inference, "inferences")
        times = f"inference {inference * 1e3:.1f} ms, borrowing {borrowed * 1e3:.2f} ms"
        print(f"{name}, batch {batch} on {device}: {times}, {borrowed / inference:.2%}")


if __name__ == "__main__":
    main()
