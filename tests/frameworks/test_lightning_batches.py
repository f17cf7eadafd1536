"""Whatever stands in a validation batch, the training goes on, and what reads as a label is shown."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("lightning")

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.faults import GradCAMWarning
from tensorboard_plugin_gradcam.integrations.lightning import GradCAMCallback
from tests.frameworks.lightning_batches import KINDS, Kind, X, image_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Lit(LightningModule):
    def __init__(self, scores: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, scores)
        )

    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.net(image_of(batch)).square().mean()

    def validation_step(self, batch: Any, index: int) -> None:
        self.net(image_of(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)


class Batches(torch.utils.data.IterableDataset[Any]):
    """Batches as they are: nothing collates them."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def __iter__(self) -> Any:
        return iter([self.kind.batch()])


def fitted(folder: Path, kind: Kind, **options: Any) -> tuple[int, list[str]]:
    """Train on a kind of batch; return how many steps were made, and what was warned of."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(Batches(kind), batch_size=None)
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=TensorBoardLogger(folder, version=0), enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False,
        callbacks=[GradCAMCallback(**((kind.options or {}) | options))],
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trainer.fit(Lit(kind.scores), loader, loader)
    return trainer.global_step, [str(warning.message) for warning in told if warning.category is GradCAMWarning]


@pytest.mark.parametrize("targets", [None, "label"])
@pytest.mark.parametrize("name", KINDS)
def test_the_training_goes_on_and_what_reads_as_a_label_is_shown(tmp_path: Path, name: str, targets: Any) -> None:
    kind = KINDS[name]
    steps, told = fitted(tmp_path, kind, targets=targets)
    assert steps == 2
    log = read_gradcam(tmp_path)
    (series,) = log.maps.values()
    assert (series.steps.tolist(), log.problems) == ([1, 2], ())
    samples = series.moments[-1].cohort.samples
    assert len(samples) == len(X)
    said = [sample.label if sample.label is not None else sample.labels for sample in samples]
    assert said == (kind.labels or [None] * len(X))
    assert [sample.mask is not None for sample in samples] == [kind.masked] * len(X)
    left_out = [text for text in told if "left out" in text]
    if kind.words:
        assert any(kind.words in text for text in left_out), told
    elif kind.labels and None not in kind.labels:
        assert left_out == []
