"""Every kind of image and map that may be passed is stored as the same picture and the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.models import ResNet18_Weights

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.reader import GradCAMLog

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 12, 10, 3), dtype=np.uint8)
GREY = IMAGES[..., 0]
MAPS = np.random.default_rng(1).normal(0, 3, (2, 7, 5)).astype(np.float32)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISED = ((IMAGES / 255 - MEAN) / STD).astype(np.float32)
CENTRED = ((IMAGES / 255 - 0.5) / 0.5).astype(np.float32)


class WithArray:
    """As TensorFlow's tensors: `__array__` and no more."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self._array

    def __len__(self) -> int:
        return len(self._array)

    ndim = property(lambda self: self._array.ndim)
    shape = property(lambda self: self._array.shape)


class WithDLPack(WithArray):
    """As arrays of other frameworks: DLPack and no more."""

    __array__ = None  # type: ignore[assignment]

    def __dlpack__(self, **arguments: Any) -> Any:
        return self._array.__dlpack__(**arguments)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


del WithDLPack.__array__


def log_of(folder: Path, images: Any, maps: Any = MAPS, **arguments: Any) -> GradCAMLog:
    add_gradcam(folder, "val", images, maps, 0, **arguments)
    return read_gradcam(folder)


def pictures(log: GradCAMLog) -> list[Any]:
    (series,) = log.maps.values()
    cohort = series.moments[0].cohort
    assert cohort is not None
    return [log.image(".", sample.image) for sample in cohort.samples]


def files(folder: Path, images: Any) -> list[str]:
    paths = [folder / f"{index}.png" for index in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    return [str(path) for path in paths]


COLOUR: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda _: IMAGES,
    "floats": lambda _: (IMAGES / 255).astype(np.float32),
    "doubles": lambda _: IMAGES / 255,
    "channels first": lambda _: IMAGES.transpose(0, 3, 1, 2),
    "torch": lambda _: torch.tensor(IMAGES).permute(0, 3, 1, 2) / 255,
    "torch with a graph": lambda _: (torch.tensor(IMAGES) / 255).requires_grad_(),
    "torch bytes": lambda _: torch.tensor(IMAGES),
    "half": lambda _: (IMAGES / 255).astype(np.float16),
    "list of arrays": lambda _: list(IMAGES),
    "list of tensors": lambda _: [torch.tensor(image).permute(2, 0, 1) for image in IMAGES],
    "PIL": lambda _: [Image.fromarray(image) for image in IMAGES],
    "PIL with alpha": lambda _: [Image.fromarray(image).convert("RGBA") for image in IMAGES],
    "paths": lambda folder: files(folder, IMAGES),
    "Path objects": lambda folder: [Path(path) for path in files(folder, IMAGES)],
    "__array__": lambda _: WithArray(IMAGES),
    "DLPack": lambda _: WithDLPack(IMAGES),
}


@pytest.mark.parametrize("kind", COLOUR)
def test_colour_images_of_every_kind_are_the_same_picture(kind: str, tmp_path: Path) -> None:
    found = pictures(log_of(tmp_path / "log", COLOUR[kind](tmp_path)))
    np.testing.assert_array_equal(found, IMAGES)


GREYS: dict[str, Callable[[Path], Any]] = {
    "no channels": lambda _: GREY,
    "one channel last": lambda _: GREY[..., None] / 255,
    "one channel first": lambda _: torch.tensor(GREY)[:, None],
    "PIL": lambda _: [Image.fromarray(image) for image in GREY],
}


