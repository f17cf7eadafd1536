"""The way that the centre of the evidence takes over the steps, drawn over the picture in focus."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.tab import Rich, look
from tests.viewer.server import Server

SAMPLE = 2
TRAIL = ".pictures > .picture [data-testid=trail]"


def centers(log: Rich) -> np.ndarray:
    """Centres of mass of the sample's evidence by a plain sum, (steps, 2), x first."""
    maps = np.maximum(np.stack([log.maps["clean", step, "layer4"][SAMPLE] for step in Rich.STEPS]), 0)
    places = (np.arange(7) + 0.5) / 7
    x = (maps.sum(1) * places).sum(1) / maps.sum((1, 2))
    y = (maps.sum(2) * places).sum(1) / maps.sum((1, 2))
    return np.stack([x, y], axis=1)


def drawn(frame: Frame) -> np.ndarray:
    """The corners of the way, as fractions of the picture."""
    path = frame.locator(f"{TRAIL} .held").get_attribute("d") or ""
    return np.array([[float(one) for one in place.split(",")] for place in path.strip("M").split("L")])


def test_the_trail_is_the_way_of_the_centre_and_is_dragged_along(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich, runs="clean", focus=f"run=clean&tag=val&sample={SAMPLE}", step=100)
    expect(frame.locator(TRAIL)).to_have_count(0)
    page.keyboard.press("t")
    expect(frame.get_by_role("button", name="Trail")).to_have_attribute("aria-pressed", "true")
    frame.locator(TRAIL).wait_for(state="attached")
    expected = centers(rich_log)
    assert drawn(frame) == pytest.approx(expected, abs=0.01)  # maps are stored in 8 bits
    assert frame.locator(f"{TRAIL} path[stroke]:not(.here)").count() == Rich.STEPS.index(100), "up to the shown step"
    box = frame.locator(TRAIL).bounding_box()
    assert box

    def at(step: int) -> tuple[float, float]:
        x, y = expected[Rich.STEPS.index(step)]
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*at(100))
    page.mouse.down()
    for step in (120, 140, 160):
        page.mouse.move(*at(step))
        expect(frame.get_by_test_id("step-input")).to_have_value(str(step))
    page.mouse.up()
    page.mouse.move(*at(20))
    expect(frame.get_by_test_id("step-input")).to_have_value("160")
    assert "pin" not in page.url, "a drag along the trail pins nothing"
    page.keyboard.press("f")
    expect(frame.locator(f".focus.full {TRAIL}")).to_have_count(1)
