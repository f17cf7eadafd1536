"""Which view the page opens, how it is left and come back to, and that nothing leads to a blank page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, expect

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.rest import at_rest, patient
from tests.browser.tab import TILE, Rich, go_to, look, opened
from tests.viewer.server import Server, tensorboard

LAST = Rich.STEPS[-1]
FOCUS = "run=clean&tag=val&sample=2"


def log(run: Path, seed: int, count: int = 4, base: int = 0, wall: int = 0) -> None:
    """`count` samples whose pictures are those of `base`, with one step."""
    images = np.random.default_rng(base).integers(0, 255, (count, 32, 32, 3), np.uint8)
    maps = np.random.default_rng(seed).random((count, 4, 4), np.float32)
    add_gradcam(str(run), "val", images, maps, 10, labels=[0] * count, predictions=[0] * count)


def test_runs_of_the_same_samples_open_side_by_side_and_fill_the_width(page: Page, rich: Server) -> None:
    frame = opened(page, rich)
    expect(frame.locator(".strips")).to_have_attribute("data-abreast", "3")
    strips = frame.locator(".strip-of")
    expect(strips).to_have_count(Rich.SAMPLES)
    assert strips.first.locator("canvas").evaluate_all("(all) => all.map((one) => one.dataset.run)") == [
        "clean",
        "shortcut",
    ]
    main, third = frame.locator(".main").bounding_box(), strips.nth(2).bounding_box()
    assert main
    assert third
    assert main["x"] + main["width"] - third["x"] - third["width"] <= 32


def test_one_run_and_runs_of_other_samples_open_as_a_grid(page: Page, rich: Server, tmp_path: Path) -> None:
    frame = opened(page, rich, "gradcam&p.gradcam.runs=clean")
    expect(frame.locator(".grid")).to_have_count(1)
    for seed, run in enumerate("ab"):
        log(tmp_path / run, seed, base=seed)
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        frame = opened(page, server)
        expect(frame.locator(".grid")).to_have_count(2)


def test_back_and_forward_go_through_views_and_not_through_steps(page: Page, rich: Server) -> None:
    frame = opened(page, rich)
    length = page.evaluate("history.length")
    frame.locator(".center").get_by_text("Grid", exact=True).click()
    page.wait_for_function("location.hash.includes('p.gradcam.view=grid')")
    go_to(frame, 100)
    page.wait_for_function("location.hash.includes('p.gradcam.step=100')")
    frame.locator("[data-run=clean]" + TILE.format(sample=2, step=100)).click()
    expect(frame.locator(".focus")).to_contain_text("photo 0002")
    page.wait_for_function("location.hash.includes('p.gradcam.focus=')")
    assert page.evaluate("history.length") == length + 2, "two views; the step replaces"
    page.go_back()
    expect(frame.locator(".focus")).to_have_count(0)
    expect(frame.get_by_test_id("step-input")).to_have_value("100")
    page.go_back()
    expect(frame.locator(".strips")).to_have_count(1)
    page.go_forward()
    expect(frame.locator(".grid")).to_have_count(2)
    page.go_forward()
    expect(frame.locator(".focus")).to_contain_text("photo 0002")
    assert frame.evaluate("history.length") == page.evaluate("history.length"), "the frame has no entries of its own"


def test_the_newest_of_many_runs_are_shown_and_the_others_counted(page: Page, tmp_path: Path) -> None:
    for seed in range(7):
        log(tmp_path / f"run{seed}", seed)
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        frame = look(page, server)
        runs = frame.get_by_role("region", name="Runs")
        checked = runs.get_by_role("checkbox", checked=True)
        expect(checked).to_have_count(5)
        expect(runs.get_by_role("checkbox", name="run0")).not_to_be_checked()
        expect(runs.get_by_test_id("left-out")).to_have_text("2 of 7 runs left out")
        runs.get_by_role("button", name="all runs").click()
        expect(checked).to_have_count(7)
        runs.locator(".run", has=page.get_by_role("checkbox", name="run3")).hover()
        runs.get_by_role("button", name="only this: run3").click()
        expect(checked).to_have_count(1)
        runs.get_by_role("button", name="none of the runs").click()
        expect(frame.locator(".nothing")).to_have_text("No run is selected. Show the newest runs")
        frame.get_by_role("button", name="Show the newest runs").click()
        expect(checked).to_have_count(5)


def test_a_run_that_starts_later_joins_and_is_said(page: Page, tmp_path: Path) -> None:
    log(tmp_path / "first", 0)
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        frame = look(page, server, runs="first")
        log(tmp_path / "second", 1)
        expect(frame.get_by_text("1 run is new: second")).to_be_visible()
        expect(frame.locator("canvas[data-run=second][data-ready=true]")).to_have_count(4)


def test_runs_that_are_gone_from_the_log_leave_words(page: Page, rich: Server) -> None:
    page.goto(f"http://{rich.host}:{rich.port}/data/plugin_entry.html?name=gradcam#gradcam&p.gradcam.runs=deleted")
    expect(page.locator(".nothing")).to_contain_text("Run deleted is no longer in the log.")
    page.get_by_role("button", name="Show the newest runs").click()
    page.wait_for_selector("[data-testid=tile-canvas][data-ready=true]")


def test_the_tile_in_focus_stays_in_sight(page: Page, rich: Server) -> None:
    page.set_viewport_size({"width": 1400, "height": 500})
    frame = look(page, rich, runs="clean")
    last = frame.locator(TILE.format(sample=11, step=LAST))
    frame.locator(".main").evaluate("(main) => main.scrollTo(0, 1e9)")
    last.click()
    expect(frame.locator(".focus")).to_contain_text("photo 0011")
    at_rest(page)
    expect(last).to_be_in_viewport(ratio=0.5)
    frame = look(page, rich, view="compare", focus="run=shortcut&tag=val&sample=11")
    expect(frame.locator("[data-run=shortcut]" + TILE.format(sample=11, step=LAST))).to_be_in_viewport(ratio=0.5)


def test_the_panel_in_focus_is_widened_by_its_edge_and_fills_the_window(page: Page, rich: Server) -> None:
    frame = look(page, rich, focus=FOCUS)
    panel = frame.locator(".focus")
    edge = panel.get_by_role("separator")
    edge.press("ArrowLeft")
    expect(edge).to_have_attribute("aria-valuenow", "552")
    box = edge.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, 400)
    page.mouse.down()
    page.mouse.move(box["x"] - 97, 400)
    page.mouse.up()
    width = panel.bounding_box()
    assert width
    assert 630 <= width["width"] <= 672
    page.keyboard.press("f")
    expect(frame.locator(".focus.full")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(frame.locator(".focus.full")).to_have_count(0)
    expect(panel).to_contain_text("photo 0002")


def test_the_first_screen_has_all_it_needs_without_scrolling_the_panel(page: Page, rich: Server) -> None:
    page.set_viewport_size({"width": 1400, "height": 836})  # 900 less TensorBoard's own
    frame = look(page, rich, view="compare")
    choices = frame.locator(".side .choices")
    assert choices.evaluate("(it) => it.scrollHeight - it.clientHeight") <= 0
    first = frame.locator("canvas[data-ready=true]").first.bounding_box()
    assert first
    assert first["y"] <= 260
    frame.get_by_role("button", name="Collapse the panel").click()
    expect(frame.locator(".rail")).to_be_visible()
    frame.get_by_role("button", name="Expand the panel").click()
    frame.get_by_role("slider", name="Opacity").fill("0.3")
    frame.get_by_role("button", name="Reset").click()
    page.wait_for_function("!location.hash.includes('opacity')")


def test_a_link_that_can_not_be_copied_is_shown_selected(page: Page, rich: Server) -> None:
    page.add_init_script(
        "delete Navigator.prototype.clipboard; Document.prototype.execCommand = () => false;"  # as over plain http
    )
    frame = look(page, rich)
    frame.get_by_test_id("copy-link").click()
    box = frame.get_by_label("Link to this view, selected for copying")
    expect(box).to_be_focused()
    assert f"p.gradcam.step={LAST}" in box.input_value()
    assert box.evaluate("(it) => it.selectionEnd - it.selectionStart") == len(box.input_value())


def test_old_links_still_open(page: Page, rich: Server) -> None:
    """As the first edition wrote them: a grid had no name, classes and sizes were as now."""
    frame = opened(
        page, rich, "gradcam&p.gradcam.step=100&p.gradcam.focus=run%3Dclean%26tag%3Dval%26sample%3D2"
        "&p.gradcam.tileSize=148&p.gradcam.sort=loss&p.gradcam.overview=1&p.gradcam.mode=contour",
    )  # fmt: skip
    expect(frame.locator(".focus")).to_contain_text("photo 0002")
    expect(frame.get_by_test_id("step-input")).to_have_value("100")


def test_nothing_that_is_asked_for_in_normal_use_fails(chromium: Browser, tmp_path: Path) -> None:
    """Also where nothing was predicted."""
    rng = np.random.default_rng(0)
    add_gradcam(str(tmp_path / "a"), "val", rng.integers(0, 255, (3, 32, 32, 3), np.uint8), rng.random((3, 4, 4)), 7)
    log(tmp_path / "b", 0)
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        page = patient(chromium.new_page(viewport={"width": 1400, "height": 900}))
        failed: list[str] = []
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        try:
            frame = opened(page, server)
            for view in ("Grid", "Compare", "A / B", "Grid"):
                frame.locator(".center").get_by_text(view, exact=True).click()
            frame.locator("[data-testid=tile]").first.click()
            frame.locator(".focus").wait_for()
            page.wait_for_load_state("networkidle")
        finally:
            page.close()
    assert failed == []
