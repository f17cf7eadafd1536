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
from tensorboard_plugin_gradcam.heatmap import color_table, overlay, value_range
from tensorboard_plugin_gradcam.reader import GradCAMLog, read_gradcam
from tests.browser import truth
from tests.browser.rest import patient
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


def sheet_of(path: Path) -> NDArray[np.uint8]:
    return cv2.imread(str(path))[:, :, ::-1]


def place_of(picture: NDArray[np.uint8], sheet: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Where a picture stands on a sheet at `side` pixels a side, in rows and columns of its size: (row, column)."""
    small = cv2.resize(sheet, None, fx=1 / 4, fy=1 / 4, interpolation=cv2.INTER_AREA)
    wanted = cv2.resize(picture, (side // 4, side // 4), interpolation=cv2.INTER_AREA)
    scores = cv2.matchTemplate(small, wanted, cv2.TM_CCOEFF_NORMED)
    y, x = np.unravel_index(int(scores.argmax()), scores.shape)
    assert scores.max() > 0.9  # but for the scale in its corner
    return int(y) * 4, int(x) * 4


def side_on_page(frame: Frame, selector: str = "[data-testid=tile-canvas]") -> int:
    """The width of the first tile's picture, in pixels of the page."""
    return round(frame.locator(selector).first.evaluate("(canvas) => canvas.getBoundingClientRect().width"))


def assert_alike(picture: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    assert picture.shape == expected.shape
    assert (np.abs(picture.astype(int) - expected).max(axis=2) <= 2).mean() > 0.995


def test_a_tile_is_saved_at_its_pictures_own_size(page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path) -> None:
    frame = look(page, rich, focus=FOCUS, step=100)
    path = saved(page, frame, "PNG", tmp_path)
    assert path.name == "clean photo 0002 step 100.png"
    assert_alike(sheet_of(path), reference(logged, 100, 2))


def test_the_grid_is_saved_with_all_it_shows_at_twice_the_size(
    page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path
) -> None:
    frame = look(page, rich, step=100, runs="clean", groundTruth=0, more=1)
    side = 2 * side_on_page(frame)
    room = frame.locator(".main").evaluate("(main) => main.clientWidth")
    sheet = sheet_of(saved(page, frame, "Grid as PNG", tmp_path))
    assert abs(sheet.shape[1] - 2 * room) <= 2
    columns = frame.evaluate(
        "() => { const all = [...document.querySelectorAll('.tile')].map((it) => it.getBoundingClientRect().top);"
        " return all.filter((top) => top === all[0]).length; }"
    )
    places = [place_of(reference(logged, 100, sample), sheet, side) for sample in (0, 1, 2, columns)]
    (top, left), *others, (below, first) = places
    assert [abs(y - top) <= 8 for y, _ in others] == [True, True]
    assert left < others[0][1] < others[1][1]
    assert below > top + side
    assert abs(first - left) <= 8
    for color in ("#1e7d34", "#c5221f", "#425066"):  # right, wrong, the run's
        rgb = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
        assert (np.abs(sheet.astype(int) - rgb).max(axis=2) <= 24).sum() > 20, color
    bar = sheet[: 2 * 64]
    for color in color_table("inferno")[[100, 160, 220]]:
        assert (np.abs(bar.astype(int) - color).max(axis=2) <= 6).any(), "the colour bar is above the tiles"
    framed = sheet_of(saved(page, look(page, rich, step=100, runs="clean", more=1), "Grid as PNG", tmp_path))
    assert (np.abs(framed.astype(int) - sheet).max(axis=2) > 60).sum() > 12 * 4 * side // 4, "boxes of the ground truth"


def test_a_comparison_is_saved_as_it_stands_on_the_page(
    page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path
) -> None:
    options = {"view": "compare", "runs": "clean", "step": 100, "text": "photo 0002", "groundTruth": 0}
    frame = look(page, rich, **options, rows="layer", columns="step", more=1)
    steps = [
        int(text) for text in frame.locator("th[scope=col]").evaluate_all("(all) => all.map((th) => th.dataset.value)")
    ]
    layers = frame.locator("th[scope=row]").evaluate_all("(all) => all.map((th) => th.dataset.value)")
    assert len(steps) > 3
    assert sorted(layers) == ["layer3", "layer4"]
    sheet = sheet_of(saved(page, frame, "Comparison as PNG", tmp_path))
    width = (sheet.shape[1] // 2 - 32 - 4 * (len(steps) - 1)) // len(steps)
    half = (sheet.shape[0] - 2 * 98 - 2 * 46) // 2  # between the headings and the last line
    for place, (layer, other) in enumerate((layers, layers[::-1])):
        row = sheet[2 * 98 + place * half :][:half]
        found = [place_of(reference(logged, step, 2, layer=layer), row, 2 * width) for step in steps]
        assert max(y for y, _ in found) - min(y for y, _ in found) <= 8
        assert [x for _, x in found] == sorted({x for _, x in found})
        y, x = found[-1]
        drawn = row[y : y + 2 * width, x : x + 2 * width].astype(int)
        own, others = (
            np.abs(drawn - cv2.resize(reference(logged, steps[-1], 2, layer=one), drawn.shape[1::-1])).mean()
            for one in (layer, other)
        )
        assert own < others / 2, "each row is of its own layer"
    with saved(page, frame, "Numbers as CSV", tmp_path).open(newline="") as file:
        cells = [(row["layer"], int(row["step"])) for row in csv.DictReader(file)]
    assert cells == [(layer, step) for layer in layers for step in steps]


def test_cells_that_were_never_in_sight_are_saved_where_nothing_was_predicted(page: Page, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (2, 12, 12, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    maps = {
        ("grad_cam", f"layer{number}"): np.random.default_rng(number).random((2, 4, 4), np.float32)
        for number in range(6)
    }
    with SummaryWriter(str(tmp_path / "run")) as writer:
        add_gradcam(writer, "val", images, maps, 0)
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        page.set_viewport_size({"width": 900, "height": 420})
        frame = look(page, server, view="compare", rows="layer", columns="sample", smooth=0, more=1, side="open")
        sheet = sheet_of(saved(page, frame, "Comparison as PNG", tmp_path))
        layers = frame.locator("th[scope=row]").evaluate_all("(all) => all.map((th) => th.dataset.value)")
    assert len(layers) == 6
    width = sheet.shape[1] // 2 - 32 - 4
    tops = []
    for layer in layers:
        left, right = (
            place_of(overlay(images[sample], maps["grad_cam", layer][sample], smooth=False), sheet, width)
            for sample in range(2)
        )
        assert abs(left[0] - right[0]) <= 8
        assert left[1] < right[1]
        tops.append(left[0])
    assert tops == sorted(set(tops))


def test_a_and_b_are_saved_with_their_difference(page: Page, rich: Server, logged: GradCAMLog, tmp_path: Path) -> None:
    frame = look(page, rich, focus=FOCUS, step=100, groundTruth=0, more=1)
    page.keyboard.press("v")
    page.keyboard.press("v")
    expect(frame.get_by_test_id("ab")).to_be_visible()
    sheet = sheet_of(saved(page, frame, "A and B as PNG", tmp_path))
    masks = []
    for run in ("clean", "shortcut"):
        map_, image = map_and_image(logged, 100, 2, run)
        low, high = value_range(map_)
        masks.append((map_.clip(min=0) - low) / (high - low))
    difference = overlay(image, masks[0] - masks[1], limits=(-1, 1), signed=True)
    three = [reference(logged, 100, 2), reference(logged, 100, 2, run="shortcut"), difference]
    width = min((sheet.shape[1] // 2 - 32 - 8) // 3, 420)
    places = [place_of(picture, sheet, 2 * width) for picture in three]
    assert [x for _, x in places] == sorted({x for _, x in places})


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
    fresh = patient(chromium.new_page(viewport={"width": 1400, "height": 900}))
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
