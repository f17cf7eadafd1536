"""What people come for, each in at most as many actions as it may take: a click, a choice, a typed value, a turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Frame, Locator, Page, expect

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.tab import TILE, Rich, look, opened
from tests.viewer.server import Server, tensorboard

LAST = Rich.STEPS[-1]


class Hands:
    """Acts on the page, and counts."""

    def __init__(self) -> None:
        self.actions = 0

    def click(self, what: Locator) -> None:
        self.actions += 1
        what.click()

    def double_click(self, what: Locator) -> None:
        self.actions += 1
        what.dblclick(delay=700)  # slowly: it is the browser that tells a double click

    def choose(self, what: Locator, option: str) -> None:
        self.actions += 1
        what.select_option(label=option)

    def type(self, what: Locator, text: str) -> None:
        self.actions += 1
        what.fill(text)
        what.press("Enter")


@pytest.fixture
def hands() -> Hands:
    return Hands()


def samples(frame: Frame) -> list[int]:
    return [int(one.get_attribute("data-strip") or -1) for one in frame.locator("[data-strip]").all()]


def test_two_runs_on_one_sample_are_there_at_once(page: Page, rich: Server) -> None:
    frame = opened(page, rich)
    runs = frame.locator("[data-strip='0'] canvas").evaluate_all("(all) => all.map((one) => one.dataset.run)")
    assert runs == ["clean", "shortcut"]


def test_the_first_step_at_which_a_run_looks_elsewhere_is_seen_after_one(
    page: Page, rich: Server, hands: Hands
) -> None:
    frame = opened(page, rich)
    hands.click(frame.get_by_role("button", name="Over steps"))
    strip = frame.locator("[data-strip='0']", has=frame.locator("canvas[data-run=shortcut]"))
    expect(strip.locator("canvas[data-ready=true]")).to_have_count(6)
    steps = strip.locator("canvas").evaluate_all("(all) => all.map((one) => Number(one.dataset.step))")
    assert len(steps) >= 6
    assert (steps[0], steps[-1]) == (0, LAST)
    assert hands.actions == 1


def test_what_is_wrong_stands_surest_first_after_two(page: Page, rich: Server, hands: Hands) -> None:
    frame = opened(page, rich, "gradcam&p.gradcam.runs=shortcut")
    hands.click(frame.get_by_text("Wrong", exact=False).first)
    hands.choose(frame.get_by_label("Sort"), "most certain")
    frame.wait_for_function("() => document.querySelector('.tile')")
    shares = [float(text) for text in frame.locator(".tile .value").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) >= 2
    expect(frame.locator(".tile .right")).to_have_count(0)
    assert hands.actions == 2


def test_what_moved_most_between_two_steps_is_read_off_after_three(page: Page, rich: Server, hands: Hands) -> None:
    frame = opened(page, rich, "gradcam&p.gradcam.runs=clean")
    hands.choose(frame.get_by_label("Sort"), "attention moved most")
    hands.type(frame.get_by_label("Since step"), "40")
    hands.type(frame.get_by_test_id("step-input"), "160")
    badges = frame.locator(".tile .rank")
    badges.first.wait_for()
    frame.wait_for_function("() => !document.querySelector('.tile canvas:not([data-step=\"160\"])')")
    moved = [float(text.removeprefix("moved ")) for text in badges.all_inner_texts()]
    assert moved == sorted(moved, reverse=True)
    assert len(moved) >= 6
    assert hands.actions == 3


NOTE_WORDS = """(one) => {
    window.words = [];
    new MutationObserver(() => words.push(one.textContent)).observe(one, {
        childList: true, subtree: true, characterData: true,
    });
}"""


def test_the_exact_view_is_handed_on_with_a_sign_after_one(page: Page, rich: Server, hands: Hands) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame = opened(page, rich)
    link = frame.get_by_test_id("copy-link")
    link.evaluate(NOTE_WORDS)
    hands.click(link)
    frame.wait_for_function("() => words.includes('✓ Copied')")  # which goes by itself, perhaps before one looks
    assert f"p.gradcam.step={LAST}" in page.evaluate("() => navigator.clipboard.readText()"), "the step that is shown"
    assert hands.actions == 1


def test_the_class_explained_is_changed_after_two(page: Page, rich: Server, hands: Hands) -> None:
    frame = opened(page, rich)
    hands.click(frame.get_by_role("combobox", name="Class explained", exact=True))
    hands.click(frame.locator(".options").get_by_role("option", name="flower"))
    page.wait_for_function("() => location.hash.includes('p.gradcam.target=1')")
    assert hands.actions == 2


def test_one_class_over_steps_is_there_after_three(page: Page, rich: Server, hands: Hands) -> None:
    frame = opened(page, rich)
    hands.choose(frame.get_by_label("Class", exact=True), "leaf")
    hands.click(frame.get_by_role("button", name="Over steps"))
    frame.locator(".strip-of canvas[data-step='0']").first.wait_for()
    assert set(samples(frame)) == {index for index in range(Rich.SAMPLES) if index % 3 == 2}
    assert hands.actions <= 3


def test_a_card_for_a_talk_is_saved_after_two(page: Page, rich: Server, hands: Hands) -> None:
    frame = opened(page, rich)
    hands.click(frame.get_by_role("button", name="Card…"))
    with page.expect_download() as download:
        hands.click(frame.get_by_role("button", name="Save PNG"))
    with Image.open(download.value.path()) as card:
        assert card.size == (1200, 675)
    assert hands.actions == 2


# The choices whose words have no room beside the arrow.
CUT = """(all) => {
  const pen = document.createElement('canvas').getContext('2d');
  return all.map((one) => {
    pen.font = getComputedStyle(one).font;
    const {text} = one.selectedOptions[0];
    return pen.measureText(text).width + 16 > one.clientWidth ? text : '';
  }).filter(Boolean);
}"""


@pytest.mark.parametrize(("width", "focus"), [(1400, True), (900, True), (700, False)])
def test_the_toolbar_is_one_line(page: Page, rich: Server, width: int, focus: bool) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    frame = look(page, rich, view="compare", **({"focus": "run=clean&tag=val&sample=2"} if focus else {}))
    expect(frame.get_by_role("button", name="Card…")).to_be_visible()
    tops = frame.locator(".toolbar > *:visible").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect()).map(({top, height}) => top + height / 2)"
    )
    assert max(tops) - min(tops) <= 6
    assert frame.locator(".toolbar select:visible, .filters select:visible").evaluate_all(CUT) == []


def test_a_big_picture_fills_the_window_after_one(page: Page, rich: Server, hands: Hands) -> None:
    frame = opened(page, rich)
    hands.double_click(frame.locator("[data-run=clean]" + TILE.format(sample=2, step=LAST)))
    large = frame.get_by_test_id("focus-canvas")
    expect(large).to_have_attribute("data-ready", "true")
    expect(frame.locator(".focus.full")).to_have_count(1)
    box = large.bounding_box()
    assert box
    assert box["height"] >= 550
    expect(frame.get_by_test_id("filmstrip")).to_be_visible()
    assert hands.actions == 1


@pytest.fixture
def methods(tmp_path: Path) -> Iterator[Server]:
    """One run, three methods."""
    rng = np.random.default_rng(0)
    maps = {(name, "layer4"): rng.random((4, 7, 7), np.float32) for name in ("grad_cam", "hires_cam", "layer_cam")}
    images = rng.integers(0, 255, (4, 64, 64, 3), np.uint8)
    add_gradcam(str(tmp_path / "run"), "val", images, maps, 0, labels=[0] * 4, predictions=[0] * 4)
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        yield server


def test_methods_stand_side_by_side_after_one(page: Page, methods: Server, hands: Hands) -> None:
    frame = opened(page, methods)
    hands.click(frame.locator(".center").get_by_text("Compare", exact=True))
    expect(frame.locator(".heads .across >> nth=0 >> .name")).to_have_text(["Grad-CAM", "HiResCAM", "LayerCAM"])
    expect(frame.locator("[data-strip='0'] canvas")).to_have_count(3)
    assert frame.locator("[data-strip='0'] canvas").evaluate_all("(all) => all.map((it) => it.dataset.method)") == [
        "grad_cam", "hires_cam", "layer_cam",
    ]  # fmt: skip
    assert hands.actions == 1


def test_keys_alone_lead_to_the_third_tiles_focus_in_eight(page: Page, rich: Server) -> None:
    frame = opened(page, rich)
    frame.locator(".skip").focus()  # where Tab goes first in the frame
    keys = ["Enter", "ArrowRight", "ArrowRight", "Enter"]
    for key in keys:
        page.keyboard.press(key)
    expect(frame.locator(".focus")).to_be_visible()
    assert len(keys) + 1 <= 8
