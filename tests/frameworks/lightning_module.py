"""A classifier as Lightning's users write it."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn


class Classifier(LightningModule):
    def __init__(self, net: nn.Module, momentum: float = 0.9) -> None:
        super().__init__()
        self.net, self.momentum = net, momentum
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Any, index: int) -> Tensor:
        x, y = batch
        return self.criterion(self(x), y)

    def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> None:
        x, y = batch
        self.log("accuracy", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1, momentum=self.momentum)
