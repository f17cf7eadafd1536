"""Small networks whose raw maps are large and differ between images, and photographs to show them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def photographs(size: int, count: int = 3) -> Tensor:
    """Crops of two real photographs, normalised: ``(count, 3, size, size)``."""
    from sklearn.datasets import load_sample_images

    china, flower = load_sample_images().images
    crops = [image[y : y + 320, x : x + 320] for y, x in ((0, 0), (90, 300), (60, 120)) for image in (china, flower)]
    batch = torch.stack([torch.tensor(crop).permute(2, 0, 1).float() / 255 for crop in crops[:count]])
    batch = nn.functional.interpolate(batch, size=(size, size), mode="bilinear", antialias=True)
    return (batch - batch.mean()) / batch.std()


class Block(nn.Module):
    """A residual block, which adds its input to what `bn` returns."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.in_place = True

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn(self.conv(x))
        return self.relu(out.add_(x) if self.in_place else out + x)


class Branches(nn.Module):
    """Two branches that are concatenated, so that neither's output broadcasts against the other's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.left = nn.Conv2d(channels, channels, 1)
        self.right = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        left = self.left(x)
        return self.relu(torch.cat([left, self.right(x)], dim=1))


def convnet(inputs: Tensor, classes: int = 5) -> nn.Sequential:
    """A network with in-place ReLUs, a residual block and branches; its BatchNorm statistics are those of `inputs`."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True), Block(8), Branches(8),
        nn.Conv2d(16, 12, 3, stride=2), nn.BatchNorm2d(12), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(12, classes),
    )  # fmt: skip
    calibrate(model, inputs)
    with torch.no_grad():
        model[-1].weight.mul_(10)  # so that raw maps are far above grad-cam's floor
    return model.eval()


def calibrate(model: nn.Module, inputs: Tensor) -> None:
    """Give each BatchNorm the statistics of `inputs`."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(inputs)


def out_of_place(model: nn.Module) -> nn.Module:
    """Return a copy that changes no tensor in place: grad-cam would keep what such an operation makes of the layer."""
    twin = copy.deepcopy(model)
    for module in twin.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
        if isinstance(module, Block):
            module.in_place = False
    return twin
