"""A tiny network, and checkpoints of it in the layouts that need no library but torch."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

IMAGES, LABELS = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1])


def network(classes: int = 3) -> nn.Sequential:
    """Return a network whose maps are 7 x 7."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )


def data() -> tuple[Tensor, Tensor]:
    """Return the samples, as a data-set factory does."""
    return IMAGES, LABELS


def trained(seed: int) -> nn.Sequential:
    """Return the network with weights of its own, running means included."""
    torch.manual_seed(seed)
    model = network()
    model.train()(IMAGES)
    return model.eval()


def save_epochs(folder: Path, count: int) -> list[nn.Sequential]:
    """Save checkpoints as torchvision's references do, a minute apart; return the models."""
    folder.mkdir(parents=True, exist_ok=True)
    models = [trained(seed) for seed in range(count)]
    for epoch, model in enumerate(models):
        path = folder / f"model_{epoch}.pth"
        torch.save({"model": model.state_dict(), "epoch": epoch, "args": argparse.Namespace(lr=0.1)}, path)
        written_at(path, 1_700_000_000 + 60 * epoch)
    return models


def written_at(path: Path, seconds: float) -> None:
    """Make a file one of that time."""
    os.utime(path, (seconds, seconds))


def equal(one: nn.Module, other: nn.Module) -> bool:
    """Say whether two models have the same weights, bit for bit."""
    pairs: Any = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == other_name and torch.equal(a, b) for (name, a), (other_name, b) in pairs)
