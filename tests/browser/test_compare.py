"""Tiles in rows and columns, two of them against each other, and zoom, against the maps that were logged."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Frame, Locator, Page, Request, expect

from tensorboard_plugin_gradcam.heatmap import dimmed_gray, overlay
from tests.browser.tab import Rich, hash_of, look, opened, pixels, tile
from tests.viewer.server import Server
from tests.writer.logs import ReadLog

LAST = Rich.STEPS[-1]


def headers(frame: Frame, side: str) -> list[str]:
    """What stands over the columns, or beside the rows, of the first table."""
    return frame.locator(f"table >> nth=0 >> th[scope={side}] .name").all_inner_texts()


def heads(frame: Frame) -> list[str]:
    """What stands over the tiles of the first column of strips."""
    return frame.locator(".heads .across >> nth=0 >> .name").all_inner_texts()


def cell(frame: Frame, row: int, column: int, table: int = 0) -> Locator:
    return frame.locator(f"table >> nth={table} >> tbody tr >> nth={row} >> td >> nth={column} >> canvas")


def test_rows_and_columns_are_chosen_and_each_cell_is_its_own_map(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = opened(page, rich)
    assert heads(frame) == ["clean", "shortcut"], "runs have the same samples, so they are compared"
    assert frame.locator(".strip-title .name").all_inner_texts()[:2] == ["Sample 0", "photo 0001"]
    frame.get_by_test_id("rows").select_option("layer")
    frame.get_by_test_id("columns").select_option("step")
    frame.wait_for_selector("table th[data-value=layer3]")
    assert headers(frame, "row") == ["layer3", "layer4"]
    steps = [int(text) for text in headers(frame, "col")]
    assert (steps[0], steps[-1], len(steps)) == (0, LAST, 6)
    page.wait_for_function("location.hash.includes('p.gradcam.columns=step')")

    page.reload()
    again = page.wait_for_selector("iframe").content_frame()
    assert again
    read = ReadLog(rich_log.logdir / "clean")
    (cohort,) = read.cohorts.values()
    for row, layer in enumerate(("layer3", "layer4")):
        canvas = cell(again, row, 2)
        expect(canvas).to_have_attribute("data-step", str(steps[2]))
        expect(canvas).to_have_attribute("data-ready", "true")
        drawn = pixels(again, f"table >> nth=0 >> [data-layer={layer}][data-step='{steps[2]}']")
        reference = overlay(read.images[cohort.samples[0].image], rich_log.maps["clean", steps[2], layer][0])
        difference = np.abs(drawn.astype(int) - reference).max(axis=2)
        assert (difference <= 4).mean() >= 0.99, "8 bits of the record, and their colours"
    expect(cell(again, 0, 0, table=1)).to_have_attribute("data-sample", "1")  # each sample has its own table


def test_rows_and_columns_are_taken_off_and_put_back(page: Page, rich: Server) -> None:
    frame = look(page, rich, view="compare", rows="sample", columns="step")
    frame.wait_for_selector(".strips")
    before = heads(frame)
    columns = frame.locator(".heads .across").first.locator(".head")
    frame.get_by_role("button", name=f"Hide {before[1]}").first.click()
    expect(columns).to_have_count(len(before) - 1)
    frame.get_by_label("Add a column").select_option(label="20")
    expect(frame.locator(".heads [data-value='20']")).to_have_count(1)
    frame.get_by_role("button", name="Show all").click()
    expect(columns).to_have_count(len(before))
    frame.get_by_role("button", name="Swap rows and columns").click()
    # Each series has a table of its own; the first is enough, for the others are made as they come near.
    expect(frame.locator("table >> nth=0 >> th[scope=row]")).to_have_count(len(before))


def test_only_cells_in_sight_are_fetched(page: Page, rich: Server) -> None:
    asked: set[str] = set()

    def note(request: Request) -> None:
        query = parse_qs(urlsplit(request.url).query)
        if "/maps?" in request.url:
            asked.update(query.get("samples", ["all"])[0].split(","))

    page.on("request", note)
    frame = look(page, rich, view="compare", rows="run", columns="step")
    cell(frame, 1, 5).wait_for()
    frame.wait_for_load_state("networkidle")
    assert "0" in asked
    assert not {"all", str(Rich.SAMPLES - 1)} & asked
    frame.wait_for_function(
        """(last) => {
            document.querySelector('.main').scrollTo(0, 1e9);
            return document.querySelector(`canvas[data-sample='${last}'][data-ready=true]`);
        }""",
        arg=Rich.SAMPLES - 1,
    )


def masks(rich_log: Rich, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What sample 0 shows of both runs, in [0, 1]."""
    maps = [np.maximum(rich_log.maps[run, step, "layer4"][0], 0) for run in ("clean", "shortcut")]
    first, second = ((one - one.min()) / (one.max() - one.min()) for one in maps)
    return first, second


