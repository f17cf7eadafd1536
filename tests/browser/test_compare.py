"""Tiles in rows and columns, two of them against each other, and zoom, against the maps that were logged."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
from playwright.sync_api import Frame, Locator, Page, Request, expect

from tensorboard_plugin_gradcam.heatmap import overlay
from tests.browser.tab import Rich, look, opened, pixels
from tests.viewer.server import Server
from tests.writer.logs import ReadLog

LAST = Rich.STEPS[-1]


def headers(frame: Frame, side: str) -> list[str]:
    """What stands over the columns, or beside the rows, of the first table."""
    return frame.locator(f"table >> nth=0 >> th[scope={side}] .name").all_inner_texts()


def cell(frame: Frame, row: int, column: int, table: int = 0) -> Locator:
    return frame.locator(f"table >> nth={table} >> tbody tr >> nth={row} >> td >> nth={column} >> canvas")


def test_rows_and_columns_are_chosen_and_each_cell_is_its_own_map(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = opened(page, rich)
    frame.get_by_text("Compare", exact=True).click()
    frame.wait_for_selector("table")
    assert headers(frame, "col") == ["clean", "shortcut"], "runs differ, so they are compared first"
    assert headers(frame, "row")[:2] == ["Sample 0", "photo 0001"]
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
        expect(canvas).to_have_attribute("data-step", str(steps[2]), timeout=20_000)
        expect(canvas).to_have_attribute("data-ready", "true")
        drawn = pixels(again, f"table >> nth=0 >> [data-layer={layer}][data-step='{steps[2]}']")
        reference = overlay(read.images[cohort.samples[0].image], rich_log.maps["clean", steps[2], layer][0])
        difference = np.abs(drawn.astype(int) - reference).max(axis=2)
        assert (difference <= 4).mean() >= 0.99, "8 bits of the record, and their colours"
    expect(cell(again, 0, 0, table=1)).to_have_attribute("data-sample", "1")  # each sample has its own table


def test_rows_and_columns_are_taken_off_and_put_back(page: Page, rich: Server) -> None:
    frame = look(page, rich, view="compare", rows="sample", columns="step")
    frame.wait_for_selector("table")
    before = headers(frame, "col")
    frame.get_by_role("button", name=f"Leave {before[1]} out").first.click()
    expect(frame.locator("table th[scope=col]")).to_have_count(len(before) - 1)
    frame.get_by_label("Add a column").select_option(label="20")
    expect(frame.locator("table th[data-value='20']")).to_have_count(1)
    frame.get_by_role("button", name="Show all").click()
    expect(frame.locator("table th[scope=col]")).to_have_count(len(before))
    frame.get_by_role("button", name="Swap rows and columns").click()
    expect(frame.locator("table th[scope=row]")).to_have_count(len(before))


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