@pytest.mark.parametrize("kind", GREYS)
def test_grey_images_of_every_kind_are_the_same_picture(kind: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(pictures(log_of(tmp_path / "log", GREYS[kind](tmp_path))), GREY)


def hugging_face() -> Any:
    return pytest.importorskip("transformers").ViTImageProcessor(image_mean=MEAN, image_std=STD)


def timm_config() -> Any:
    return pytest.importorskip("timm.data").resolve_data_config({}, pretrained_cfg={"mean": MEAN, "std": STD})


COMPOSE = transforms.Compose([transforms.Resize(12), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
UNDONE: dict[str, Callable[[], dict[str, Any]]] = {
    "mean and std": lambda: {"mean": MEAN, "std": STD},
    "as tensors": lambda: {"mean": torch.tensor(MEAN).view(3, 1, 1), "std": torch.tensor(STD).view(3, 1, 1)},
    "Normalize": lambda: {"transform": transforms.Normalize(MEAN, STD)},
    "Compose": lambda: {"transform": COMPOSE},
    "nested Compose": lambda: {"transform": transforms.Compose([COMPOSE])},
    "preset of weights": lambda: {"transform": ResNet18_Weights.DEFAULT.transforms()},
    "weights": lambda: {"transform": ResNet18_Weights.DEFAULT},
    "timm": lambda: {"transform": timm_config()},
    "Hugging Face": lambda: {"transform": hugging_face()},
}


@pytest.mark.parametrize("how", UNDONE)
@pytest.mark.parametrize("channels_first", [True, False])
def test_a_normalization_is_undone(how: str, channels_first: bool, tmp_path: Path) -> None:
    inputs = NORMALISED.transpose(0, 3, 1, 2) if channels_first else NORMALISED
    np.testing.assert_array_equal(pictures(log_of(tmp_path, inputs, **UNDONE[how]())), IMAGES)


def test_an_unknown_transform_is_told(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="pass mean= and std="):
        log_of(tmp_path, NORMALISED, transform=lambda image: image)


@pytest.mark.parametrize("inputs", [NORMALISED, CENTRED, torch.tensor(NORMALISED).permute(0, 3, 1, 2)])
def test_a_normalized_tensor_passed_as_images_is_told(inputs: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"looks like a normalized model input.*mean= and std="):
        log_of(tmp_path / "log", inputs)
    assert not (tmp_path / "log").exists()


def test_floats_up_to_255_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="divide by 255"):
        log_of(tmp_path, IMAGES.astype(np.float32))


@pytest.mark.parametrize(("image_format", "magic"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8"), ("webp", b"RIFF")])
def test_pictures_are_stored_in_the_format_that_was_asked_for(image_format: Any, magic: bytes, tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (2, 1, 48, 3))
    log = log_of(tmp_path, smooth, image_format=image_format)
    assert all(data.startswith(magic) for data in log.files.values())
    assert np.abs(np.array(pictures(log), int) - smooth).max() <= 12


def test_large_images_are_scaled_down_and_boxes_stay_where_they_were(tmp_path: Path) -> None:
    log = log_of(
        tmp_path, np.zeros((1, 300, 600, 3), np.uint8), MAPS[:1], max_image_size=100, boxes=[[(0, 0, 300, 150)]]
    )
    (picture,) = pictures(log)
    assert picture.shape == (50, 100, 3)
    (sample,) = next(iter(log.maps.values())).moments[0].cohort.samples  # type: ignore[union-attr]
    assert sample.boxes == ((0, 0, 0.5, 0.5),)
    assert (sample.width, sample.height) == (100, 50)


NUMBERS: dict[str, Callable[[], Any]] = {
    "numpy": lambda: MAPS,
    "doubles": lambda: MAPS.astype(np.float64),
    "torch": lambda: torch.tensor(MAPS),
    "torch with a graph": lambda: torch.tensor(MAPS, requires_grad=True) * 1,
    "lists": lambda: MAPS.tolist(),
    "list of tensors": lambda: list(torch.tensor(MAPS)),
    "__array__": lambda: WithArray(MAPS),
    "DLPack": lambda: WithDLPack(MAPS),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_maps_of_every_kind_are_the_same_numbers(kind: str, tmp_path: Path) -> None:
    (series,) = log_of(tmp_path, IMAGES, NUMBERS[kind](), precision="float32").maps.values()
    np.testing.assert_array_equal(series.array()[0], MAPS)


def test_bfloat16_maps_are_read(tmp_path: Path) -> None:
    (series,) = log_of(tmp_path, IMAGES, torch.tensor(MAPS).bfloat16(), precision="float32").maps.values()
    np.testing.assert_array_equal(series.array()[0], torch.tensor(MAPS).bfloat16().float())


def test_float16_keeps_eleven_bits(tmp_path: Path) -> None:
    (series,) = log_of(tmp_path, IMAGES, MAPS, precision="float16").maps.values()
    assert series.moments[0].record.blocks[0].values.dtype == np.float16
    np.testing.assert_array_equal(series.array()[0], MAPS.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(("kind", "shape"), [("signed", (7, 5)), ("rgb", (7, 5, 3)), ("positive", (1, 1))])
def test_maps_keep_their_kind(kind: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    maps = np.random.default_rng(2).normal(0, 1, (2, *shape)).astype(np.float32)
    (series,) = log_of(tmp_path, IMAGES, maps, kind=kind, precision="float32").maps.values()
    assert series.kind == kind
    np.testing.assert_array_equal(series.array()[0], maps)


def test_a_volume_is_stored_with_its_slices(tmp_path: Path) -> None:
    volumes = np.random.default_rng(3).integers(0, 256, (2, 5, 12, 10), dtype=np.uint8)
    maps = np.random.default_rng(4).random((2, 3, 4, 4)).astype(np.float32)
    log = log_of(tmp_path, volumes, maps, precision="float32")
    (series,) = log.maps.values()
    np.testing.assert_array_equal(series.array()[0], maps)
    for sample, volume in zip(series[0].cohort.samples, volumes, strict=True):  # type: ignore[union-attr]
        np.testing.assert_array_equal([log.image(".", digest) for digest in sample.slices], volume)
        assert sample.image == sample.slices[2]


def test_several_targets_layers_and_methods_of_one_sample(tmp_path: Path) -> None:
    maps = np.random.default_rng(5).random((2, 3, 4, 4)).astype(np.float32)
    both = {"layer3": maps, ("hires_cam", "layer4"): maps + 1}
    log = log_of(tmp_path, IMAGES, both, targets=[[0, 1, 2], [2, 1, 0]], precision="float32")
    assert {key[2:] for key in log.maps} == {("grad_cam", "layer3"), ("hires_cam", "layer4")}
    (moment,) = log.maps[".", "val", "grad_cam", "layer3"]
    (block,) = moment.record.blocks
    assert block.sample_indices.tolist() == [0, 0, 0, 1, 1, 1]
    assert block.targets is not None
    assert block.targets.tolist() == [0, 1, 2, 2, 1, 0]
    np.testing.assert_array_equal(block.dequantised(), maps.reshape(6, 4, 4))


def test_maps_above_64_cells_are_averaged_unless_one_says_otherwise(tmp_path: Path) -> None:
    maps = np.random.default_rng(6).random((2, 128, 64)).astype(np.float32)
    (small,) = log_of(tmp_path / "small", IMAGES, maps, precision="float32").maps.values()
    expected = maps.reshape(2, 64, 2, 32, 2).mean((2, 4))
    np.testing.assert_allclose(small.array()[0], expected, rtol=1e-5)
    assert small[0].record.blocks[0].native_shape == (128, 64)
    (whole,) = log_of(tmp_path / "whole", IMAGES, maps, precision="float32", max_map_size=None).maps.values()
    np.testing.assert_array_equal(whole.array()[0], maps)


def test_cells_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    maps = MAPS.copy()
    maps[0, 0, :2] = np.nan, np.inf
    maps[1] = np.nan
    (series,) = log_of(tmp_path, IMAGES, maps).maps.values()
    (block,) = series[0].record.blocks
    assert block.non_finite is not None
    assert block.non_finite.tolist() == [2, 35]
    assert np.isnan(series.array()[0, 1]).all()


def test_everything_known_of_a_sample_is_stored(tmp_path: Path) -> None:
    mask = np.zeros((2, 6, 5))
    mask[0, 2:4] = 1
    log = log_of(
        tmp_path, IMAGES, labels=torch.tensor([1, -1]), losses=torch.tensor([0.5, 2]), captions=["é", None],
        ids=torch.tensor([7, 8]), truth_masks=mask, boxes=[[(1, 2, 5, 6)], None], class_names=["a", "b", "c"], top_k=2,
        probabilities=[[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]], scores=[1.5, 2.5], targets=[1, 2],
    )  # fmt: skip
    (series,), (said,) = log.maps.values(), log.predictions.values()
    one, two = series[0].cohort.samples  # type: ignore[union-attr]
    assert (one.label, one.id, one.caption, two.label, two.id, two.caption) == (1, "7", "é", None, "8", "")
    np.testing.assert_allclose(one.boxes, [(0.1, 2 / 12, 0.5, 0.5)], rtol=1e-6)
    np.testing.assert_array_equal(one.mask, mask[0])
    assert said.array("loss").tolist() == [[0.5, 2.0]]
    assert said.array("prediction").tolist() == [[1, 2]]
    assert said.array("top_classes").tolist() == [[[1, 2], [2, 0]]]
    np.testing.assert_allclose(said.array("top_probabilities"), [[[0.7, 0.2], [0.4, 0.3]]], rtol=1e-6)
    np.testing.assert_allclose(said.array("label_probability")[0], [0.7, np.nan], rtol=1e-6)
    assert series.scores().tolist() == [[1.5, 2.5]]
