"""`GradCAMLogger` in a real training, read back from its event files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from torchvision.transforms import Normalize

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, read_gradcam
from tensorboard_plugin_gradcam.writer.every import Schedule
from tests.writer.logs import ReadLog

NORMALIZE = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Dropout(0.3),
        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip


@pytest.fixture
def images() -> Tensor:
    bytes_ = torch.randint(0, 256, (6, 3, 28, 28), generator=torch.Generator().manual_seed(1))
    return bytes_.float() / 255


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor) -> None:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), torch.arange(len(x)) % 3).backward()
    optimizer.step()


def test_a_probe_of_both_logs_the_top_class_and_the_label_where_they_differ(
    model: nn.Module, images: Tensor, tmp_path: Path
) -> None:
    tops = model.eval()(images).argmax(1)
    labels = torch.where(torch.arange(6) % 2 == 0, tops, (tops + 1) % 3)
    with GradCAMLogger(tmp_path, model, on_error="raise") as logger:
        logger.probe("val", images, labels=labels, targets="both").log(0)
        with pytest.raises(ValueError, match="targets='both'"):
            logger.probe("unlabeled", images, targets="both")
    (series,) = read_gradcam(tmp_path).maps.values()
    block = series[0].record.blocks[0]
    expected = [(i, int(tops[i])) for i in range(6)] + [(i, int(labels[i])) for i in (1, 3, 5)]
    assert sorted(zip(block.sample_indices.tolist(), block.targets.tolist(), strict=True)) == sorted(expected)
    assert block.targets[:3].tolist() == [int(tops[0]), int(tops[1]), int(labels[1])], "the top class comes first"


def test_a_probe_is_read_back(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    expected: dict[int, Any] = {}
    with SummaryWriter(str(tmp_path)) as writer:
        logger = GradCAMLogger(writer, model, class_names=list("abc"), transform=NORMALIZE)
        probe = logger.probe("val", NORMALIZE(images), labels=[0, 1, 2, 0, 1, 2], boxes=[[(0, 0, 14, 7)]] * 6)
        for step in (1, 2, 3):
            train_step(model, optimizer, NORMALIZE(images))
            assert probe.log(step, epoch=step / 2)
            with torch.no_grad():
                expected[step] = copy.deepcopy(model).eval()(NORMALIZE(images)).softmax(1).numpy()
    log = ReadLog(tmp_path)
    assert log.records == {"image": 6, "cohort": 1, "predictions": 3, "maps": 3}
    (cohort,) = log.cohorts.values()
    for sample, image in zip(cohort.samples, images, strict=True):
        np.testing.assert_array_equal(log.images[sample.image], (image * 255).round().byte().permute(1, 2, 0).numpy())
        assert sample.boxes == ((0, 0, 0.5, 0.25),)
    (maps,) = log.maps.values()
    for step, probabilities in expected.items():
        said = log.predictions["val"][step]
        np.testing.assert_array_equal(said.prediction, probabilities.argmax(1))
        np.testing.assert_allclose(said.probability, probabilities.max(1), rtol=1e-4)
        assert said.stamp.epoch == step / 2
        (block,) = maps[step].blocks
        assert block.values.shape == (6, 7, 7)
        assert block.targets is not None
        np.testing.assert_array_equal(block.targets, probabilities.argmax(1))


@pytest.mark.parametrize("training", [True, False])
def test_a_probe_leaves_the_model_as_it_was(training: bool, model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    model.train(training)
    model[4].eval()  # a layer that is frozen on its own
    nn.functional.cross_entropy(model(NORMALIZE(images)), torch.arange(6) % 3).backward()
    before = copy.deepcopy(model.state_dict())
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    values = {name: gradient.clone() for name, gradient in gradients.items() if gradient is not None}
    modes = {name: module.training for name, module in model.named_modules()}
    state = torch.get_rng_state()
    GradCAMLogger(tmp_path, model, transform=NORMALIZE).probe("val", NORMALIZE(images)).log(0)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for name, parameter in model.named_parameters():
        assert parameter.grad is gradients[name]
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, values[name])
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_inputs_that_look_normalized_are_refused(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="normalized"):
        GradCAMLogger(tmp_path, model).probe("val", NORMALIZE(images))


def test_every_is_kept(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    probe = GradCAMLogger(tmp_path, model, transform=NORMALIZE).probe("val", NORMALIZE(images), every=10)
    assert [step for step in range(31) if probe.log(step)] == [0, 10, 20, 30]
    assert sorted(ReadLog(tmp_path).predictions["val"]) == [0, 10, 20, 30]


def test_batches_of_one_step_are_one_record(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    x = NORMALIZE(images)
    with GradCAMLogger(tmp_path, model, transform=NORMALIZE) as logger:
        for step in (1, 2):
            for part in (slice(0, 4), slice(4, 6)):
                logger.add("val", x[part], CAM(model)(x[part]), step)
    log = ReadLog(tmp_path)
    assert log.records == {"image": 6, "cohort": 1, "predictions": 2, "maps": 2}
    (maps,) = log.maps.values()
    assert [len(block.values) for block in maps[1].blocks] == [6]


def test_every_takes_time_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("tensorboard_plugin_gradcam.writer.every.time.monotonic", lambda: now)
    schedule = Schedule("30s")
    due = []
    for step in range(10):  # ten seconds a step
        if schedule.is_due(step):
            due.append(step)
            schedule.done(step)
        now += 10
    assert due == [0, 3, 6, 9]
    assert schedule.is_due(0)  # a restart


def test_a_batch_after_a_flush_joins_its_step(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    x = NORMALIZE(images)
    with GradCAMLogger(tmp_path, model, transform=NORMALIZE) as logger:
        for part in (slice(0, 4), slice(4, 6)):
            logger.add("val", x[part], CAM(model)(x[part]), 1)
            logger.flush()
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.array().shape[:2] == (1, 6)


class FullDisk:
    """Makes a log's sink fail as a full disk does, for as long as it is entered."""

    def __init__(self, logger: GradCAMLogger, monkeypatch: pytest.MonkeyPatch) -> None:
        self._sink, self._patch = logger._steps.log._sink, monkeypatch

    def __enter__(self) -> None:
        def fail(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        self._patch.setattr(self._sink, "write", fail)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def test_what_could_not_be_written_is_kept(
    model: nn.Module, images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = NORMALIZE(images)
    logger = GradCAMLogger(tmp_path, model, transform=NORMALIZE, on_error="raise")
    logger.add("val", x, CAM(model)(x), 1)
    with FullDisk(logger, monkeypatch):
        with pytest.raises(OSError, match="No space"):
            logger.flush()
        with pytest.raises(OSError, match="No space"):
            logger.add("val", x, CAM(model)(x), 2)
    logger.add("val", x, CAM(model)(x), 2)
    logger.flush()
    assert sorted(ReadLog(tmp_path).predictions["val"]) == [1, 2]


def test_a_step_that_could_not_be_written_is_written_by_the_next_call(
    model: nn.Module, images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = NORMALIZE(images)
    logger = GradCAMLogger(tmp_path, model, transform=NORMALIZE, every=100, on_error="raise")
    probe = logger.probe("probe", x)
    with FullDisk(logger, monkeypatch):
        with pytest.raises(OSError, match="No space"):
            logger.log("val", x, 100)
        with pytest.raises(OSError, match="No space"):
            probe.log(100)
    assert not probe.log(101)  # which is not due
    log = ReadLog(tmp_path)
    assert list(log.predictions["val"]) == [100]
    assert list(log.predictions["probe"]) == [100]


def test_a_captured_result_is_logged(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    x, cam = NORMALIZE(images), CAM(model.eval())
    with GradCAMLogger(tmp_path, cam, transform=NORMALIZE) as logger, torch.inference_mode():
        for part in (slice(0, 4), slice(4, 6)):
            with cam.capture() as capture:
                model(x[part])
            logger.add("val", x[part], capture.result(targets=[1] * len(x[part])), 1, labels=[1] * len(x[part]))
    (maps,) = ReadLog(tmp_path).maps.values()
    (block,) = maps[1].blocks
    expected = cam(x, 1).maps["grad_cam", "5"].numpy()
    np.testing.assert_allclose(block.dequantised(), expected, atol=float(np.ptp(expected)) / 500)


def test_aug_smooth_of_what_a_mirror_turns_is_refused_when_the_probe_is_made(tmp_path: Path) -> None:
    torch.manual_seed(0)
    segments = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1)).eval()
    detector = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, min_size=64, max_size=64
    ).eval()
    images = torch.rand(2, 3, 64, 64)
    for model, inputs in ((segments, images), (detector, list(images))):
        with GradCAMLogger(tmp_path, CAM(model, aug_smooth=True)) as logger:
            with pytest.raises(ValueError, match="pass aug_smooth=False"):
                logger.probe("val", inputs)
    classifier = nn.Sequential(segments, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with GradCAMLogger(tmp_path, CAM(classifier, aug_smooth=True)) as logger:
        logger.probe("val", images)
