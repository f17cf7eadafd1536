"""Time of finding the layer, once for each CAM, as a multiple of the median inference of one image."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from benchmarks.figures import record
from tensorboard_plugin_gradcam import CAM

NAMES = ("resnet50", "resnet101", "wide_resnet50_2", "convnext_tiny", "densenet161", "vgg16", "vit_b_16", "swin_t")


def inference(model: nn.Module, image: Tensor) -> Any:
    with torch.inference_mode():
        return model(image)


def finding(model: nn.Module, image: Tensor) -> Any:
    return CAM(model).candidates(image)


def seconds(run: Callable[[nn.Module, Tensor], Any], model: nn.Module, image: Tensor) -> float:
    began = time.perf_counter()
    run(model, image)
    return time.perf_counter() - began


def main() -> None:
    """Compare them in turn, so that what else the machine does hits both alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--names", nargs="*", default=NAMES)
    options = parser.parse_args()
    for name in options.names:
        torch.manual_seed(0)
        model, image = torchvision.models.get_model(name, weights=None).eval(), torch.rand(1, 3, 224, 224)
        times = [[seconds(way, model, image) for way in (inference, finding)] for _ in range(options.rounds + 1)][1:]
        alone, found = (median(column) for column in zip(*times, strict=True))
        record(f"finding the layer/{name}", found / alone, "inferences")
        print(
            f"{name:<16} inference {alone * 1e3:4.0f} ms, finding {found * 1e3:5.0f} ms: {found / alone:.1f} inferences"
        )


if __name__ == "__main__":
    main()
