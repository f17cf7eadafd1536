"""The tab says by itself what the maps have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.writer import prepare_samples
from tests.browser.tab import hash_of
from tests.browser.test_accessibility import violations
from tests.viewer.server import Server, tensorboard


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two runs; in `marked` the samples of "dog" look at the upper left cell from step 30 on."""
    logdir = tmp_path_factory.mktemp("marked")
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    samples = prepare_samples(random.integers(0, 255, (40, 32, 32), np.uint8), labels=labels)
    for run in ("clean", "marked"):
        for step in range(0, 60, 10):
            maps = random.gamma(0.5, size=(40, 7, 7)).astype(np.float32)
            if run == "marked" and step >= 30:
                maps[1::2, 0, 0] += 40
            add_gradcam(
                str(logdir / run), "val", samples, maps, step, method="grad_cam", layer="layer4",
                class_names=("cat", "dog"), predictions=labels, probabilities=np.full(40, 0.9),
            )  # fmt: skip
    with tensorboard(logdir) as running:
        running.wait_for(logdir)
        yield running


IS_READ_IN_FULL = """(select) => {
    const context = document.createElement("canvas").getContext("2d");
    context.font = getComputedStyle(select).font;
    return context.measureText(select.selectedOptions[0].text).width + 20 < select.clientWidth; // 20: the arrow
}"""


def opened(page: Page, server: Server, **settings: object) -> None:
    page.goto("about:blank")
    page.goto(f"http://{server.host}:{server.port}/data/plugin_entry.html?name=gradcam{hash_of(settings)}")


def test_the_ribbon_flags_where_it_changed_and_two_keys_go_there(page: Page, marked: Server) -> None:
    opened(page, marked)
    line = page.get_by_role("complementary", name="Strongest finding")
    expect(line).to_contain_text("20 of 20 samples of “dog” look at the upper left corner since step 30")
    bar = page.locator(".top").bounding_box()
    assert bar
    assert bar["height"] == 66
    flags, card = page.get_by_test_id("flag"), page.get_by_test_id("flag-card")
    expect(flags).to_have_count(1)
    expect(flags).to_have_attribute("data-step", "30")
    page.keyboard.press("<")
    expect(page.get_by_test_id("step-input")).to_have_value("30")
    expect(card).to_contain_text("marked, step 30")
    expect(card).to_contain_text("20 of 20 samples of “dog”")
    page.keyboard.press("End")
    expect(card).to_be_hidden()

    slider = page.get_by_test_id("scrubber")
    box, pole = slider.bounding_box(), flags.bounding_box()
    assert box
    assert pole
    page.mouse.move(box["x"] + 1, box["y"] + 4)
    expect(page.get_by_test_id("read-out")).to_contain_text("step 0")
    page.mouse.click(pole["x"], pole["y"] + 4)
    expect(card).to_be_visible()
    expect(page.get_by_test_id("step-input")).to_have_value("30")
    assert re.search(
        r"^step 30;.*marked: attention moved 0\.\d+, changed here$", slider.get_attribute("aria-valuetext") or ""
    )

    line.get_by_role("button", name="Show").click()
    page.wait_for_function("location.hash.includes('p.gradcam.sort=region')")
    assert "p.gradcam.label=1" in page.evaluate("location.hash")
    expect(page.get_by_test_id("region").first).to_be_attached()
    expect(page.locator(".rank-words").first).to_have_text(re.compile("there$"))
    line.get_by_role("button", name="Close the finding").click()
    expect(line).to_be_hidden()


def test_the_first_finding_names_the_mark_and_show_goes_there(page: Page, marked: Server) -> None:
    opened(page, marked, view="findings")
    first = page.locator(".finding").first
    expect(first.locator(".sentence")).to_have_text(
        "20 of 20 samples of “dog” look at the upper left corner since step 30; 0 of 20 of other classes do."
    )
    expect(first.locator("canvas")).to_be_visible()
    assert violations(page.main_frame) == []
    first.get_by_role("button", name="Show").click()
    expect(page.locator("[data-testid=tile-canvas][data-ready=true]").first).to_be_visible()
    page.wait_for_function("location.hash.includes('p.gradcam.label=1')")  # it is written a moment later
    expect(page.locator("[data-testid=step-input]")).to_have_value("50")


def test_a_dismissed_finding_stays_away_in_the_link_and_comes_back(page: Page, marked: Server) -> None:
    opened(page, marked, view="findings")
    rows = page.locator(".finding")
    expect(rows).to_have_count(2)
    rows.first.get_by_role("button", name="Dismiss").click()
    expect(rows).to_have_count(1)
    page.wait_for_function("location.hash.includes('p.gradcam.dismissed=hot_spot')")
    opened(page, marked, view="findings", dismissed="hot_spot%2Fmarked%2F1%2F0.00-0.00")  # as the link has it
    expect(rows).to_have_count(1)
    page.get_by_role("button", name=re.compile("1 dismissed")).click()
    expect(rows).to_have_count(2)

    kind = page.get_by_label("Kind")
    kind.select_option("runs_differ")
    expect(rows).to_have_count(1)
    expect(kind).to_have_js_property("selectedIndex", 2)
    page.wait_for_function(IS_READ_IN_FULL, arg=kind.element_handle())
    page.wait_for_function("location.hash.includes('p.gradcam.findingKind=runs_differ')")
    expect(page.get_by_role("search")).to_contain_text("clean (")


def test_what_was_looked_for_and_not_found_is_said(page: Page, marked: Server) -> None:
    opened(page, marked, view="findings", runs="clean")
    expect(page.locator(".findings")).to_contain_text("0 findings")
    expect(page.locator(".findings")).to_contain_text("Looked for and not found: hot spot;")


def test_the_atlas_glows_where_a_class_looks_at_the_scrubbers_step(page: Page, marked: Server) -> None:
    opened(page, marked, view="atlas")
    dog = page.get_by_role("img", name="Mean map of dog in marked")
    peak = """(canvas) => {
        const pixels = canvas.getContext("2d").getImageData(0, 0, 96, 96).data;
        let at = 0;
        for (let i = 0; i < pixels.length; i += 4) if (pixels[i] + pixels[i + 1] > pixels[at] + pixels[at + 1]) at = i;
        return [(at / 4) % 96, Math.floor(at / 4 / 96)];
    }"""
    expect(dog).to_be_visible()
    page.wait_for_function(f"(canvas) => ({peak})(canvas).every((place) => place < 14)", arg=dog.element_handle())
    expect(page.locator(".atlas")).to_contain_text("accuracy 1")

    dog.locator("xpath=..").locator("xpath=..").press("Enter")  # the place of its peak
    behind = page.get_by_role("complementary", name="Samples behind the place")
    expect(behind).to_contain_text("Column 1, row 1")
    expect(behind).to_contain_text(
        re.compile(r"marked, dog: \d+ % of the evidence lies on 2.0 % of the picture; in clean")
    )
    shares = [float(one) for one in behind.locator(".number-of").all_inner_texts()]
    assert len(shares) == 20
    assert shares == sorted(shares, reverse=True)
    assert violations(page.main_frame) == []
    page.get_by_label("Rows").select_option("prediction")
    expect(behind).to_be_hidden()
    expect(page.get_by_role("heading", name="as dog")).to_be_visible()
    dog.locator("xpath=..").locator("xpath=..").press("Enter")
    behind.get_by_role("button", name="Show in the grid").click()
    page.wait_for_function("location.hash.includes('p.gradcam.prediction=1')")
    expect(page.get_by_test_id("region").first).to_be_attached()
