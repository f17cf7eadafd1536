"""A segmentation model: what a small U-Net needs to see to find coins in a photograph.

The photograph is scikit-image's of Greek coins from Pompeii; what is brighter than its surroundings, with its holes
filled, is taken for true. A class's score is its mean over the picture.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import binary_fill_holes
from skimage.data import coins
from skimage.filters import threshold_local
from torch import Tensor, nn
from torch.nn import functional

from demo.gallery.common import arguments, descend, overlays, save_rows
from tensorboard_plugin_gradcam import GradCAMLogger

SIZE = 96


class UNet(nn.Module):
    """Two levels down and up again."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = self.block(1, 16), self.block(16, 32)
        self.bottom, self.up = self.block(32, 64), self.block(96, 16)
        self.head = nn.Conv2d(16, 2, 1)

    @staticmethod
    def block(inputs: int, outputs: int) -> nn.Sequential:
        """Return a convolution with its norm."""
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of background and coin, ``(N, 2, H, W)``."""
        fine = self.down2(functional.max_pool2d(self.down1(x), 2))
        deep = functional.interpolate(self.bottom(functional.max_pool2d(fine, 4)), scale_factor=4, mode="bilinear")
        scores: Tensor = self.head(self.up(torch.cat([fine, deep], 1)))
        return functional.interpolate(scores, size=x.shape[2:], mode="bilinear")


def crops(count: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return crops of the photograph ``(N, 1, H, W)`` and their masks ``(N, H, W)``."""
    photograph = coins()
    mask = binary_fill_holes(photograph > threshold_local(photograph, 101, offset=-12))
    corners = random.integers(0, [photograph.shape[0] - SIZE, photograph.shape[1] - SIZE], (count, 2))
    parts = [(slice(y, y + SIZE), slice(x, x + SIZE)) for y, x in corners]
    images = np.stack([photograph[part] for part in parts])[:, None].astype(np.float32) / 255
    return torch.tensor(images), torch.tensor(np.stack([mask[part] for part in parts])).long()


def main() -> None:
    """Train on crops, and log what the coins' score rests on."""
    given, random = arguments(__file__, __doc__, steps=150), np.random.default_rng(0)
    torch.manual_seed(0)
    model, shown = UNet(), crops(8, random)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    names = ("background", "coin")
    with GradCAMLogger(str(given.logdir / "unet"), model, class_names=names, task="segmentation") as logger:
        probe = logger.probe("coins", shown[0], targets=1, truth_masks=shown[1])
        drawn = (crops(8, random) for _ in range(given.steps))
        losses = (functional.cross_entropy(model(images), masks) for images, masks in drawn)
        descend(optimizer, losses, given.steps, probe)
    save_rows(given.picture, [("what the score of coins rests on", overlays(given.logdir, "unet", range(6)))])


if __name__ == "__main__":
    main()
