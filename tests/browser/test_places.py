"""Where the tab is opened: wide and narrow windows, behind a path prefix, in a notebook's frame, under a finger."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser.rest import patient
from tests.browser.tab import TILE, Rich, look
from tests.viewer.server import Server, tensorboard

LAST = Rich.STEPS[-1]
FOCUS = "run=clean&tag=val&sample=2"
SHOWN = TILE.format(sample=2, step=LAST)

# Controls that stick out of the window, or lie under another one, of those that are not scrolled away.
COVERED = """() => [...document.querySelectorAll('button:not(.skip), input, select')].filter((one) => {
  const {left, right, top, bottom} = one.getBoundingClientRect();
  const scrolled = [...document.querySelectorAll('.side, .focus, .main, .strip')].some((box) => {
    const edge = box.getBoundingClientRect();
    return box.contains(one) && (top < edge.top || bottom > edge.bottom || right > edge.right || left < edge.left);
  });
  if (scrolled || !one.checkVisibility({opacityProperty: true}) || one.closest('.main, dialog')) return false;
  if (left < 0 || right > innerWidth) return true;
  const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return !(one.contains(hit) || one.closest('label')?.contains(hit) || hit?.contains(one));
}).map((one) => one.getAttribute('aria-label') ?? one.outerHTML)"""


@pytest.mark.parametrize("width", [1400, 900])
def test_every_control_has_its_place(page: Page, rich: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    frame = look(page, rich, focus=FOCUS)
    frame.locator(".focus .chart").first.wait_for()
    assert frame.evaluate("() => document.documentElement.scrollWidth") <= width
    assert frame.evaluate(COVERED) == []
    top = [one.bounding_box() for one in frame.locator(".top > *:not(.hidden)").all()]
    edges = [(box["x"], box["x"] + box["width"]) for box in top if box]
    assert all(end <= start + 1 for (_, end), (start, _) in pairwise(edges))
    scrubber = frame.locator(".scrubber").bounding_box()
    assert scrubber
    assert scrubber["width"] > 200


def tab_in(page: Page | Frame) -> Frame:
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame
    return frame


def test_behind_a_path_prefix(page: Page, rich_log: Rich) -> None:
    with tensorboard(rich_log.logdir, "true", "--path_prefix", "/x/y") as running:
        assert running.prefix == "/x/y"
        running.wait_for(rich_log.logdir)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://{running.host}:{running.port}/x/y/#gradcam")
        tab_in(page).wait_for_selector(SHOWN)
        ours = [url for url in asked if "gradcam/" in url]
        assert ours
        assert all("/x/y/data/plugin/gradcam/" in url for url in ours)


@pytest.fixture
def notebook(rich: Server) -> Iterator[str]:
    """The address of a page, of another origin as Jupyter's is, with TensorBoard in a frame of 800 pixels' height."""
    url = f"http://{rich.host}:{rich.port}/#gradcam"
    cell = f"<h1>In [1]</h1><iframe src='{url}' width='100%' height='800' frameborder='0'></iframe>"

    class Cell(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(cell.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cell)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_in_a_notebooks_frame(page: Page, notebook: str) -> None:
    page.set_viewport_size({"width": 1000, "height": 1200})
    page.goto(notebook)
    frame = tab_in(tab_in(page))
    frame.wait_for_selector(SHOWN)
    frame.locator("[data-sample='2']").first.click()
    expect(frame.locator(".focus")).to_contain_text("photo 0002")
    frame.get_by_role("button", name="Previous step").click()
    frame.wait_for_selector(TILE.format(sample=2, step=LAST - 20))


def test_by_touch(chromium: Browser, rich: Server) -> None:
    context = chromium.new_context(viewport={"width": 1100, "height": 800}, has_touch=True, is_mobile=True)
    try:
        page = patient(context.new_page())
        frame = look(page, rich)
        lock = frame.locator(".tile", has=frame.locator(SHOWN)).first.get_by_role("button", name="Lock to this step")
        assert lock.evaluate("(it) => getComputedStyle(it).opacity") == "1", "nothing hovers to bring it up"
        lock.tap()
        frame.get_by_role("button", name="Previous step").tap()
        frame.wait_for_selector(TILE.format(sample=4, step=LAST - 20))
        expect(frame.locator(SHOWN)).to_have_count(1)
        frame.locator(f"[data-sample='4'][data-step='{LAST - 20}']").first.tap()
        expect(frame.locator(".focus")).to_contain_text("photo 0004")
        large = frame.get_by_test_id("focus-canvas")
        box = large.bounding_box()
        assert box
        page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
        expect(frame.get_by_label("Row of the pinned cell")).to_have_value("1")
        expect(frame.get_by_label("Column of the pinned cell")).to_have_value("1")
        slider = frame.get_by_role("slider", name="Opacity").bounding_box()
        assert slider
        page.touchscreen.tap(slider["x"] + slider["width"] / 2, slider["y"] + slider["height"] / 2)
        expect(frame.get_by_label("Opacity, as a number")).to_have_value("0.5")
    finally:
        context.close()


def test_two_fingers_zoom_all_pictures(chromium: Browser, rich: Server) -> None:
    context = chromium.new_context(viewport={"width": 1000, "height": 800}, has_touch=True, is_mobile=True)
    try:
        page = patient(context.new_page())
        frame = look(page, rich)
        box = frame.locator(SHOWN).first.bounding_box()
        assert box
        x, y, apart = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 8
        session = context.new_cdp_session(page)

        def touch(kind: str, *distances: float) -> None:
            points = [{"x": x + sign * distance, "y": y} for distance in distances for sign in (-1, 1)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", apart)
        for times in (1.5, 2, 2.5, 3):
            touch("touchMove", times * apart)
        touch("touchEnd")
        expect(frame.get_by_test_id("zoom")).to_have_text("300 %")
        assert page.evaluate("() => visualViewport.scale") == 1, "the page itself stays as it is"
        assert frame.locator(".focus").count() == 0
    finally:
        context.close()
