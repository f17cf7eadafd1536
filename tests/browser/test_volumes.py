"""Volumes: the slice with the most evidence first, and the way to the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Frame, Page, expect

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.rest import at_rest
from tests.browser.tab import look, pixels
from tests.viewer.server import Server, tensorboard

DEPTH, CELLS = 24, 8
LESIONS = (17, 5)  # slices of the pictures
CANVAS = "[data-testid=tile-canvas][data-sample='{}'][data-ready=true]"


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two volumes whose slices are as bright as their number; each map is a bump in the slice of its lesion."""
    logdir = tmp_path_factory.mktemp("volumes")
    images = np.broadcast_to(np.arange(DEPTH, dtype=np.uint8)[:, None, None] * 10, (2, DEPTH, 32, 32)).copy()
    maps = np.zeros((2, CELLS, CELLS, CELLS), np.float32)
    for sample, slice_ in enumerate(LESIONS):
        maps[sample, slice_ * CELLS // DEPTH, 2:4, 5:7] = 1
    add_gradcam(str(logdir / "run"), "scans", images, maps, 0, labels=[1, 1], predictions=[1, 0], dataformats="NDHW")
    with tensorboard(logdir) as server:
        server.wait_for(logdir)
        yield server


def shown(frame: Frame, sample: int) -> str:
    return frame.locator(".tile", has=frame.locator(CANVAS.format(sample))).get_by_test_id("slice").inner_text()


def number(text: str) -> int:
    return int(text.split(" / ")[0])


def test_the_slice_with_the_most_evidence_comes_first_under_its_own_picture(page: Page, volumes: Server) -> None:
    frame = look(page, volumes, mode="image")
    for sample, lesion in enumerate(LESIONS):
        first = number(shown(frame, sample))
        assert (first - 1) * CELLS // DEPTH == lesion * CELLS // DEPTH
        assert np.abs(pixels(frame, CANVAS.format(sample)).astype(int) - (first - 1) * 10).max() <= 2
    expect(frame.locator(".heading")).to_contain_text("8 × 8 × 8 cells")


def test_slices_turn_by_slider_and_wheel_on_all_volumes_at_once(page: Page, volumes: Server) -> None:
    frame = look(page, volumes, mode="image")
    slider = frame.get_by_label("Slice").first
    slider.focus()
    slider.press("Home")
    for sample in (0, 1):
        expect(frame.locator(".tile").nth(sample).get_by_test_id("slice")).to_have_text("1 / 24")
    frame.locator(CANVAS.format(1)).hover()
    at_rest(page)
    page.mouse.wheel(0, 120)
    expect(frame.locator(".tile").first.get_by_test_id("slice")).to_have_text("4 / 24")
    assert np.abs(pixels(frame, CANVAS.format(0)).astype(int) - 30).max() <= 2
    page.wait_for_function("() => location.hash.includes('p.gradcam.slice=')")


def test_focus_has_three_planes_and_a_slider(page: Page, volumes: Server) -> None:
    frame = look(page, volumes, focus="run=run&tag=scans&sample=0", mode="image")
    panel = frame.locator(".focus")
    expect(panel.get_by_test_id("planes").locator("canvas")).to_have_count(2)
    panel.get_by_role("tab", name="Entropy").click()
    expect(panel.get_by_test_id("chart")).to_contain_text("at the depth with the most evidence")
    panel.get_by_label("Slice").fill("20")
    expect(panel.get_by_test_id("slice")).to_have_text("21 / 24")
    frame.wait_for_load_state("networkidle")
    upright = pixels(frame, "[data-testid=plane-columns]").astype(int)[:, 10, 0]
    assert (np.diff(upright) >= 0).all(), "from the first slice at the top to the last"
    assert upright[-1] - upright[0] > 150


def test_a_and_b_turn_together(page: Page, volumes: Server) -> None:
    page.goto(f"http://{volumes.host}:{volumes.port}/data/plugin_entry.html?name=gradcam#gradcam&p.gradcam.view=ab")
    frame = page.main_frame
    frame.locator(".ab-bar").get_by_label("Slice").fill("9")
    expect(frame.locator(".layer-a").get_by_test_id("slice")).to_have_text("10 / 24")
    expect(frame.locator(".layer-b").get_by_test_id("slice")).to_have_text("10 / 24")
