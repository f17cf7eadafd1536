"""Ignite's, Transformers' and fastai's trainings end bit for bit the same, with maps and without."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.faults import GradCAMWarning
from tests.frameworks.torch_models import NORMALIZE, SmallNet, photographs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def data() -> TensorDataset:
    pixels, labels = photographs()
    return TensorDataset(NORMALIZE(pixels), labels)


def ignite(folder: Path, maps: bool) -> nn.Module:
    from ignite.engine import Events, create_supervised_trainer
    from ignite.handlers import TensorboardLogger

    from tensorboard_plugin_gradcam.integrations.ignite import GradCAMHandler

    model = SmallNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    trainer = create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())
    with TensorboardLogger(log_dir=str(folder)) as logger:
        if maps:
            handler = GradCAMHandler(model, data()[:4][0], transform=NORMALIZE)
            logger.attach(trainer, log_handler=handler, event_name=Events.ITERATION_COMPLETED)
        trainer.run(DataLoader(data(), batch_size=4, shuffle=True), max_epochs=2)
    return model


def fastai(folder: Path, maps: bool) -> nn.Module:
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader as Loader
    from fastai.learner import Learner

    from tensorboard_plugin_gradcam.integrations.fastai import GradCAMCallback

    loaders = DataLoaders(Loader(data(), bs=4, shuffle=True), Loader(data(), bs=4))
    learn = Learner(loaders, SmallNet(), loss_func=nn.CrossEntropyLoss(), path=folder)
    callbacks = [GradCAMCallback(folder, data()[:4][0], every=1, transform=NORMALIZE)] if maps else []
    learn.fit(2, cbs=callbacks)
    return learn.model


def transformers(folder: Path, maps: bool) -> nn.Module:
    from transformers import Trainer, TrainingArguments

    from tensorboard_plugin_gradcam.integrations.transformers import GradCAMCallback
    from tests.frameworks.hugging_face import Dataset, image_processor, vit

    processor = image_processor()
    model, dataset = vit(), Dataset(processor)
    arguments = TrainingArguments(
        str(folder), num_train_epochs=2, per_device_train_batch_size=4, report_to="none", save_strategy="no",
        disable_tqdm=True,
    )  # fmt: skip
    callbacks = [GradCAMCallback(dataset, processor, count=4, every=1)] if maps else []
    Trainer(model, arguments, train_dataset=dataset, callbacks=callbacks).train()
    return model


@pytest.mark.parametrize("train", [ignite, fastai, transformers])
def test_training_is_bit_identical(train: Callable[[Path, bool], nn.Module], tmp_path: Path) -> None:
    pytest.importorskip(train.__name__)
    states, draws = [], []
    for maps in (True, False):
        random.seed(0)
        torch.manual_seed(0)
        states.append(train(tmp_path / str(maps), maps).state_dict())
        draws.append((random.random(), *torch.rand(3).tolist()))
    assert draws[0] == draws[1]
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
    (series,) = read_gradcam(tmp_path / "True").maps.values()
    assert len(series.steps) >= 4


def test_each_training_of_hugging_faces_trainer_has_a_run_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    for _ in range(2):
        transformers(tmp_path, True)
    runs = {run for run, *_ in read_gradcam(tmp_path).maps}
    assert runs == {"runs/gradcam", "runs/gradcam-2"}


@pytest.mark.parametrize("train", [ignite, fastai, transformers])
def test_no_hook_ends_a_training(
    train: Callable[[Path, bool], nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in a hook, also with warnings as errors; an interrupt passes."""
    pytest.importorskip(train.__name__)
    from tensorboard_plugin_gradcam.writer.logger import Probe

    raised: list[type[BaseException]] = [LookupError]

    def fails(*args: object, **kwargs: object) -> None:
        raise raised[0]("a fault of ours")

    monkeypatch.setattr(Probe, "log", fails)
    with pytest.warns(GradCAMWarning, match="a fault of ours"):
        train(tmp_path / "one", True)
    raised[0] = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "two", True)
