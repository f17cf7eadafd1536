"""One walk through everything, on both of TensorBoard's loaders."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.tab import LAST, TILE, at_size, go_to, opened, pixels
from tests.viewer.server import Server

CANVAS = "[data-run='first']" + TILE


def test_a_walk_through_everything(page: Page, server: Server) -> None:
    frame = opened(page, server)
    drawn = pixels(frame, CANVAS.format(sample=0, step=LAST)).astype(int)

    # What is shown, and how.
    frame.get_by_role("checkbox", name="second").uncheck()
    expect(frame.locator("[data-run='second']")).to_have_count(0)
    frame.get_by_role("combobox", name="Look").select_option("contour")
    frame.get_by_role("button", name="More", exact=True).click()
    frame.get_by_label("Threshold, as a number").fill("0.5")
    frame.get_by_label("Threshold, as a number").press("Enter")
    lines = at_size(pixels(frame, CANVAS.format(sample=0, step=LAST)), len(drawn))
    assert np.abs(lines.astype(int) - drawn).max() > 20
    frame.get_by_role("combobox", name="Look").select_option("overlay")

    # Through the steps.
    go_to(frame, 10)
    frame.wait_for_selector(CANVAS.format(sample=0, step=10))
    frame.get_by_test_id("play").click()
    frame.wait_for_function("document.querySelector('[data-testid=step-input]').value > 10")
    frame.get_by_test_id("play").click()
    go_to(frame, 20)

    # One sample closely, and few of them.
    frame.locator(".tile .open").first.click()
    expect(frame.get_by_test_id("focus-canvas")).to_have_attribute("data-ready", "true")
    expect(frame.get_by_test_id("chart").first).to_be_visible()
    with page.expect_download() as saved:
        frame.locator(".focus").get_by_role("button", name="PNG").click()
    assert Image.open(saved.value.path()).size == (100, 100)
    frame.locator(".focus").get_by_role("button", name="Close").click()
    frame.get_by_test_id("search").fill("temple")
    expect(frame.locator(".group .hint")).to_contain_text(re.compile(r"\d of 8"))
    frame.get_by_test_id("search").fill("")

    # Side by side, and two at one place.
    frame.get_by_role("checkbox", name="second").check()
    frame.locator(".center").get_by_text("Compare", exact=True).click()
    frame.get_by_test_id("columns").select_option("step")
    frame.wait_for_selector(".strips " + CANVAS.format(sample=0, step=0))
    frame.locator(".center").get_by_text("A / B", exact=True).click()
    frame.wait_for_selector(".layer-b canvas[data-run='second'][data-ready=true]")
    frame.locator(".center").get_by_text("Difference", exact=True).click()
    frame.wait_for_selector("[data-testid=difference][data-ready=true]")
    assert -1 <= float(frame.get_by_test_id("cc").inner_text()) <= 1

    # The link has all of it, and the theme is TensorBoard's.
    page.wait_for_function("location.hash.includes('p.gradcam.abMode=difference')")
    page.evaluate("document.body.classList.add('dark-mode')")
    frame.wait_for_selector("[data-testid=difference][data-theme=dark]")
    page.reload()
    again = page.wait_for_selector("iframe").content_frame()
    assert again
    again.wait_for_selector("[data-testid=difference][data-ready=true]")
    expect(again.get_by_test_id("step-input")).to_have_value("20")
