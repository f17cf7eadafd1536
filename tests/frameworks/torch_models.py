"""A small network and real photographs, for the frameworks that train torch models."""

from __future__ import annotations

import torch
from sklearn.datasets import load_sample_images
from torch import Tensor, nn
from torchvision.transforms import Normalize

NAMES = ("temple", "flower")
NORMALIZE = Normalize((0.5, 0.4, 0.3), (0.3, 0.2, 0.25))


def photographs(count: int = 8, size: int = 48) -> tuple[Tensor, Tensor]:
    """Crops of two photographs, in [0, 1], and which of the two each is of."""
    images = load_sample_images().images
    crops = [images[i % 2][40 * i : 40 * i + size, 60 * i : 60 * i + size] for i in range(count)]
    pixels = torch.stack([torch.tensor(crop).permute(2, 0, 1) for crop in crops]) / 255
    return pixels, torch.arange(count) % 2


class SmallNet(nn.Module):
    """Has all that a training could be disturbed by: BatchNorm, dropout, an in-place ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, stride=2),
            nn.BatchNorm2d(8), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(8, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))
