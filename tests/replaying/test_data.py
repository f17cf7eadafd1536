"""Pictures and their labels from folders, tables, annotations and data sets, and where boxes go."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from tensorboard_plugin_gradcam import read_gradcam, replay
from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.data import IMAGENET, data_of, plain_transform, where_pixels_go
from tests.replaying.saved import IMAGES, LABELS, data, network, save_epochs


def small(picture):
    """Return a picture as the network of these tests takes it."""
    return torch.from_numpy(np.asarray(picture.resize((32, 32)), np.float32).transpose(2, 0, 1) / 255)


def draw(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 60, 3), len(name), np.uint8)).save(path)


def test_folders_are_labels(tmp_path):
    draw(tmp_path, "cat/1.png", "cat/2.png", "dog/deep/3.png", ".hidden/4.png")
    (tmp_path / "dog" / "notes.txt").write_text("no picture")
    found = data_of(tmp_path, small, None)
    assert found.class_names == ("cat", "dog")
    assert found.take(range(3)).known == {"ids": ["cat/1.png", "cat/2.png", "dog/deep/3.png"], "labels": [0, 0, 1]}
    assert found.take(range(3)).inputs.shape == (3, 3, 32, 32)


def test_a_flat_folder_has_no_labels(tmp_path):
    draw(tmp_path, "1.png", "2.jpg")
    assert data_of(tmp_path, small, None).take(range(2)).known == {"ids": ["1.png", "2.jpg"]}


@pytest.mark.parametrize(
    ("table", "labels", "names"),
    [
        ("path,label\na.png,1\nb.png,\n", [1, None], ()),
        ("filename,class\na.png,dog\nb.png,cat\n", [1, 0], ("cat", "dog")),
        ("image\na.png\nb.png\n", None, ()),
    ],
)
def test_tables_name_pictures_and_labels(tmp_path, table, labels, names):
    draw(tmp_path, "a.png", "b.png")
    (tmp_path / "val.csv").write_text(table)
    found = data_of(tmp_path / "val.csv", small, None)
    assert found.class_names == names
    assert found.take(range(2)).known.get("labels") == labels


def test_a_table_without_paths_is_an_error(tmp_path):
    (tmp_path / "val.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="got a, b"):
        data_of(tmp_path / "val.csv", small, None)


def test_annotations_of_coco_give_boxes_where_the_input_has_them(tmp_path):
    draw(tmp_path, "a.png")
    annotations = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "categories": [{"id": 3, "name": "dog"}, {"id": 1, "name": "cat"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [15, 10, 30, 20]},
            {"image_id": 7, "category_id": 1, "bbox": [0, 0, 6, 4]},
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(annotations))
    found = data_of(tmp_path / "coco.json", small, None)
    known = found.take(range(1)).known
    assert found.class_names == ("cat", "dog")
    assert known["labels"] == [1]
    assert known["box_classes"] == [(1, 0)]
    assert np.allclose(known["boxes"][0], [(0.25, 0.25, 0.75, 0.75), (0, 0, 0.1, 0.1)], atol=0.02)


def test_where_pixels_go_is_measured_through_resizing_and_cropping():
    scale, offset = where_pixels_go(plain_transform, IMAGENET, (300, 200))
    # The shorter edge becomes 256 pixels, and 224 of them are kept around the center.
    by_hand = np.array([1.28 / 224, 1.28 / 224]), np.array([(224 - 384) / 2 / 224, (224 - 256) / 2 / 224])
    assert np.allclose(scale, by_hand[0], rtol=0.02)
    assert np.allclose(offset, by_hand[1], atol=0.01)


def test_a_mirror_turns_boxes():
    scale, offset = where_pixels_go(lambda picture: np.asarray(picture)[:, ::-1].transpose(2, 0, 1), None, (64, 64))
    assert np.allclose(scale * 64, [-1, 1], atol=0.02)
    assert np.allclose(offset, [1, 0], atol=0.02)


def test_samples_are_spread_over_all_classes():
    found = data_of((IMAGES, LABELS), None, None, limit=2)
    assert [found.take(range(at, at + 1)).known["labels"] for at in range(2)] == [[0], [2]]


@pytest.mark.parametrize("images", [data, data(), list(zip(*data(), strict=True)), "tests.replaying.saved:data"])
def test_data_sets_of_every_form_give_the_same_samples(images):
    found = data_of(images, None, None)
    chunk = found.take(range(1, 4))
    assert torch.equal(torch.as_tensor(chunk.inputs), IMAGES[1:4])
    assert chunk.known["labels"] == LABELS[1:4].tolist()


def test_an_object_store_holds_checkpoints_and_the_log(tmp_path):
    save_epochs(tmp_path, 2)
    for path in tmp_path.glob("*.pth"):
        places.write(f"memory://replays/{tmp_path.name}/checkpoints/{path.name}", path.read_bytes())
    address = f"memory://replays/{tmp_path.name}"
    found = replay(network, f"{address}/checkpoints", (IMAGES, LABELS), f"{address}/log")
    assert list(found.steps.values()) == [0, 1]
    assert replay(network, f"{address}/checkpoints", (IMAGES, LABELS), f"{address}/log").computed == 0
    (log,) = places.named_like(places.listed(f"{address}/log"), "*tfevents*")
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / places.name_of(log)).write_bytes(places.read(log))
    (series,) = read_gradcam(tmp_path / "log").maps.values()
    assert series.steps.tolist() == [0, 1]
