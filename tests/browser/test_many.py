"""Only what can be seen is made, fetched and drawn, and what is looked for comes into sight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import Frame, Page, Request, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.rest import at_rest
from tests.browser.tab import Rich, look
from tests.viewer.server import Server, tensorboard

LOW = {"width": 900, "height": 420}  # room for one row of tiles
CANVAS = "[data-testid=tile-canvas][data-run={run}]"


def height_of(frame: Frame) -> int:
    height: int = frame.locator(".main").evaluate("(main) => main.scrollHeight")
    return height


def test_tiles_of_a_run_are_made_once_they_are_near(page: Page, rich: Server) -> None:
    page.set_viewport_size(LOW)
    frame = look(page, rich, tileSize=320)
    expect(frame.locator(".group")).to_have_count(2)
    second = frame.locator(".group").nth(1).locator(".tile")
    expect(second).to_have_count(0)
    before = height_of(frame)
    frame.locator(".group").nth(1).evaluate("(group) => group.scrollIntoView()")
    expect(frame.locator(CANVAS.format(run="shortcut")).first).to_be_in_viewport()
    assert abs(height_of(frame) - before) < 0.35 * before, "the place that was kept is about what the tiles take"
    frame.locator(".group").nth(0).evaluate("(group) => group.scrollIntoView()")
    expect(frame.locator(CANVAS.format(run="clean")).first).to_be_in_viewport()
    expect(second).to_have_count(0)


def test_the_sample_that_keys_go_on_to_comes_into_sight(page: Page, rich: Server) -> None:
    page.set_viewport_size(LOW)
    frame = look(page, rich, tileSize=320)
    focused = frame.locator(".tile.focused")
    for presses, run, sample in ((9, "clean", 8), (Rich.SAMPLES - 6, "shortcut", 2)):
        for _ in range(presses):
            page.keyboard.press("n")
        canvas = focused.locator(CANVAS.format(run=run) + f"[data-sample='{sample}'][data-ready=true]")
        expect(canvas).to_be_in_viewport(ratio=0.5)


def test_a_focused_sample_that_was_scrolled_past_stays_there_until_keys_go_on(page: Page, rich: Server) -> None:
    page.set_viewport_size(LOW)
    frame = look(page, rich, tileSize=320, focus="run=clean&tag=val&sample=0")
    main = frame.locator(".main")
    main.evaluate("(main) => { main.scrollTop = main.scrollHeight }")
    expect(frame.locator(CANVAS.format(run="shortcut")).last).to_be_in_viewport()
    expect(frame.locator(CANVAS.format(run="clean"))).to_have_count(0)
    second = frame.locator(".group").nth(1)
    second.evaluate("(group) => { group.scrollIntoView(); group.closest('.main').scrollTop -= 150 }")
    before = main.evaluate("(main) => main.scrollTop")
    expect(frame.locator(CANVAS.format(run="clean") + "[data-ready=true]").last).to_be_in_viewport()
    assert abs(main.evaluate("(main) => main.scrollTop") - before) < 150, "nobody asked for the first row"
    main.evaluate("(main) => { main.scrollTop = main.scrollHeight }")
    expect(frame.locator(CANVAS.format(run="clean"))).to_have_count(0)
    page.keyboard.press("n")
    canvas = frame.locator(".tile.focused").locator(CANVAS.format(run="clean") + "[data-sample='1'][data-ready=true]")
    expect(canvas).to_be_in_viewport(ratio=0.5)


def test_more_pictures_than_the_page_keeps_are_fetched_once_and_maps_come_whole(page: Page, tmp_path: Path) -> None:
    count, side = 72, 1024  # 288 MiB of pixels, of 256
    ramp = np.linspace(0, 150, side, dtype=np.uint8)
    images = np.stack([np.broadcast_to((ramp + index)[:, None, None], (side, side, 3)) for index in range(count)])
    with SummaryWriter(str(tmp_path / "run")) as writer:
        for step in (0, 10):
            maps = np.random.default_rng(step).random((count, 4, 4), np.float32)
            add_gradcam(writer, "val", images, maps, step, labels=[0] * count, predictions=[0] * count)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/gradcam/")[2]))
    page.set_viewport_size({"width": 1600, "height": 1200})
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        frame = look(page, server, tileSize=96)
        frame.wait_for_function(
            "(count) => document.querySelectorAll('[data-testid=tile-canvas][data-ready=true]').length === count",
            arg=count,
        )
        at_rest(page)
        assert sum(one.startswith("image?") for one in asked) == count
        assert any(one.startswith("maps?") and "step=" not in one for one in asked)


# The page waits three seconds for pictures: by its clock, which is twenty times slower here.
SLOW_CLOCK = "const now = performance.now.bind(performance); performance.now = () => now() / 20;"


def test_whole_series_come_after_the_pictures_that_are_in_sight(page: Page, rich: Server) -> None:
    page.add_init_script(SLOW_CLOCK)
    asked: list[str] = []

    def note(request: Request) -> None:
        route = request.url.partition("/gradcam/")[2]
        if route.startswith(("maps?", "image?")):
            asked.append("step" if "step=" in route else route.partition("?")[0])

    page.on("request", note)
    frame = look(page, rich, runs="clean")
    expect(frame.locator("[data-testid=tile-canvas][data-ready=true]")).to_have_count(Rich.SAMPLES)
    at_rest(page)
    assert asked.count("image") == Rich.SAMPLES
    assert "maps" in asked
    assert asked.index("step") < asked.index("image"), "one step comes first, so that there is something to see"
    assert max(place for place, one in enumerate(asked) if one == "image") < asked.index("maps")
