"""Train with one of Lightning's packages and a logger of either; run as a script: TRAINER LOGGER FOLDER."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from torch import nn


def main(of_trainer: str, of_logger: str, folder: str) -> None:
    lightning = import_module(of_trainer)
    logger = import_module(f"{of_logger}.loggers").TensorBoardLogger(folder, version=0)

    from tensorboard_plugin_gradcam.integrations.lightning import GradCAMCallback

    class Lit(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(
                nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
            )

        def training_step(self, batch: Any, index: int) -> Any:
            return self.net(batch[0]).square().mean()

        def validation_step(self, batch: Any, index: int) -> None:
            self.net(batch[0])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 1e-3)

    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader([(image, 1) for image in torch.rand(4, 3, 16, 16)], 4)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=logger, callbacks=GradCAMCallback(on_error="raise"),
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(Lit(), loader, loader)


if __name__ == "__main__":
    main(*sys.argv[1:])
