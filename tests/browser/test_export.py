"""What leaves the page, opened with the programs that others would open it with."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Frame, Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.heatmap import overlay, value_range
from tensorboard_plugin_gradcam.reader import GradCAMLog, read_gradcam
from tests.browser import truth
from tests.browser.tab import TILE, Rich, go_to, look, opened, pixels
from tests.viewer.server import Server, tensorboard

FOCUS = "run=clean&tag=val&sample=2"
KEY = ("clean", "val", "grad_cam", "layer4")


@pytest.fixture(scope="module")
def logged(rich_log: Rich) -> GradCAMLog:
    return read_gradcam(rich_log.logdir)


def saved(page: Page, frame: Frame, button: str, folder: Path) -> Path:
    """Press a button and keep the file that comes."""
    with page.expect_download() as download:
        frame.get_by_role("button", name=button, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def map_and_image(
    logged: GradCAMLog, step: int, sample: int, run: str = "clean", layer: str = "layer4"
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    moment = logged.maps[run, "val", "grad_cam", layer][step]
    assert moment.cohort
    image = logged.image(run, moment.cohort.samples[sample].image)
    return moment.record.blocks[0].dequantised()[sample], image


def reference(logged: GradCAMLog, step: int, sample: int, **of: str) -> NDArray[np.uint8]:
    map_, image = map_and_image(logged, step, sample, **of)
    return overlay(image, map_)


def tiles(path: Path, columns: int) -> list[list[NDArray[np.uint8]]]:
    """Cut a picture of tiles of 96 x 96 into its rows."""
    sheet = cv2.imread(str(path))[:, :, ::-1]
    width, height = 96 + 8, 96 + 18 + 8
    assert sheet.shape[1] == columns * width + 8
    tops = range(8, sheet.shape[0], height)
    return [[sheet[top : top + 96, left : left + 96] for left in range(8, sheet.shape[1], width)] for top in tops]


def assert_alike(picture: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    assert picture.shape == expected.shape
    assert (np.abs(picture.astype(int) - expected).max(axis=2) <= 2).mean() > 0.995


def test_a_tile_and_the_grid_are_saved_at_the_pictures_own_size(
    page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path
) -> None:
    frame = look(page, rich, focus=FOCUS, step=100, more=1)
    path = saved(page, frame, "PNG", tmp_path)
    assert path.name == "clean photo 0002 step 100.png"
    assert_alike(cv2.imread(str(path))[:, :, ::-1], reference(logged, 100, 2))
    grid = tiles(saved(page, frame, "Grid as PNG", tmp_path), 8)
    assert len(grid) == 3
    for place, sample in ((0, 0), (2, 2), (10, 10)):
        assert_alike(grid[place // 8][place % 8], reference(logged, 100, sample))


def test_a_comparison_is_saved_as_it_stands_on_the_page(
    page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path
) -> None:
    frame = look(
        page, rich, view="compare", runs="clean", step=100, text="photo 0002", rows="layer", columns="step", more=1
    )
    steps = [
        int(text) for text in frame.locator("th[scope=col]").evaluate_all("(all) => all.map((th) => th.dataset.value)")
    ]
    layers = frame.locator("th[scope=row]").evaluate_all("(all) => all.map((th) => th.dataset.value)")
    assert len(steps) > 3
    assert sorted(layers) == ["layer3", "layer4"]
    rows = tiles(saved(page, frame, "Comparison as PNG", tmp_path), len(steps))
    for layer, row in zip(layers, rows, strict=True):
        for step, tile in zip(steps, row, strict=True):
            assert_alike(tile, reference(logged, step, 2, layer=layer))
    with saved(page, frame, "Numbers as CSV", tmp_path).open(newline="") as file:
        cells = [(row["layer"], int(row["step"])) for row in csv.DictReader(file)]
    assert cells == [(layer, step) for layer in layers for step in steps]


def test_cells_that_were_never_in_sight_are_saved_where_nothing_was_predicted(page: Page, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (2, 96, 96, 3), np.uint8)
    maps = {
        ("grad_cam", f"layer{number}"): np.random.default_rng(number).random((2, 4, 4), np.float32)
        for number in range(6)
    }
    with SummaryWriter(str(tmp_path / "run")) as writer:
        add_gradcam(writer, "val", images, maps, 0)
    with tensorboard(tmp_path) as server:
        server.wait(lambda it: it.get("series").json["runs"])
        page.set_viewport_size({"width": 900, "height": 420})
        frame = look(page, server, view="compare", rows="layer", columns="sample", smooth=0, more=1, side="open")
        rows = tiles(saved(page, frame, "Comparison as PNG", tmp_path), 2)
        layers = frame.locator("th[scope=row]").evaluate_all("(all) => all.map((th) => th.dataset.value)")
    assert len(rows) == len(layers) == 6
    for layer, row in zip(layers, rows, strict=True):
        for sample, tile in enumerate(row):
            expected = overlay(images[sample], maps["grad_cam", layer][sample], smooth=False)
            assert (np.abs(tile.astype(int) - expected).max(axis=2) <= 3).mean() > 0.99


def test_a_and_b_are_saved_with_their_difference(page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path) -> None:
    frame = look(page, rich, focus=FOCUS, step=100, more=1)
    page.keyboard.press("v")
    page.keyboard.press("v")
    expect(frame.get_by_test_id("ab")).to_be_visible()
    ((a, b, difference),) = tiles(saved(page, frame, "A and B as PNG", tmp_path), 3)
    assert_alike(a, reference(logged, 100, 2))
    assert_alike(b, reference(logged, 100, 2, run="shortcut"))
    masks = []
    for run in ("clean", "shortcut"):
        map_, image = map_and_image(logged, 100, 2, run)
        low, high = value_range(map_)
        masks.append((map_.clip(min=0) - low) / (high - low))
    assert_alike(difference, overlay(image, masks[0] - masks[1], limits=(-1, 1), signed=True))


def test_the_steps_are_saved_as_an_animation(page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path) -> None:
    frame = look(page, rich, focus=FOCUS, speed=5)
    with Image.open(saved(page, frame, "GIF", tmp_path)) as gif:
        assert gif.format == "GIF"
        assert gif.n_frames == len(Rich.STEPS)  # type: ignore[attr-defined]
        assert gif.info["duration"] == 200
        for place in (0, 5, 10):
            gif.seek(place)
            difference = np.abs(np.asarray(gif.convert("RGB")).astype(int) - reference(logged, 20 * place, 2))
            assert difference.mean() < 8, "256 colours a frame"


def test_numbers_are_saved_as_they_were_logged(
    page: Page, rich: Server, rich_log: Rich, logged: GradCAMLog, tmp_path: Path
) -> None:
    frame = look(page, rich, focus=FOCUS, step=100, more=1)
    with saved(page, frame, "CSV", tmp_path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(Rich.STEPS)
    said, maps = logged.predictions["clean", "val"], logged.maps[KEY]
    for column in ("probability", "label_probability", "loss"):
        np.testing.assert_allclose([float(row[column]) for row in rows], said.array(column)[:, 2], rtol=1e-6)  # type: ignore[arg-type]
    blocks = [moment.record.blocks[0] for moment in maps]
    for column in ("minimum", "maximum"):
        np.testing.assert_allclose(
            [float(row[column]) for row in rows], [getattr(it, column)[2] for it in blocks], rtol=1e-6
        )
    entropies = [truth.entropy(it.dequantised()[2]) for it in blocks]
    np.testing.assert_allclose([float(row["entropy"]) for row in rows], entropies, rtol=1e-4)
    names = np.array(Rich.CLASSES)
    assert [row["prediction"] for row in rows] == names[said.array("prediction")[:, 2]].tolist()
    with saved(page, frame, "Numbers as CSV", tmp_path).open(newline="") as file:
        grid = list(csv.DictReader(file))
    assert [(row["run"], int(row["sample"]), row["step"]) for row in grid] == [
        (run, sample, "100") for run in ("clean", "shortcut") for sample in range(12)
    ]
    assert grid[2] == rows[5]


def test_a_link_opens_the_same_view(page: Page, rich: Server, chromium: Browser) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame = opened(page, rich, "gradcam&p.gradcam.runs=clean&p.gradcam.more=1")
    go_to(frame, 60)
    frame.get_by_role("combobox", name="Look").select_option("contour")
    frame.get_by_label("Threshold, as a number").fill("0.35")
    frame.get_by_label("Threshold, as a number").press("Enter")
    frame.locator("[data-sample='4']").click()
    expect(frame.locator(".focus")).to_contain_text("photo 0004")
    frame.get_by_role("button", name="Copy link").click()
    page.wait_for_function("() => navigator.clipboard.readText().then((text) => text.includes('p.gradcam'))")
    link = page.evaluate("() => navigator.clipboard.readText()")
    fresh = chromium.new_page(viewport={"width": 1400, "height": 900})
    try:
        fresh.goto(link)
        other = fresh.wait_for_selector("iframe").content_frame()
        assert other
        expect(other.locator(".focus")).to_contain_text("photo 0004")
        tile = TILE.format(sample=6, step=60)
        assert np.array_equal(pixels(other, tile), pixels(frame, tile))
        assert other.get_by_test_id("step-input").input_value() == "60"
        assert other.get_by_role("checkbox", name="shortcut").is_checked() is False
    finally:
        fresh.close()
