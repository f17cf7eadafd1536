"""How maps are drawn, and what is read off them, against the maps that were logged."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tensorboard_plugin_gradcam.heatmap import dimmed_gray
from tests.browser.rest import patient
from tests.browser.tab import TILE, Rich, look, pixels, pixels_of, tile, turn_to
from tests.viewer.server import Server

LAST = Rich.STEPS[-1]
CLEAN = "[data-run=clean]" + TILE.format(sample=0, step=LAST)


SETTINGS: list[dict[str, object]] = [
    {"opacity": 0.3}, {"photo": "color"}, {"mode": "spotlight"}, {"mode": "image"}, {"mode": "map"}, {"gamma": 3},
    {"alpha": "constant"}, {"colorMap": "viridis"}, {"smooth": 0}, {"threshold": 0.5},
    {"thresholdBy": "area", "threshold": 0.1}, {"scale": "series"},
]  # fmt: skip


def test_each_setting_changes_the_picture_at_once(page: Page, rich: Server) -> None:
    frame = look(page, rich, step=100)
    canvas = CLEAN.replace(str(LAST), "100")
    before = pixels(frame, canvas).astype(int)
    for settings in SETTINGS:
        turn_to(frame, **{"step": 100, **settings})
        after = pixels(frame, canvas).astype(int)
        assert np.abs(before - after).max() > 10, settings


def test_unsmoothed_the_cells_are_squares_of_one_colour(page: Page, rich: Server) -> None:
    column = pixels(look(page, rich, mode="map", smooth=0), CLEAN)[48].astype(int)
    changes = np.flatnonzero(np.abs(np.diff(column, axis=0)).max(axis=1))
    assert set(changes + 1) <= {-(-96 * cell // 7) for cell in range(1, 7)}


def test_the_top_share_of_the_area_is_what_is_shown_and_read_out(page: Page, rich: Server) -> None:
    frame = look(page, rich, thresholdBy="area", threshold=0.1, mode="map")
    picture = pixels(frame, CLEAN)
    shown = (picture.max(axis=2) > 0).mean()
    text = frame.locator("[data-testid=area]").first.inner_text()
    assert shown == pytest.approx(0.1, abs=0.015)
    assert float(text.removesuffix(" %")) == pytest.approx(10, abs=1)
    assert frame.locator("[data-testid=outline]").first.get_attribute("d")


def test_the_colour_bar_has_the_raw_values_of_the_map(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich, more=1)
    frame.wait_for_selector(CLEAN)
    low, _, high = (float(text) for text in frame.locator("[data-testid=color-numbers] span").all_inner_texts())
    logged = rich_log.maps["clean", LAST, "layer4"][0]
    assert low == pytest.approx(max(logged.min(), 0), abs=0.01)
    assert high == pytest.approx(logged.max(), rel=0.01)
    assert "jet (legacy" in frame.get_by_role("combobox", name="Colors").inner_text()


def test_sliders_can_be_pressed_and_typed(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    frame.get_by_role("button", name="Less opacity").click()
    page.wait_for_function("location.hash.includes('p.gradcam.opacity=0.95')")
    frame.get_by_label("Opacity, as a number").fill("0.2")
    frame.get_by_label("Opacity, as a number").press("Enter")
    page.wait_for_function("location.hash.includes('p.gradcam.opacity=0.2')")


def test_the_value_under_the_cursor_is_read_off_every_tile(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich)
    box = frame.locator(CLEAN).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.2)  # cell 1, 6 of 7 x 7
    for run in ("clean", "shortcut"):
        reading = tile(frame, run, 2, LAST).locator("[data-testid=reading]")
        expect(reading).to_have_attribute("data-cell", "1, 6")
        logged = rich_log.maps[run, LAST, "layer4"][2]
        value, rank = re.fullmatch(r"(\S+) · p(\d+)", reading.inner_text()).groups()  # type: ignore[union-attr]
        span = float(logged.max() - logged.min())
        assert float(value) == pytest.approx(float(logged[1, 6]), abs=span / 250)  # 8 bits, three digits
        assert int(rank) == pytest.approx(100 * (logged <= logged[1, 6] + span / 500).mean(), abs=1)


def test_ground_truth_boxes_and_masks_are_drawn_where_they_are(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich)
    frame.wait_for_selector(CLEAN)
    shapes = [
        tile(frame, "clean", sample, LAST).locator(f"[data-testid=truth] {shape}")
        for sample, shape in ((0, "rect"), (1, "path"))
    ]
    for shape, middle, size in zip(shapes, rich_log.objects, (0.4, 2 * 0.03**0.5), strict=False):
        box = shape.evaluate("(it) => { const {x, y, width, height} = it.getBBox(); return [x, y, width, height]; }")
        assert [box[0] + box[2] / 2, box[1] + box[3] / 2] == pytest.approx(list(middle), abs=0.01)
        assert box[2:] == pytest.approx([size, size], abs=0.03)


def test_odd_maps_are_marked(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    words = {3: ["all negative"], 5: ["flat"], 7: ["no finite value"], 9: ["all zero"], 0: []}
    for sample, expected in words.items():
        shown = tile(frame, "clean", sample, LAST)
        expect(shown).to_be_visible()
        assert shown.locator(".mark:not(.area):not(.reading)").all_inner_texts() == expected


def test_a_map_that_is_all_but_zero_beside_its_series_is_faint_and_noise_is_no_peak(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    weak = tile(frame, "clean", 11, LAST)
    expect(weak.locator("[data-testid=said]")).to_contain_text("faint, ")
    photograph = dimmed_gray(pixels(look(page, rich, mode="image"), CLEAN.replace("='0'", "='11'")))
    drawn = pixels(look(page, rich), CLEAN.replace("='0'", "='11'"))
    assert np.abs(drawn.astype(int) - photograph).max() <= 2, "expected no heat where there is next to none"
    alone = pixels(look(page, rich, scale="sample", threshold=0.9), CLEAN.replace("='0'", "='11'"))
    assert np.abs(alone.astype(int) - photograph).max() > 50, "a scale of its own still shows where it is"


def test_a_tile_says_its_scale_where_each_map_has_its_own(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich)
    said = float(tile(frame, "clean", 0, LAST).locator("[data-testid=own-scale]").inner_text())
    assert said == pytest.approx(float(rich_log.maps["clean", LAST, "layer4"][0].max()), rel=0.01)
    assert look(page, rich, scale="series").locator("[data-testid=own-scale]").count() == 0


def test_lines_over_pictures_are_light_on_dark(page: Page, rich: Server) -> None:
    truth = tile(look(page, rich), "clean", 0, LAST).locator("svg g:has(> rect)")
    colors = truth.evaluate_all("(all) => all.map((one) => getComputedStyle(one).stroke)")
    widths = truth.evaluate_all("(all) => all.map((one) => parseFloat(getComputedStyle(one).strokeWidth))")
    assert colors == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert widths[0] >= widths[1] + 2


def test_contours_are_as_wide_on_any_screen_and_drawn_for_its_pixels(chromium: Browser, rich: Server) -> None:
    wide = {}
    for ratio in (1, 2):
        page = patient(chromium.new_page(device_scale_factor=ratio))
        canvas = look(page, rich, mode="contour").locator(CLEAN).first
        width, shown = canvas.evaluate("(it) => [it.width, it.clientWidth * devicePixelRatio]")
        assert width >= shown - 1
        colored = np.ptp(pixels_of(canvas).astype(int), axis=2) > 60
        wide[ratio] = colored.mean()
        page.close()
    assert wide[2] == pytest.approx(wide[1], rel=0.25)
