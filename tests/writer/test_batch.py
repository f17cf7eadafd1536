"""What is logged stands over the pictures that it explains, whatever made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, prepare_samples, read_gradcam
from tensorboard_plugin_gradcam.writer.batch import Storing, batch_of

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 32, 30, 3), dtype=np.uint8)
SLICES = np.random.default_rng(1).integers(0, 256, (2, 5, 32, 30), dtype=np.uint8)
MAPS = np.random.default_rng(2).random((2, 4, 6)).astype(np.float32)


class Detector(nn.Module):
    """Finds one box in each image that is bright, and none in others."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, images: Any) -> list[dict[str, torch.Tensor]]:
        found = []
        for image, cells in zip(images, self.layer(torch.stack(list(images))), strict=True):
            scores = cells.relu().mean()[None].sigmoid()
            keep = slice(0, int(image.mean() > 0.2))
            boxes = torch.tensor([[1.0, 2.0, 9.0, 8.0]])
            found.append({"boxes": boxes[keep], "labels": torch.tensor([1])[keep], "scores": scores[keep]})
        return found


def logged(folder: Path, **arguments: Any) -> Any:
    add_gradcam(folder, "val", global_step=0, precision="float32", **arguments)
    (series,) = read_gradcam(folder).maps.values()
    return series[0]


@pytest.mark.parametrize("batch_size", [2, 32])
def test_a_gathered_part_with_an_image_without_a_box_stays_over_its_own_pictures(
    batch_size: int, tmp_path: Path
) -> None:
    """An image without a box has no map, and the parts that follow must not slide forward over it."""
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.5
    images[1] = 0.1
    arguments: dict[str, Any] = {"layers": "layer", "batch_size": batch_size, "precision": "float32"}
    moments = []
    for distributed in (None, "gather"):
        folder = tmp_path / str(distributed)
        with GradCAMLogger(folder, Detector(), distributed=distributed, **arguments) as logger:
            logger.probe("val", images, labels=[1, 2, 3, 4]).log(0)
        (series,) = read_gradcam(folder).maps.values()
        moments.append(series[0])
    for moment in moments:
        (block,) = moment.record.blocks
        assert block.sample_indices.tolist() == [0, 2, 3]
        assert moment.cohort is not None
        assert [sample.label for sample in moment.cohort.samples] == [1, 2, 3, 4]
        np.testing.assert_array_equal(block.values, moments[0].record.blocks[0].values)


def test_a_result_counts_images_and_not_maps() -> None:
    images = torch.rand(4, 3, 16, 16) * 0.5 + 0.5
    images[3] = 0.1
    result = CAM(Detector(), "layer")(images)
    assert (result.count, len(result)) == (4, 3)


@pytest.mark.parametrize("shape", [(2, 1, 4, 6), (2, 4, 6, 1)])
def test_maps_with_an_axis_of_one_channel_are_maps_of_pictures(shape: tuple[int, ...], tmp_path: Path) -> None:
    moment = logged(tmp_path, images=PICTURES, maps=MAPS.reshape(shape))
    (block,) = moment.record.blocks
    np.testing.assert_array_equal(block.values, MAPS)
    assert [sample.slices for sample in moment.cohort.samples] == [(), ()]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2, 4, 6, 3), "kind='rgb'"),
        ((2, 3, 4, 6), "sum over the colors"),
        ((2, 5, 4, 6), "targets \\(N, T\\)"),
    ],
)
def test_maps_that_are_none_of_pictures_are_told_and_never_make_volumes_of_them(
    shape: tuple[int, ...], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        logged(tmp_path / "log", images=PICTURES, maps=np.ones(shape))
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_volumes_are_told_by_the_images_alone(channels: int | None, tmp_path: Path) -> None:
    volumes = SLICES if channels is None else np.stack([SLICES] * channels, axis=-1)
    samples = prepare_samples(volumes)
    assert samples.axes == 3
    assert [len(sample.slices) for sample in samples.records] == [5, 5]
    maps = np.random.default_rng(3).random((2, 1, 3, 4, 4)).astype(np.float32)
    (block,) = logged(tmp_path, images=volumes, maps=maps).record.blocks
    np.testing.assert_array_equal(block.values, maps[:, 0])


def test_volumes_of_three_slices_are_named_by_dataformats(tmp_path: Path) -> None:
    volumes, maps = SLICES[:, :3], np.ones((2, 3, 4, 4), np.float32)
    with pytest.raises(ValueError, match="NDHW"):
        logged(tmp_path / "told", images=volumes, maps=maps[:, [0, 1]])
    moment = logged(tmp_path / "log", images=volumes, maps=maps, dataformats="NDHW")
    assert [len(sample.slices) for sample in moment.cohort.samples] == [3, 3]


def test_flat_maps_over_stacks_of_slices_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose 1, 3 or 4 channels"):
        logged(tmp_path, images=SLICES, maps=MAPS)


@pytest.mark.parametrize("dataformats", ["banana", "NHCW", "", "CHWN"])
def test_dataformats_that_are_none_are_told(dataformats: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected dataformats among 'NHWC'"):
        logged(tmp_path, images=PICTURES, maps=MAPS, dataformats=dataformats)


def test_one_picture_and_one_map_are_told_to_be_a_batch(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"images\[None\]"):
        logged(tmp_path, images=PICTURES[0], maps=np.ones((7, 7)))


def test_an_explanation_of_other_images_is_told() -> None:
    result = CAM(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), "0")(torch.rand(2, 3, 8, 8))
    with pytest.raises(ValueError, match="expected an explanation of 3 samples, got one of 2"):
        batch_of(prepare_samples(PICTURES[[0, 1, 0]]), result, Storing())
