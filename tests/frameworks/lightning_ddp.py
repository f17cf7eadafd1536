"""Train in two gloo processes; run as a script: FOLDER with|without|whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

from tensorboard_plugin_gradcam.integrations.lightning import GradCAMCallback
from tests.frameworks.lightning_module import Classifier
from tests.frameworks.torch_models import NORMALIZE, SmallNet, photographs


class Whole(Classifier):
    """Parameters in two children: there is no one module to watch."""

    def __init__(self) -> None:
        net = SmallNet()
        super().__init__(net.features)
        self.head = net.head

    def forward(self, x: Any) -> Any:
        return self.head(self.net(x).mean((2, 3)))


def main(folder: str, maps: str) -> None:
    seed_everything(0)
    pixels, labels = photographs()
    loader = DataLoader(TensorDataset(NORMALIZE(pixels), labels), batch_size=2)
    module = Whole() if maps == "whole" else Classifier(SmallNet())
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", devices=2, strategy="ddp", logger=TensorBoardLogger(folder),
        callbacks=[] if maps == "without" else [GradCAMCallback(transform=NORMALIZE)],
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
    )  # fmt: skip
    trainer.fit(module, loader, loader)
    if trainer.is_global_zero:
        torch.save(module.state_dict(), Path(folder) / "weights.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
