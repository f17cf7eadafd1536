"""The card for a talk: what is on it, in which ways it is handed out, and with how many actions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from playwright.sync_api import Frame, Page, expect

from tensorboard_plugin_gradcam.heatmap import color_table
from tests.browser.tab import Rich, look
from tests.viewer.server import Server


def opened(page: Page, server: Server, **settings: object) -> Frame:
    """The tab with the dialog in front, once the card is drawn."""
    frame = look(page, server, **settings)
    frame.get_by_role("button", name="Card…").click()
    expect(frame.locator("[data-testid=card-canvas][data-ready=true]")).to_be_visible()
    return frame


def saved(page: Page, click: Callable[[], None], folder: Path) -> Path:
    with page.expect_download() as download:
        click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def has_color(picture: np.ndarray, color: tuple[int, int, int], least: int = 20) -> bool:
    return int((np.abs(picture.astype(int) - color).max(axis=2) <= 12).sum()) >= least


@pytest.mark.parametrize(("shape", "size"), [("1,200 × 675", (1200, 675)), ("Square", (1080, 1080))])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_a_card_is_two_actions_away(
    page: Page, rich: Server, tmp_path: Path, shape: str, size: object, theme: str
) -> None:
    frame = opened(page, rich, focus="run=clean&tag=val&sample=2")
    frame.get_by_text(shape, exact=True).click()
    frame.get_by_text(theme, exact=True).click()
    expect(frame.locator("[data-testid=card-canvas][data-ready=true]")).to_be_visible()
    frame.get_by_label("Title").fill("Where it looks")
    path = saved(page, frame.get_by_role("button", name="Save PNG").click, tmp_path)
    assert path.name == "Where it looks.png"
    picture = Image.open(path).convert("RGB")
    assert picture.size == size
    pixels = np.asarray(picture)
    assert pixels[20, 20].tolist() == ([255, 255, 255] if theme == "Light" else [48, 48, 48])
    assert has_color(pixels, tuple(color_table("inferno")[-1].tolist())), "expected the peak's colour"
    for color in (frame.get_by_test_id("card-canvas").get_attribute("data-colors") or "").split(","):
        rgb = tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))
        assert has_color(pixels, rgb), f"expected the run's colour {color}"


def test_an_animation_has_a_frame_for_each_step_up_to_the_shown_one(page: Page, rich: Server, tmp_path: Path) -> None:
    frame = opened(page, rich, focus="run=clean&tag=val&sample=2", step=100)
    gif = Image.open(saved(page, frame.get_by_role("button", name="Save GIF").click, tmp_path))
    assert (gif.format, gif.size) == ("GIF", (1200, 675))
    frames = [np.asarray(one.convert("RGB")).astype(int) for one in ImageSequence.Iterator(gif)]
    assert len(frames) == len([step for step in Rich.STEPS if step <= 100])
    assert gif.info["loop"] == 0
    assert all(np.abs(a - b).max() > 60 for a, b in pairwise(frames)), "the heat moves"


def test_a_video_is_recorded_where_the_browser_can(page: Page, rich: Server, tmp_path: Path) -> None:
    frame = opened(page, rich, focus="run=clean&tag=val&sample=2", step=40, speed=30)
    path = saved(page, frame.get_by_role("button", name="Save WebM").click, tmp_path)
    assert path.read_bytes()[:4] == b"\x1a\x45\xdf\xa3"


def test_what_the_browser_cannot_do_is_not_offered(page: Page, rich: Server) -> None:
    page.add_init_script("delete window.MediaRecorder; delete window.ClipboardItem")
    frame = opened(page, rich)
    expect(frame.get_by_role("button", name="Save GIF")).to_be_visible()
    for name in ("Save WebM", "Copy PNG"):
        expect(frame.get_by_role("button", name=name)).to_have_count(0)


def test_an_animation_can_be_cancelled(page: Page, rich: Server) -> None:
    frame = opened(page, rich, focus="run=clean&tag=val&sample=2", speed=1)
    downloads: list[object] = []
    page.on("download", lambda one: downloads.append(one))
    frame.get_by_role("button", name="Save WebM").click()
    expect(frame.get_by_role("progressbar")).to_be_visible()
    frame.get_by_role("button", name="Cancel").click()
    expect(frame.get_by_role("dialog").get_by_role("status")).to_have_text("Canceled")
    expect(frame.get_by_role("button", name="Save PNG")).to_be_enabled()
    assert not downloads


def test_a_row_of_samples_and_one_sample_beside_its_photograph(page: Page, rich: Server) -> None:
    frame = opened(page, rich, focus="run=clean&tag=val&sample=2")
    drawings = set()
    for content in ("in two runs", "this sample", "a row of 4 samples"):
        frame.get_by_role("combobox", name="Shows").select_option(label=content)
        canvas = frame.locator("[data-testid=card-canvas][data-ready=true]")
        expect(canvas).to_be_visible()
        drawings.add(canvas.evaluate("(it) => it.toDataURL()"))
    assert len(drawings) == 3
