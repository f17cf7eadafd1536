"""A 3-D volume: a small bright lesion in magnetic resonance images of a brain, and where the network sees it.

The volumes are boxes cut out of the MNI152 template, the average of 152 brains, which nilearn's package holds. Every
second one has a bright ball planted in it. The tab turns the slices, beginning with the one of most evidence.
"""

from __future__ import annotations

import numpy as np
import torch
from nilearn.datasets import load_mni152_template
from torch import Tensor, nn
from torch.nn import functional

from demo.gallery.common import arguments, descend, overlays, save_rows
from tensorboard_plugin_gradcam import GradCAMLogger

SIDE, RADIUS = 32, 4


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return a convolution of volumes with its norm."""
    return nn.Sequential(nn.Conv3d(inputs, outputs, 3, stride, 1), nn.BatchNorm3d(outputs), nn.ReLU())


def volumes(brain: np.ndarray, count: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return boxes ``(N, 1, D, H, W)``, whether each has a lesion ``(N,)``, and where ``(N, D, H, W)``."""
    corners = random.integers([15, 20, 15], np.array(brain.shape) - SIDE - 12, (count, 3))
    boxes = np.stack([brain[x : x + SIDE, y : y + SIDE, z : z + SIDE] for x, y, z in corners])
    labels = np.arange(count) % 2
    centers = random.integers(RADIUS + 2, SIDE - RADIUS - 2, (count, 3, 1, 1, 1))
    distance = np.sqrt(((np.indices((SIDE,) * 3)[None] - centers) ** 2).sum(axis=1))
    lesions = (distance <= RADIUS) & (labels[:, None, None, None] == 1)
    boxes = np.where(lesions, 0.9, boxes).clip(0, 1).astype(np.float32)
    return torch.tensor(boxes)[:, None], torch.tensor(labels), torch.tensor(lesions)


def main() -> None:
    """Train, and log which slices and cells speak for a lesion."""
    given, random = arguments(__file__, __doc__, steps=200), np.random.default_rng(0)
    torch.manual_seed(0)
    brain = np.asarray(load_mni152_template(resolution=2).get_fdata(), dtype=np.float32)
    brain = np.asarray(0.75 * brain / brain.max())
    model = nn.Sequential(
        block(1, 8, 2), block(8, 16, 1), block(16, 32, 2), nn.AdaptiveMaxPool3d(1), nn.Flatten(), nn.Linear(32, 2)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    shown, labels, lesions = volumes(brain, 8, random)
    with GradCAMLogger(str(given.logdir / "brain"), model, class_names=("sound", "lesion")) as logger:
        probe = logger.probe("volumes", shown, labels=labels, targets=1, truth_masks=lesions)
        drawn = (volumes(brain, 16, random) for _ in range(given.steps))
        losses = (functional.cross_entropy(model(images), classes) for images, classes, _ in drawn)
        descend(optimizer, losses, given.steps, probe)
    rows = [(name, overlays(given.logdir, "brain", range(at, 8, 2))) for at, name in ((1, "lesion"), (0, "sound"))]
    save_rows(given.picture, rows)


if __name__ == "__main__":
    main()
