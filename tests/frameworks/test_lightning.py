"""`GradCAMCallback` of Lightning: what it logs, and that the training does not notice."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

pytest.importorskip("lightning")

from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, read_gradcam
from tensorboard_plugin_gradcam.faults import GradCAMWarning
from tensorboard_plugin_gradcam.integrations import lightning
from tensorboard_plugin_gradcam.integrations.lightning import GradCAMCallback
from tests.frameworks.lightning_module import Classifier
from tests.frameworks.torch_models import NAMES, NORMALIZE, SmallNet, photographs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

DDP, MIXED = (Path(__file__).with_name(f"lightning_{name}.py") for name in ("ddp", "mixed"))


def loader(shuffle: bool = False) -> DataLoader[Any]:
    pixels, labels = photographs()
    return DataLoader(TensorDataset(NORMALIZE(pixels), labels), batch_size=4, shuffle=shuffle)


def trainer(log_dir: Path, *callbacks: Any, **options: Any) -> Trainer:
    options = {"max_epochs": 2, "logger": TensorBoardLogger(log_dir, version=0)} | options
    return Trainer(
        callbacks=list(callbacks),
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"enable_checkpointing": False} | options,
    )


def callback(**options: Any) -> GradCAMCallback:
    return GradCAMCallback(**({"class_names": NAMES, "transform": NORMALIZE} | options))


def trained(log_dir: Path, *callbacks: Any, **options: Any) -> tuple[Classifier, Trainer]:
    seed_everything(0)
    module = Classifier(SmallNet())
    run = trainer(log_dir, *callbacks, **options)
    run.fit(module, loader(shuffle=True), loader())
    return module, run


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training_is_bit_identical(tmp_path: Path, precision: Any) -> None:
    with_maps, run = trained(tmp_path / "with", callback(batches=2), precision=precision)
    random = torch.rand(3)
    without, other = trained(tmp_path / "without", precision=precision)
    assert torch.equal(random, torch.rand(3))
    for name, value in without.state_dict().items():
        assert torch.equal(value, with_maps.state_dict()[name]), name
    for one, two in zip(run.optimizers[0].state.values(), other.optimizers[0].state.values(), strict=True):
        assert torch.equal(one["momentum_buffer"], two["momentum_buffer"])
    assert read_gradcam(tmp_path / "with").maps


def test_maps_are_those_of_the_validations_own_pass(tmp_path: Path) -> None:
    module, _ = trained(tmp_path, callback(batches=2, targets="label"))
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [2, 4]
    pixels, labels = photographs()
    result = CAM(module.net)(NORMALIZE(pixels), labels)
    (expected,) = result.maps.values()
    span = float(expected.max() - expected.min())
    np.testing.assert_allclose(series.array()[-1], expected.numpy(), atol=span / 500)


def test_a_resumed_training_goes_on_in_its_log(tmp_path: Path) -> None:
    _, run = trained(tmp_path, callback())
    run.save_checkpoint(tmp_path / "last.ckpt")
    again = trainer(tmp_path, callback(), max_epochs=4)
    again.fit(Classifier(SmallNet()), loader(), loader(), ckpt_path=tmp_path / "last.ckpt")
    log = read_gradcam(tmp_path)
    (series,) = log.maps.values()
    assert (series.steps.tolist(), log.problems) == ([2, 4, 6, 8], ())


def test_each_data_loader_has_its_series(tmp_path: Path) -> None:
    run = trainer(tmp_path, callback(), max_epochs=1)
    run.fit(Classifier(SmallNet()), loader(), [loader(), loader()])
    tags = {series.tag for series in read_gradcam(tmp_path).maps.values()}
    assert tags == {"validation", "validation/dataloader_idx_1"}


def test_a_validation_that_raises_leaves_no_hook(tmp_path: Path) -> None:
    class Fails(Classifier):
        def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> None:
            super().validation_step(batch, index)
            raise KeyError("a bug of the user's")

    module = Fails(SmallNet())
    with pytest.raises(KeyError, match="a bug"):
        trainer(tmp_path, callback()).fit(module, loader(), loader())
    hooks = [part for part in module.modules() if part._forward_hooks or part._forward_pre_hooks]
    assert hooks == []


@pytest.mark.parametrize(
    ("of_callback", "error", "words"),
    [({"model": "nets"}, AttributeError, "nets"), ({"methods": "grad_camm"}, ValueError, "grad_cam")],
)
def test_mistakes_are_told_before_the_training(
    of_callback: dict[str, Any], error: type[Exception], words: str, tmp_path: Path
) -> None:
    run = trainer(tmp_path, callback(**of_callback))
    with pytest.raises(error, match=words):
        run.fit(Classifier(SmallNet()), loader(), loader())
    assert run.global_step == 0


@pytest.mark.parametrize("options", [{"tag": ""}, {"every": "often"}, {"on_error": "ignore"}])
def test_an_option_that_is_none_is_an_error_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        callback(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"logger": False}, "no logger"), ({"logger": "csv"}, "CSVLogger"), ({"fast_dev_run": True}, "fast_dev_run")],
)
def test_without_a_tensorboard_logger_it_warns_once_and_logs_nothing(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    if options.get("logger") == "csv":
        options = {"logger": CSVLogger(tmp_path)}
    run = trainer(tmp_path, callback(), **options)
    with pytest.warns(GradCAMWarning, match=words) as told:
        run.fit(Classifier(SmallNet()), loader(), loader())
    assert len([one for one in told if one.category is GradCAMWarning]) == 1
    assert run.global_step > 0
    assert not list(tmp_path.rglob("*tfevents*"))


def test_a_writer_of_its_own_logs_beside_other_loggers(tmp_path: Path) -> None:
    trainer(tmp_path, callback(writer=tmp_path / "maps"), logger=CSVLogger(tmp_path)).fit(
        Classifier(SmallNet()), loader(), loader()
    )
    assert {run for run, *_ in read_gradcam(tmp_path).maps} == {"maps"}


@pytest.mark.parametrize("of_trainer", ["lightning.pytorch", "pytorch_lightning"])
@pytest.mark.parametrize("of_logger", ["lightning.pytorch", "pytorch_lightning"])
def test_either_package_trains_with_either_logger(of_trainer: str, of_logger: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(MIXED), of_trainer, of_logger, str(tmp_path)],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [1, 2]


class Breaks(Exception):
    """Not of ours."""


HOOKS = ["on_validation_start", "on_validation_batch_start", "on_validation_batch_end", "on_validation_end", "teardown"]


@pytest.mark.parametrize("hook", HOOKS)
def test_no_hook_ends_a_training(hook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    within = {
        "on_validation_start": (lightning, "_writer_of"),
        "on_validation_batch_start": (CAM, "capture"),
        "on_validation_batch_end": (lightning, "truth_in"),
        "on_validation_end": (GradCAMLogger, "flush"),
        "teardown": (GradCAMLogger, "close"),
    }[hook]

    def breaks(*args: Any, **kwargs: Any) -> None:
        raise Breaks("a fault of ours")

    monkeypatch.setattr(*within, breaks)
    run = trainer(tmp_path, callback())
    with pytest.warns(GradCAMWarning, match="a fault of ours"):
        run.fit(Classifier(SmallNet()), loader(), loader())
    assert run.global_step == 4
    with pytest.raises(Breaks):
        trainer(tmp_path, callback(on_error="raise")).fit(Classifier(SmallNet()), loader(), loader())


def test_an_interrupt_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lightning, "truth_in", interrupted)
    run = trainer(tmp_path, callback(), num_sanity_val_steps=0)
    module = Classifier(SmallNet())
    with pytest.raises((KeyboardInterrupt, SystemExit)):  # Lightning ends the process
        run.fit(module, loader(), loader())
    assert run.global_step == 2
    assert not [part for part in module.modules() if part._forward_hooks or part._forward_pre_hooks]


def test_what_would_fail_later_is_said_in_the_sanity_check(tmp_path: Path) -> None:
    """Before the first step, with the words of the later warning, and no trace of it in the log."""
    steps: list[int] = []

    def labels(batch: Any) -> Any:
        steps.append(run.global_step)
        return ["?"] * len(batch[1])

    run = trainer(tmp_path, callback(labels=labels))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run.fit(Classifier(SmallNet()), loader(), loader())
    assert steps[0] == 0
    assert "among class_names" in str(next(one.message for one in told if one.category is GradCAMWarning))
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [2, 4]


def test_two_processes_train_as_without(tmp_path: Path) -> None:
    for maps in ("with", "without"):
        subprocess.run([sys.executable, str(DDP), str(tmp_path / maps), maps], check=True, timeout=240)
    weights = [torch.load(tmp_path / maps / "weights.pt") for maps in ("with", "without")]
    for name, value in weights[1].items():
        assert torch.equal(value, weights[0][name]), name
    log = read_gradcam(tmp_path / "with")
    (series,) = log.maps.values()
    assert (len(series.steps), log.problems) == (2, ())


def test_a_module_that_several_processes_wrap_has_to_be_named(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, str(DDP), str(tmp_path), "whole"], capture_output=True, text=True, timeout=240, check=False
    )
    assert found.returncode == 0, found.stderr  # the training goes on
    assert "expected model= to name the module to explain" in found.stderr
