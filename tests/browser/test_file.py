"""The exported page: the tab's own viewer from one file, from disk, without a request."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from tensorboard_plugin_gradcam.exports import export
from tests.browser.tab import Rich, go_to, hash_of, look, pixels, tile
from tests.viewer.server import Server

LAST = Rich.STEPS[-1]
CANVAS = "[data-testid=tile-canvas][data-run=clean][data-sample='2'][data-step='{step}'][data-ready=true]"


def test_a_file_shows_all_views_and_keeps_its_place_without_asking_for_anything(
    page: Page, rich_log: Rich, tmp_path: Path
) -> None:
    file = export(rich_log.logdir, tmp_path / "a page.html", title="</script><b>")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri() + hash_of({"view": "grid"}))
    expect(page).to_have_title("</script><b>")
    expect(tile(page.main_frame, "clean", 2, LAST)).to_be_visible()
    go_to(page.main_frame, 100)
    expect(tile(page.main_frame, "clean", 2, 100)).to_be_visible()
    for name, shown in (("Compare", ".strips"), ("A / B", "[data-testid=ab]"), ("Atlas", ".atlas canvas")):
        page.locator(".center").get_by_text(name, exact=True).click()
        expect(page.locator(shown).first).to_be_visible()
    page.locator(".center").get_by_text("Findings", exact=True).click()
    expect(page.locator(".findings li").first).to_be_visible()
    expect(page).to_have_url(re.compile("view=findings"))
    page.get_by_label("shortcut", exact=True).uncheck()  # one run alone has findings of its own
    expect(page).to_have_url(re.compile("runs=clean"))
    expect(page.locator(".findings .summary")).not_to_contain_text("shortcut")
    page.go_back()
    expect(page.get_by_label("shortcut", exact=True)).to_be_checked()
    expect(page.get_by_test_id("step-input")).to_have_value("100")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".findings li").first).to_be_visible()
    expect(page.get_by_test_id("step-input")).to_have_value("100")
    assert [url.partition("#")[0] for url in asked] == 2 * [file.as_uri()]


def test_a_tile_of_the_file_has_the_pixels_of_the_tab(page: Page, rich: Server, rich_log: Rich, tmp_path: Path) -> None:
    look(page, rich, step=100)
    expected = pixels(page.main_frame, CANVAS.format(step=100))
    file = export(rich_log.logdir, tmp_path / "page.html", lossless=True, steps="60-140")
    page.goto(file.as_uri() + hash_of({"view": "grid", "step": 100}))
    found = pixels(page.main_frame, CANVAS.format(step=100))
    np.testing.assert_array_equal(found, expected)
