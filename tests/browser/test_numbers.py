"""Numbers of the user's own, and the chart that reads numbers out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.tab import look
from tests.browser.test_accessibility import violations
from tests.viewer.server import Server, tensorboard

STEPS = (0, 10, 20, 70)
GAINS = {
    "grad_cam": [0.3, 0.4, 0.5, 0.6],
    "layer_cam": [0.31, 0.39, 0.52, 0.55],
    "hires_cam": [0.1, 0.2, 0.3, 0.4],
    "random_cam": [0.0, 0.05, -0.05, 0.04],
}


def uncertainty(step: int) -> list[float]:
    return [(step + 7 * place) % 100 / 100 for place in range(4)]


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    logdir = tmp_path_factory.mktemp("numbers")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (4, 40, 40, 3), np.uint8)
    for run in ("a", "b"):
        with SummaryWriter(str(logdir / run)) as writer:
            for step in STEPS:
                maps = rng.random((4, 4, 4)).astype(np.float32)
                numbers = {"uncertainty": uncertainty(step)}
                gains = {"measures": {"gain_head": GAINS["grad_cam"]}} if run == "a" else {}
                add_gradcam(
                    writer, "val", pictures, maps, step, outputs=rng.normal(size=(4, 3)), numbers=numbers, **gains
                )
            for method in ("random_cam", "layer_cam", "hires_cam") if run == "a" else ():
                add_gradcam(
                    writer, "val", pictures, maps, STEPS[-1], method=method, measures={"gain_head": GAINS[method]}
                )
    with tensorboard(logdir) as server:
        server.wait_for(logdir)
        yield server


def test_a_number_is_a_fact_a_curve_an_order_and_a_filter(page: Page, numbered: Server) -> None:
    frame = look(page, numbered, view="grid", runs="a", step=20, focus="run=a&tag=val&sample=1")
    facts = frame.get_by_role("region", name="Your numbers")
    expect(facts).to_contain_text("0.27")
    frame.get_by_role("tab", name="uncertainty").click()
    expect(frame.locator(".focus .legend")).to_contain_text("0.27")
    order = frame.get_by_role("combobox", name="Sort")
    order.select_option(label="uncertainty, largest first")
    tiles = frame.get_by_test_id("tile-canvas")
    expect(tiles.first).to_have_attribute("data-sample", "3")
    assert tiles.evaluate_all("(all) => all.map((it) => it.dataset.sample)") == ["3", "2", "1", "0"]
    frame.get_by_label("Minimum uncertainty").fill("0.3")
    frame.get_by_label("Minimum uncertainty").press("Enter")
    expect(tiles).to_have_count(2)


def test_one_step_is_read_off_every_line_under_the_pointer(page: Page, numbered: Server) -> None:
    frame = look(page, numbered, view="grid", step=0, focus="run=a&tag=val&sample=1")
    frame.get_by_role("tab", name="uncertainty").click()
    said = frame.get_by_test_id("chart-step")
    expect(said).to_have_text("step 0")
    frame.wait_for_load_state("networkidle")  # the chart is drawn anew when a line's numbers arrive
    over = frame.locator(".focus .u-over")
    over.hover(position={"x": over.evaluate("e => e.clientWidth") * 20 / 70, "y": 10})  # waits until it stands still
    expect(said).to_have_text("step 20")
    expect(frame.locator(".focus .legend .value")).to_have_text(["0.27", "0.27"])
    frame.get_by_role("tab", name="uncertainty").hover()
    expect(said).to_have_text("step 0")
    assert page.evaluate("location.hash").count("step=0"), "reading is not going there"


def test_maps_say_how_far_they_can_be_believed(page: Page, numbered: Server) -> None:
    frame = look(page, numbered, view="grid", runs="a", focus="run=a&tag=val&sample=1")
    expect(frame.get_by_test_id("belief").first).to_have_text("+0.30 Gain head")
    belief = frame.get_by_role("region", name="Belief")
    expect(belief).to_contain_text("+0.40")
    expect(belief).to_contain_text("mean of 4 samples +0.45")
    expect(belief).to_contain_text("random maps +0.01")
    frame.get_by_role("combobox", name="Sort").select_option(label="gain_head, largest first")
    expect(frame.get_by_test_id("tile-canvas").first).to_have_attribute("data-sample", "3")
    frame.locator(".toolbar").get_by_text("Methods", exact=True).click()  # beside an open focus
    rows = frame.locator(".methods tbody tr")
    expect(rows).to_have_count(4)
    assert rows.locator("th").all_inner_texts() == ["Grad-CAM", "LayerCAM", "HiResCAM", "Random (baseline)"]
    told_apart = ["", "no clear difference from the best", "", "the baseline"]
    assert [one.strip() for one in rows.locator("td:last-child").all_inner_texts()] == told_apart
    expect(frame.locator(".over-steps .legend")).to_contain_text("+0.45")
    assert violations(frame) == []
    rows.nth(1).get_by_role("button").click()
    page.wait_for_function("location.hash.includes('p.gradcam.method=layer_cam')")
