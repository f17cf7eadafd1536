"""From a training loop to the tab's pixels: the real TensorBoard, both of its loaders, Debian's Chromium."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.heatmap import overlay
from tests.browser.tab import LAST, TILE, go_to, opened, pixels, train
from tests.viewer.server import Server, tensorboard
from tests.writer.logs import ReadLog


def expected(log: Path, run: str, step: int, sample: int) -> NDArray[np.uint8]:
    read = ReadLog(log / run)
    (key,) = read.maps
    (block,) = read.maps[key][step].blocks
    (cohort,) = read.cohorts.values()
    return overlay(read.images[cohort.samples[sample].image], block.dequantised()[sample])


@pytest.mark.parametrize("steps", [(10, 30)])
def test_a_tile_is_the_python_overlay_of_the_logged_map(
    page: Page, server: Server, log: Path, steps: tuple[int, int]
) -> None:
    frame = opened(page, server)
    drawn = []
    for step in steps:
        go_to(frame, step)
        tile = "[data-run='second']" + TILE.format(sample=2, step=step)
        drawn.append(pixels(frame, tile))
        reference = expected(log, "second", step, 2)
        difference = np.abs(drawn[-1].astype(int) - reference).max(axis=2)
        assert drawn[-1].shape == reference.shape
        assert (difference <= 2).mean() >= 0.999, f"step {step}: {(difference > 2).mean():.2%} of the pixels differ"
    assert np.abs(drawn[0].astype(int) - drawn[1]).max() > 20, "the two steps must differ, or equality proves little"


def test_the_scrubber_moves_all_tiles_and_a_reload_keeps_the_step(page: Page, server: Server) -> None:
    frame = opened(page, server)
    frame.wait_for_selector(TILE.format(sample=0, step=LAST))
    frame.locator("[data-testid=scrubber]").press("ArrowLeft")
    frame.wait_for_selector(TILE.format(sample=0, step=30))
    assert frame.locator("[data-testid=tile-canvas][data-ready=true][data-step='30']").count() == 16
    page.wait_for_function("location.hash.includes('p.gradcam.step=30')")
    page.reload()
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame
    frame.wait_for_selector(TILE.format(sample=0, step=30))


def test_play_goes_through_the_steps(page: Page, server: Server) -> None:
    frame = opened(page, server, "gradcam&p.gradcam.step=0&p.gradcam.speed=2")
    frame.wait_for_selector(TILE.format(sample=0, step=0))
    frame.locator("[data-testid=play]").click()
    frame.wait_for_selector(TILE.format(sample=0, step=20))
    frame.locator("[data-testid=play]").click()
    assert frame.locator("[data-testid=play]").get_attribute("aria-label") == "Play"


def test_the_theme_follows_tensorboards(page: Page, server: Server) -> None:
    dark = "() => document.documentElement.classList.contains('dark')"
    assert not opened(page, server).evaluate(dark)
    page.evaluate("document.body.classList.add('dark-mode')")
    frame = page.frames[-1]
    frame.wait_for_function(dark)


def test_opacity_changes_what_is_drawn_and_stays_in_the_link(page: Page, server: Server) -> None:
    frame = opened(page, server)
    tile = "[data-run='first']" + TILE.format(sample=1, step=LAST)
    before = pixels(frame, tile)
    number = frame.get_by_label("Opacity, as a number")
    number.fill("0")
    number.press("Enter")
    page.wait_for_function("location.hash.includes('p.gradcam.opacity=0')")
    after = pixels(frame, tile)
    assert np.abs(before.astype(int) - after).max() > 20


def test_new_steps_appear_while_a_run_writes(page: Page, log: Path, tmp_path: Path) -> None:
    train(tmp_path / "live", 0)
    with tensorboard(tmp_path) as running:
        running.wait_for(tmp_path)
        frame = opened(page, running)
        frame.wait_for_selector(TILE.format(sample=0, step=LAST))
        box = frame.locator("[data-testid=step-input]")
        box.fill("1")  # and more to come, when the page is drawn again
        train(tmp_path / "later", 1)
        frame.wait_for_selector("[data-run='later']" + TILE.format(sample=0, step=LAST))
        expect(box).to_have_value("1")


def test_maps_without_predictions_are_shown(page: Page, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (3, 32, 32, 3), np.uint8)
    add_gradcam(str(tmp_path / "alone"), "val", images, rng.random((3, 4, 4), np.float32), 7)
    with tensorboard(tmp_path) as running:
        running.wait_for(tmp_path)
        frame = opened(page, running)
        expect(frame.locator(TILE.format(sample=2, step=7))).to_be_visible()


def test_an_empty_log_shows_what_to_write(page: Page, tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("loss", 1.0, 0)
    with tensorboard(tmp_path) as running:
        page.goto(f"http://{running.host}:{running.port}/data/plugin_entry.html?name=gradcam")
        expect(page.locator("[data-testid=empty]")).to_contain_text("GradCAMLogger")
