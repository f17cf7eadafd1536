"""Cards, folders of pictures and tables of a log, and the cell of a notebook."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tensorboard_plugin_gradcam import add_gradcam, export, heatmap, read_gradcam
from tensorboard_plugin_gradcam.cli import main
from tests.marked import write_marked


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log")
    write_marked(path)
    return path


def test_a_card_shows_one_sample_in_both_runs_and_the_heat_of_its_maps(logdir: Path, tmp_path: Path) -> None:
    card = np.asarray(Image.open(export(logdir, tmp_path / "card.png", samples="photo 1")))
    assert card.shape == (675, 1200, 3)
    warm = (card[..., 0].astype(int) - card[..., 2] > 90) & (card[..., 0] > 200)
    heat = warm[130:600]
    # In run `marked`, at the right, the upper left cell; in `clean` the middle cells.
    (left,), (right,) = (np.nonzero(half.any(1))[:1] for half in (heat[:, :600], heat[:, 600:]))
    assert right.max() < 180
    assert left.max() > 200
    square = Image.open(export(logdir, tmp_path / "square.png", runs="marked", shape="square", dark=True))
    assert square.size == (1080, 1080)
    assert square.getpixel((5, 500)) == (48, 48, 48)


def test_an_animation_has_a_frame_for_each_step(logdir: Path, tmp_path: Path) -> None:
    gif = Image.open(export(logdir, tmp_path / "card.gif", samples="photo 1", runs="marked"))
    assert getattr(gif, "n_frames", 1) == 4
    frames = []
    for at in (1, 2):  # steps 10 and 20: there the marked run turns to the corner
        gif.seek(at)
        frames.append(np.asarray(gif.convert("RGB")).astype(int))
    assert np.abs(frames[0] - frames[1]).max() > 100
    webm = export(logdir, tmp_path / "card.webm", steps="0-10", samples="photo 1")
    assert webm.read_bytes()[:4] == b"\x1aE\xdf\xa3"


def test_images_are_photographs_and_the_reference_overlay(logdir: Path, tmp_path: Path) -> None:
    folder = export(logdir, tmp_path / "images", kind="images", samples="photo 3", runs="clean")
    log = read_gradcam(logdir)
    sample = log.maps["clean", "val", "grad_cam", "layer4"].samples[3]
    photograph = log.image("clean", sample.image)
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*.png")}
    overlays = {f"clean/val_grad_cam_layer{layer}/photo-3-0_step30.png" for layer in (3, 4)}
    assert found == {"clean/photographs/photo-3-0.png", *overlays}
    expected = heatmap.overlay(photograph, log.maps["clean", "val", "grad_cam", "layer4"].array()[-1, 3])
    shown = np.asarray(Image.open(folder / "clean/val_grad_cam_layer4/photo-3-0_step30.png"))
    np.testing.assert_array_equal(shown, expected)


def test_nothing_of_a_log_becomes_a_path(tmp_path: Path) -> None:
    add_gradcam(
        tmp_path / "log", "../../up", np.zeros((1, 8, 8), np.uint8), np.ones((1, 2, 2), np.float32), 0, ids=["../x"]
    )
    folder = export(tmp_path / "log", tmp_path / "deep" / "images", kind="images")
    assert all(folder in file.parents for file in tmp_path.rglob("*.png"))
    assert len(list(folder.rglob("*.png"))) == 2


def test_a_table_has_a_row_for_each_map_with_the_numbers_of_its_sample(tmp_path: Path) -> None:
    for step in (0, 1):
        add_gradcam(
            tmp_path / "log", "val", np.zeros((2, 8, 8), np.uint8), {"a": np.ones((2, 2, 2)), "b": np.ones((2, 2, 2))},
            step, ids=["x", "y"], numbers={"doubt": [step, np.nan]}, labels=[0, 1],
        )  # fmt: skip
    text = export(tmp_path / "log", tmp_path / "table.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 8
    assert {(row["id"], row["step"], row["doubt"]) for row in rows} == {
        ("x", "0", "0.0"), ("x", "1", "1.0"), ("y", "0", ""), ("y", "1", ""),
    }  # fmt: skip
    assert {row["layer"] for row in rows} == {"a", "b"}
    assert rows[0]["entropy"]


def test_a_log_shows_as_the_viewer_in_a_notebook(logdir: Path) -> None:
    log = read_gradcam(logdir)
    cell = log.show(runs="marked", max_steps=2)._repr_html_()
    (page,) = re.findall(r'<iframe srcdoc="([^"]*)"', cell)
    assert unescape(page).startswith("<!doctype html>")
    whole = log._repr_html_()
    assert whole is not None
    assert len(whole) > len(cell)


def test_bad_wishes_are_told(logdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"page.html, card.png, .gif"):
        export(logdir, tmp_path / "page.pdf")
    with pytest.raises(ValueError, match="expected fps"):
        export(logdir, tmp_path / "card.gif", fps=0)
    assert main(["export", str(logdir)]) == 2
    assert "expected something to write" in capsys.readouterr().err
