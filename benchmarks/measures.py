"""What measures cost, in inferences, beside grad-cam's ROADCombined and torchcam's DeletionInsertionMetric.

Every round runs every way once, in turn, and each time is divided by the same round's inference. Times are those of
all processors together (`--wall`: of the clock), so that what else runs on the machine counts for little. The bars:
with the map, `gain_head` and `class_sensitivity` at most 1.15 inferences; `gain` with k = 4, which takes 6 inferences
and one more for the picture without anything, at most 7.2 beside the map.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torchvision
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.metrics.road import ROADCombined
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchcam.methods import GradCAM as TorchcamGradCAM
from torchcam.metrics import DeletionInsertionMetric

from tensorboard_plugin_gradcam import CAM

LAYER, CLASS = "layer4", 7
Way = Callable[[], Any]


def inference(model: nn.Module, images: Tensor) -> Any:
    with torch.inference_mode():
        return model(images)


def ours(model: nn.Module, images: Tensor, *measures: str) -> Way:
    cam = CAM(model, LAYER, measures=measures)
    return lambda: cam(images, CLASS)


def by_torchcam(model: nn.Module, images: Tensor, steps: int) -> Any:
    """Run torchcam's insertion and deletion, whose difference is `gain`; its maps are among it."""
    mean = images.mean((2, 3), keepdim=True)
    with TorchcamGradCAM(model, LAYER) as extractor:
        metric = DeletionInsertionMetric(extractor, steps=steps, baseline=mean.expand_as(images))
        metric.update(images, CLASS)
        return metric.summary()


def by_grad_cam(model: nn.Module, images: Tensor) -> Any:
    """Run grad-cam's ROAD at four shares, the most and the least relevant cells first."""
    targets = [ClassifierOutputTarget(CLASS)] * len(images)
    with GradCAM(model=model, target_layers=[model.get_submodule(LAYER)]) as cam:
        masks = cam(images, targets)
        return ROADCombined(percentiles=[20, 40, 60, 80])(images, masks, targets, model)


def main() -> None:
    """Print each way's ratio to the inference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8, help="images (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of the cheap ways (%(default)s)")
    parser.add_argument("--wall", action="store_true", help="take the clock's time")
    arguments = parser.parse_args()
    clock = time.perf_counter if arguments.wall else time.process_time
    torch.manual_seed(0)
    model, images = torchvision.models.resnet50(weights=None).eval(), torch.rand(arguments.batch, 3, 224, 224)
    cheap: dict[str, Way] = {
        "inference": lambda: inference(model, images),
        "map": ours(model, images),
        "map, gain_head": ours(model, images, "gain_head"),
        "map, class_sensitivity": ours(model, images, "class_sensitivity"),
        "map, gain_head and class_sensitivity": ours(model, images, "gain_head", "class_sensitivity"),
    }
    dear: dict[str, Way] = {
        "map, gain (k = 2)": ours(model, images, "gain_2"),
        "map, gain (k = 4)": ours(model, images, "gain"),
        "torchcam, DeletionInsertionMetric (4 steps)": lambda: by_torchcam(model, images, 4),
        "grad-cam, ROADCombined (4 shares)": lambda: by_grad_cam(model, images),
    }
    print(f"ResNet-50, batch {arguments.batch}, {clock.__name__}, in inferences")
    one = table(cheap, arguments.rounds, clock, None)
    table(dear, 1, clock, one)


def table(ways: dict[str, Way], rounds: int, clock: Callable[[], float], one: float | None) -> float:
    """Print ratios to an inference, and return its time: by default the first way's, round by round."""
    if one is None:
        for run in ways.values():
            run()  # warm
    times = np.array([[seconds(run, clock) for run in ways.values()] for _ in range(rounds)])
    ratios = times / (times[:, :1] if one is None else one)
    for name, of_way in zip(ways, ratios.T, strict=True):
        print(f"  {name:45} {np.median(of_way):6.2f}   (fastest {of_way.min():.2f})", flush=True)
    return float(times[:, 0].min())


def seconds(run: Way, clock: Callable[[], float]) -> float:
    began = clock()
    run()
    return clock() - began


if __name__ == "__main__":
    main()
