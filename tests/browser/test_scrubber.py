"""The step axis: where it goes, what is said of steps that a run lacks, and when it plays or follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Frame, Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.tab import Rich, go_to, look, opened, tile
from tests.viewer.server import Server, tensorboard

LAST = Rich.STEPS[-1]


def shown(frame: Frame) -> int:
    """The scrubber's step."""
    return int(frame.get_by_test_id("step-input").input_value())


def reloaded(page: Page) -> Frame:
    """The tab's frame after the whole page was loaded again."""
    page.reload()
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame
    return frame


def write(writer: SummaryWriter, *steps: int) -> None:
    """Maps of two samples, and flush."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (2, 32, 32, 3), np.uint8)
    for step in steps:
        maps = np.roll(rng.random((2, 4, 4), np.float32), step, axis=2)
        add_gradcam(writer, "val", images, maps, step, outputs=rng.random((2, 3)), epoch=step / 10)
    writer.flush()


@contextmanager
def uneven(directory: Path) -> Iterator[tuple[Server, SummaryWriter]]:
    """Run "a" with steps 0, 10 and 100, which is still open, and run "b" without 10."""
    with SummaryWriter(str(directory / "b")) as writer:
        write(writer, 0, 100)
    with SummaryWriter(str(directory / "a")) as writer, tensorboard(directory) as running:
        write(writer, 0, 10, 100)
        running.wait_for(directory)
        yield running, writer


def test_the_axis_is_of_steps_and_goes_to_what_was_logged(page: Page, tmp_path: Path) -> None:
    with uneven(tmp_path) as (server, writer):
        frame = opened(page, server)
        scrubber = frame.get_by_test_id("scrubber")
        for wanted, nearest in ((54, 10), (56, 100), (3, 0), (7, 10)):
            scrubber.fill(str(wanted))
            expect(frame.get_by_test_id("step-input")).to_have_value(str(nearest))
        assert "epoch 1" in frame.locator(".when").inner_text()
        assert frame.get_by_test_id("wall-time").inner_text()

        expect(tile(frame, "b", 1, 0).locator(".mark")).to_have_text("map of step 0")
        expect(tile(frame, "a", 1, 10).locator(".mark")).to_have_count(0)

        locked = tile(frame, "a", 0, 10)
        locked.hover()
        locked.get_by_role("button", name="Lock to this step").click()
        go_to(frame, 100)
        expect(tile(frame, "a", 1, 100)).to_be_visible()
        expect(tile(frame, "a", 0, 10)).to_be_visible()
        page.wait_for_function(
            "location.hash.includes('p.gradcam.locks=') && !location.hash.includes('p.gradcam.step=')"
        )
        frame = reloaded(page)
        expect(tile(frame, "a", 1, 100)).to_be_visible()
        expect(tile(frame, "a", 0, 10)).to_be_visible()
        tile(frame, "a", 0, 10).get_by_role("button", name="Locked to step 10: unlock").click()
        expect(tile(frame, "a", 0, 100)).to_be_visible()

        page.wait_for_function("!location.hash.includes('p.gradcam.locks=')")

        # A reload keeps the step, unless it is the last: then it follows the end.
        assert "p.gradcam.step=" not in page.url
        write(writer, 200)
        frame = reloaded(page)
        expect(tile(frame, "a", 0, 200)).to_be_visible()
        go_to(frame, 100)
        page.wait_for_function("location.hash.includes('p.gradcam.step=100')")
        frame = reloaded(page)
        expect(tile(frame, "a", 0, 100)).to_be_visible()


def test_playback_rests_while_tensorboard_shows_another_tab(page: Page, rich: Server) -> None:
    frame = opened(page, rich, "gradcam&p.gradcam.step=0&p.gradcam.speed=5")
    play = frame.get_by_test_id("play")
    play.click()
    frame.wait_for_function("document.querySelector('[data-testid=step-input]').value > 0")
    page.get_by_role("tab", name="Scalars").click()
    frame.wait_for_function("innerHeight === 0")
    expect(play).to_have_attribute("aria-label", "Play")
    rested = shown(frame)
    assert frame.evaluate("document.visibilityState") == "visible"
    turns = frame.evaluate(
        """() => new Promise((done) => {
            let turns = 0;
            const timer = setInterval(() => { if (++turns === 15) { clearInterval(timer); done(turns); } }, 100);
        })"""
    )
    assert turns == 15, "the frame runs on, so it is the tab that rests"
    assert shown(frame) == rested
    page.get_by_role("tab", name="Grad-CAM").click()
    frame.wait_for_function("innerHeight > 0")
    page.wait_for_function(f"location.hash.includes('p.gradcam.step={rested}')")
    assert shown(frame) == rested, "TensorBoard's change of the hash is no step back"
    play.dispatch_event("click")
    frame.wait_for_function(
        "(rested) => document.querySelector('[data-testid=step-input]').value != rested", arg=rested
    )


def test_playback_begins_again_where_it_loops_and_ends_where_it_does_not(page: Page, rich: Server) -> None:
    frame = look(page, rich, step=LAST - 20, speed=10, loop=0)
    play = frame.get_by_test_id("play")
    play.click()
    expect(frame.get_by_test_id("step-input")).to_have_value(str(LAST))
    expect(play).to_have_attribute("aria-label", "Play")
    frame.get_by_role("button", name="Loop").click()
    play.click()
    frame.wait_for_function("(last) => document.querySelector('[data-testid=step-input]').value < last", arg=LAST - 20)
