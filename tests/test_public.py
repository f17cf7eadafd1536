"""The public edge: what is there, how it is spelled, what is checked when an object is made, and how results show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import tensorboard_plugin_gradcam as package
from tensorboard_plugin_gradcam import CAM, METHODS, GradCAMLogger, add_gradcam, cam, heatmap, prepare_samples, writer
from tensorboard_plugin_gradcam.aliases import MethodName
from tensorboard_plugin_gradcam.faults import GradCAMWarning

IMAGES = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
MAPS = np.ones((2, 4, 4), np.float32)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


@pytest.mark.parametrize("module", [package, cam, writer])
def test_what_is_public_is_in_all_and_nothing_else_is_in_dir(module: Any) -> None:
    assert dir(module) == sorted(module.__all__)
    assert all(getattr(module, name) is not None for name in module.__all__)
    assert {"METHODS", "CAM", "add_gradcam", "choose", "heatmap"} <= set(package.__all__)


def test_the_types_name_all_methods() -> None:
    assert set(MethodName.__args__) == set(METHODS)  # type: ignore[attr-defined]


class ScoreCAM:
    """A class named as another library's."""


SPELLINGS: list[tuple[Any, str]] = [
    ("GradCAM", "grad_cam"),
    ("gradcam", "grad_cam"),
    ("Grad-CAM", "grad_cam"),
    ("gradcam++", "grad_cam_plus_plus"),
    ("Grad-CAM++", "grad_cam_plus_plus"),
    ("GradCAMPlusPlus", "grad_cam_plus_plus"),
    ("GradCAMpp", "grad_cam_plus_plus"),
    ("SmoothGradCAMpp", "smooth_grad_cam_plus_plus"),
    ("layercam", "layer_cam"),
    ("LayerCAM", "layer_cam"),
    ("XGradCAM", "xgrad_cam"),
    ("HiResCAM", "hires_cam"),
    ("EigenGradCAM", "eigen_grad_cam"),
    ("GradCAMElementWise", "grad_cam_element_wise"),
    ("FullGrad", "full_grad"),
    (ScoreCAM, "score_cam"),
]


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS)
def test_methods_are_understood_as_the_field_spells_them(spelling: Any, name: str, model: nn.Module) -> None:
    assert [method.name for method in CAM(model, methods=spelling).methods] == [name]
    assert [method.name for method in CAM(model, methods=[spelling]).methods] == [name]


def test_a_method_that_is_none_is_told_with_close_ones(model: nn.Module) -> None:
    with pytest.raises(ValueError, match="such as grad_cam"):
        CAM(model, methods="grad_camm")  # type: ignore[arg-type]


MISNAMED: list[tuple[str, dict[str, Any], str]] = [
    ("CAM", {"target_layers": ["0"]}, "expected layers=, got target_layers="),
    ("CAM", {"use_cuda": True}, "model.to"),
    ("CAM", {"method": "grad_cam"}, "expected methods=, got method="),
    ("CAM", {"reshape_transform": None}, "expected reshape="),
    ("call", {"input_tensor": IMAGES}, "expected inputs=, got input_tensor="),
    ("call", {"target": 3}, "expected targets=, got target="),
    ("logger", {"target_layer": "0"}, "expected layers="),
    ("logger", {"presicion": "uint8"}, "expected precision="),
    ("probe", {"target": 1}, "expected targets="),
    ("probe", {"lables": [0, 1]}, "expected labels="),
    ("add_gradcam", {"step": 0}, "expected global_step=, got step="),
    ("add_gradcam", {"target": 0}, "expected targets="),
    ("prepare_samples", {"label": [0, 1]}, "expected labels="),
    ("read", {"anything": 1}, "anything"),
]


