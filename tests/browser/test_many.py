"""Only what can be seen is made, fetched and drawn, and what is looked for comes into sight."""

from __future__ import annotations

from playwright.sync_api import Frame, Page, Request, expect

from tests.browser.tab import Rich, look
from tests.viewer.server import Server

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


def test_whole_series_come_after_the_pictures_that_are_in_sight(page: Page, rich: Server) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        route = request.url.partition("/gradcam/")[2]
        if route.startswith(("maps?", "image?")):
            asked.append("step" if "step=" in route else route.partition("?")[0])

    page.on("request", note)
    frame = look(page, rich, runs="clean")
    frame.wait_for_function("() => !document.querySelector('[data-testid=tile-canvas][data-ready=false]')")
    page.wait_for_timeout(500)
    assert asked.count("image") == Rich.SAMPLES
    assert "maps" in asked
    assert asked.index("step") < asked.index("image"), "one step comes first, so that there is something to see"
    assert max(place for place, one in enumerate(asked) if one == "image") < asked.index("maps")
