"""From a training loop to the tab's pixels: the real TensorBoard, both of its loaders, Debian's Chromium."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Frame, Page, expect
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import GradCAMLogger, add_gradcam
from tensorboard_plugin_gradcam.heatmap import overlay
from tests.viewer.server import Server, tensorboard
from tests.writer.logs import ReadLog

LAST = 40
TILE = "[data-testid=tile-canvas][data-sample='{sample}'][data-step='{step}'][data-ready=true]"


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short trainings on crops of real photographs, with maps at every tenth step.

    100 pixels for 12 cells: where a cell has a power of two of pixels, masks fall exactly between two colours at one
    pixel in a thousand, and which of the two is taken is a matter of the last bit.
    """
    logdir = tmp_path_factory.mktemp("log")
    for seed, run in enumerate(("first", "second")):
        _train(logdir / run, seed)
    return logdir


def _train(directory: Path, seed: int) -> None:
    from sklearn.datasets import load_sample_images

    torch.manual_seed(seed)
    pictures = load_sample_images().images
    crops = [picture[y : y + 100, x : x + 100] for picture in pictures for y in (0, 150) for x in (0, 300)]
    x = torch.stack([torch.tensor(crop).permute(2, 0, 1).float() / 255 for crop in crops])
    y = torch.arange(len(x)) // 4
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with (
        SummaryWriter(str(directory)) as writer,
        GradCAMLogger(writer, model, class_names=["temple", "flower"]) as logger,
    ):
        probe = logger.probe("val", x, labels=y)
        for step in range(LAST + 1):
            if step % 10 == 0:
                probe.log(step)
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()


@pytest.fixture(scope="session", params=["true", "false"], ids=["load_fast", "load_slow"])
def server(request: pytest.FixtureRequest, log: Path) -> Iterator[Server]:
    with tensorboard(log, request.param) as running:
        running.wait(lambda it: len(it.get("series").json["runs"]) == 2)
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


def opened(page: Page, server: Server, hash_: str = "gradcam", query: str = "") -> Frame:
    page.goto(f"http://{server.host}:{server.port}/{query}#{hash_}")
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame
    frame.wait_for_selector("[data-testid=tile-canvas][data-ready=true]")
    return frame


def go_to(frame: Frame, step: int) -> None:
    box = frame.locator("[data-testid=step-input]")
    box.fill(str(step))
    box.press("Enter")


def pixels(frame: Frame, selector: str) -> NDArray[np.uint8]:
    """The canvas's own pixels, once it is drawn."""
    frame.wait_for_selector(selector)
    frame.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    url = frame.locator(selector).first.evaluate("(canvas) => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


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
    frame = opened(page, server, "gradcam&p.gradcam.step=0")
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
    _train(tmp_path / "live", 0)
    with tensorboard(tmp_path) as running:
        running.wait(lambda it: bool(it.get("series").json["runs"]))
        frame = opened(page, running)
        frame.wait_for_selector(TILE.format(sample=0, step=LAST))
        _train(tmp_path / "later", 1)
        frame.wait_for_selector("[data-run='later']" + TILE.format(sample=0, step=LAST), timeout=30_000)


def test_maps_without_predictions_are_shown(page: Page, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (3, 32, 32, 3), np.uint8)
    add_gradcam(str(tmp_path / "alone"), "val", images, rng.random((3, 4, 4), np.float32), 7)
    with tensorboard(tmp_path) as running:
        running.wait(lambda it: bool(it.get("series").json["runs"]))
        frame = opened(page, running)
        expect(frame.locator(TILE.format(sample=2, step=7))).to_be_visible()


def test_an_empty_log_shows_what_to_write(page: Page, tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("loss", 1.0, 0)
    with tensorboard(tmp_path) as running:
        page.goto(f"http://{running.host}:{running.port}/data/plugin_entry.html?name=gradcam")
        expect(page.locator("[data-testid=empty]")).to_contain_text("GradCAMLogger")