@pytest.mark.parametrize(("call", "arguments", "words"), MISNAMED)
def test_other_names_of_arguments_are_answered_with_ours(
    call: str, arguments: dict[str, Any], words: str, model: nn.Module, tmp_path: Path
) -> None:
    calls: dict[str, Any] = {
        "CAM": lambda **named: CAM(model, **named),
        "call": lambda **named: CAM(model)(**({"inputs": IMAGES} | named if "target" in named else named)),
        "logger": lambda **named: GradCAMLogger(tmp_path, model, **named),
        "probe": lambda **named: GradCAMLogger(tmp_path, model).probe("val", IMAGES, **named),
        "add_gradcam": lambda **named: add_gradcam(tmp_path, "val", IMAGES, MAPS, **named),
        "prepare_samples": lambda **named: prepare_samples(IMAGES, **named),
        "read": lambda **named: package.read_gradcam(tmp_path, **named),
    }
    with pytest.raises(TypeError, match=words):
        calls[call](**arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"global_step": 3}, "expected step="),
        ({"step": 3, "target": 1}, "expected targets="),
        ({}, "step"),
    ],
)
def test_in_a_training_they_are_answered_by_a_warning(
    arguments: dict[str, Any], words: str, model: nn.Module, tmp_path: Path
) -> None:
    logger = GradCAMLogger(tmp_path, model)
    with pytest.warns(GradCAMWarning, match=words):
        logger.log("val", IMAGES, **arguments)
    if "target" not in arguments:
        probe = GradCAMLogger(tmp_path, model).probe("val", IMAGES)
        with pytest.warns(GradCAMWarning, match=words):
            probe.log(**arguments)


@pytest.mark.parametrize(
    "option",
    [
        {"precision": "int4"}, {"image_format": "gif"}, {"batch_size": 0}, {"batch_size": 2.5}, {"top_k": -3},
        {"every": "1 hour"}, {"every": 0}, {"every": 0.5}, {"class_names": "cat"}, {"class_names": 3},
        {"max_image_size": 0}, {"max_map_size": -1}, {"distributed": "gathr"}, {"task": "tagging"},
        {"on_error": "ignore"}, {"methods": 3}, {"layers": "nowhere"}, {"mean": [0.5]},
    ],
    ids=str,
)  # fmt: skip
def test_options_are_checked_when_the_logger_is_made(option: dict[str, Any], model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError), match=next(iter(option)).rstrip("s")):
        GradCAMLogger(tmp_path / "log", model, **option)
    assert not (tmp_path / "log").exists()


def test_masks_are_asked_for_by_size(model: nn.Module) -> None:
    result = CAM(model, "0")(IMAGES)
    with pytest.raises(TypeError, match="pass method='grad_cam'"):
        result.masks("grad_cam")  # type: ignore[arg-type]
    assert result.masks(24).shape == (2, 24, 24)
    with pytest.raises(ValueError, match="2 numbers"):
        result.masks((24,))


def test_a_result_prints_as_a_few_lines_and_shows_as_a_picture(model: nn.Module, tmp_path: Path) -> None:
    cam = CAM(model, "0", ["grad_cam", "layer_cam"])
    result = cam(IMAGES, [1, 2])
    assert str(result).splitlines() == [
        "CAMResult: 2 explained scores of 2 images",
        *(f"  {name} at 0: positive maps (2, 14, 14)" for name in ("grad_cam", "layer_cam")),
        "  targets: class 1, class 2",
    ]
    assert result != cam(IMAGES, [1, 2])
    assert result == result
    png = result._repr_png_()
    assert png is not None
    sheet = result.show()
    sheet.save(tmp_path / "sheet.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "sheet.png")), sheet)
    with pytest.raises(ValueError, match="uint8"):
        (sheet / 255).save(tmp_path / "none.png")


def test_overlays_take_tensors_arrays_and_pil_images() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    raw = np.random.default_rng(1).random((3, 4)).astype(np.float32)
    expected = heatmap.overlay(pixels, raw)
    tensor = torch.tensor(pixels).permute(2, 0, 1)
    for image in (tensor, tensor / 255, pixels / 255, Image.fromarray(pixels)):
        for map_ in (raw, torch.tensor(raw, requires_grad=True), raw.tolist()):
            np.testing.assert_array_equal(heatmap.overlay(image, map_), expected)
    grey = heatmap.overlay(torch.tensor(pixels[..., 0])[None], raw)
    np.testing.assert_array_equal(grey, heatmap.overlay(pixels[..., 0], raw))
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        heatmap.overlay(tensor.float(), raw)
