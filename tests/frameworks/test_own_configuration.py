"""Class names and normalization that timm's and Hugging Face's models carry are used where nothing else is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tensorboard_plugin_gradcam import GradCAMLogger, read_gradcam

pytestmark = pytest.mark.slow

PICTURES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def log_of(folder: Path, model: Any, inputs: Any, **options: Any) -> tuple[tuple[str, ...], Any]:
    """Log without a word on classes or normalization; return the class names and the pictures."""
    with GradCAMLogger(folder, model, **options) as logger:
        logger.log("val", inputs, 0)
    log = read_gradcam(folder)
    (series,) = log.maps.values()
    cohort = series[0].cohort
    assert cohort is not None
    return cohort.class_names, np.array([log.image(".", sample.image) for sample in cohort.samples], int)


def assert_are_the_pictures(found: Any) -> None:
    assert np.abs(found - (PICTURES.permute(0, 2, 3, 1) * 255).round().int().numpy()).max() <= 1


@pytest.mark.parametrize("classes", [1000, 7])
def test_timms_configuration(classes: int, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    model = timm.create_model("resnet18", num_classes=classes)
    cfg = model.pretrained_cfg
    mean, std = (torch.tensor(cfg[name]).view(3, 1, 1) for name in ("mean", "std"))
    names, pictures = log_of(tmp_path, model, (PICTURES - mean) / std)
    assert names[:1] == (("tench, Tinca tinca",) if classes == 1000 else ())
    assert len(names) == (1000 if classes == 1000 else 0)
    assert_are_the_pictures(pictures)


def test_hugging_faces_configuration_and_the_image_processor_beside_the_weights(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=64, patch_size=16,
        id2label={0: "cat", 1: "dog", 2: "yak"},
    )  # fmt: skip
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path / "model")
    transformers.ViTImageProcessor(image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.2, 0.2]).save_pretrained(
        tmp_path / "model"
    )
    model = transformers.ViTForImageClassification.from_pretrained(tmp_path / "model")
    inputs = (PICTURES - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / 0.2
    names, pictures = log_of(tmp_path / "log", model, inputs)
    assert names == ("cat", "dog", "yak")
    assert_are_the_pictures(pictures)
    _, same = log_of(tmp_path / "mapping", model, {"pixel_values": inputs})
    assert_are_the_pictures(same)