def test_two_picked_tiles_are_swiped_blinked_and_subtracted(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich, step=100)
    for run in ("clean", "shortcut"):
        one = tile(frame, run, 0, 100)
        one.hover()
        one.get_by_test_id("pick").click()
    expect(frame.get_by_test_id("side-b").get_by_label("Run")).to_have_value("shortcut")
    first, second = (frame.locator(f"{layer} canvas[data-ready=true]") for layer in (".layer-a", ".layer-b"))
    expect(first).to_have_attribute("data-run", "clean")
    expect(second).to_have_attribute("data-run", "shortcut")

    a, b = masks(rich_log, 100)
    cc = float(frame.get_by_test_id("cc").inner_text())
    sim = float(frame.get_by_test_id("sim").inner_text())
    assert cc == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=0.01)
    raw = [np.maximum(rich_log.maps[run, 100, "layer4"][0], 0) for run in ("clean", "shortcut")]
    assert sim == pytest.approx(np.minimum(raw[0] / raw[0].sum(), raw[1] / raw[1].sum()).sum(), abs=0.01)

    stage = frame.locator(".stage").bounding_box()
    assert stage
    frame.get_by_test_id("divider").press("ArrowRight")
    page.mouse.move(stage["x"] + stage["width"] * 0.51, stage["y"] + 30)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.25, stage["y"] + 30)
    page.mouse.up()
    divider = float(frame.get_by_test_id("divider").input_value())
    assert divider == pytest.approx(0.25, abs=0.02)
    clip = frame.locator(".layer-b").evaluate("(it) => getComputedStyle(it).clipPath")
    assert clip == f"inset(0px 0px 0px {100 * divider:.0f}%)"

    frame.locator(".center").get_by_text("Difference", exact=True).click()
    drawn = pixels(frame, "[data-testid=difference][data-ready=true]").astype(int)
    side = drawn.shape[0]
    photograph = pixels(look(page, rich, step=100, mode="image"), tile_canvas(0)).astype(int)
    expected = a - b
    row, column = np.unravel_index(np.abs(expected).argmax(), expected.shape)
    at = ((row + 0.5) * side / 7, (column + 0.5) * side / 7)
    red, _, blue = drawn[int(at[0]), int(at[1])]
    assert (red > blue) == (expected[row, column] > 0), "red where only A looks, blue where only B does"
    near = np.abs(expected).argmin()
    quiet = [int((axis + 0.5) * side / 7) for axis in np.unravel_index(near, expected.shape)]
    back = [int(at * 96 / side) for at in quiet]
    gray = dimmed_gray(photograph.astype(np.uint8)).astype(int)
    assert np.abs(drawn[quiet[0], quiet[1]] - gray[back[0], back[1]]).max() < 40, "no difference, no colour"


def tile_canvas(sample: int) -> str:
    return f"[data-testid=tile-canvas][data-run=clean][data-sample='{sample}'][data-ready=true]"


def test_blinking_waits_to_be_asked_for_where_less_motion_is_wanted(page: Page, rich: Server) -> None:
    shown = "() => document.querySelector('.stage').dataset.shown"
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"http://{rich.host}:{rich.port}/data/plugin_entry.html?name=gradcam{hash_of({'view': 'ab'})}")
    page.locator(".center").get_by_text("Blink", exact=True).click()
    page.wait_for_timeout(1200)
    assert page.evaluate(shown) == "a"
    page.get_by_role("button", name="Show B").click()
    assert page.evaluate(shown) == "b"
    page.get_by_role("button", name="Start blinking").click()
    first, *_, last = page.evaluate(
        """() => new Promise((done) => {
            const times = [];
            const note = () => { if (times.push(performance.now()) === 5) done(times); };
            new MutationObserver(note).observe(document.querySelector('.stage'), {attributeFilter: ['data-shown']});
        })"""
    )
    assert last - first > 1000, "it blinks at 1 Hz, two changes a second; four a second could hurt"


def test_all_pictures_zoom_and_move_together_and_show_true_cells(page: Page, rich: Server) -> None:
    frame = look(page, rich, smooth=0, mode="map", alpha="constant")
    whole = pixels(frame, tile_canvas(0))
    box = frame.locator(tile_canvas(0)).bounding_box()
    assert box
    place = round(box["width"] / 4) / box["width"]  # browsers tell whole pixels
    page.mouse.move(box["x"] + place * box["width"], box["y"] + place * box["height"])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -float(np.log(4)) / 0.005)
    page.keyboard.up("Control")
    expect(frame.get_by_test_id("zoom")).to_have_text("400 %")
    page.wait_for_function("location.hash.includes('p.gradcam.zoom=')")
    for sample in (0, 2):
        zoomed = pixels(frame, tile_canvas(sample)).astype(int)
        side = zoomed.shape[0]
        changes = np.flatnonzero(np.abs(np.diff(zoomed[side // 2], axis=0)).max(axis=1)) + 1
        # 24 of 96 pixels are seen, from this one on: the place stayed where it was.
        edges = [(np.ceil(96 * cell / 7) - 72 * place) * side / 24 for cell in range(1, 7)]
        assert len(changes) in (1, 2)
        assert all(min(abs(change - edge) for edge in edges) <= 1 for change in changes)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    page.mouse.up()
    assert frame.locator(".focus").count() == 0, "the end of a drag opens nothing"
    frame.get_by_role("button", name="Move right").click()
    frame.get_by_role("button", name="Show whole pictures").click()
    expect(frame.get_by_test_id("zoom")).to_have_text("100 %")
    page.wait_for_function("!location.hash.includes('p.gradcam.zoom=')")
    np.testing.assert_array_equal(pixels(frame, tile_canvas(0)), whole)
