"""The tab without a mouse, without colours and without eyes: keys, focus, and axe-core's rules (WCAG 2.2 AA)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.tab import TILE, Rich, go_to, look, tile, turn_to
from tests.viewer.server import Server

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
LAST = Rich.STEPS[-1]
FOCUS = "run=clean&tag=val&sample=1"


def violations(frame: Frame) -> list[str]:
    """What axe-core finds on the page, rule by rule, with the first element of each."""
    frame.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = frame.evaluate("async () => (await axe.run()).violations")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, rich: Server, theme: str) -> None:
    frame = look(page, rich, runs="clean")
    frame.evaluate("(dark) => document.body.classList.toggle('dark-mode', dark)", theme == "dark")
    frame.wait_for_function(
        "(dark) => document.documentElement.classList.contains('dark') === dark", arg=theme == "dark"
    )
    assert violations(frame) == []
    turn_to(frame, runs="clean", focus=FOCUS, pin="0.4,0.4", threshold=0.4)
    tabs = frame.locator(".focus").get_by_role("tab")
    expect(tabs).to_have_text(["Probability", "Inside the region", "Pin", "Entropy", "Area", "Center"])
    tabs.first.press("ArrowRight")
    expect(frame.get_by_test_id("chart")).to_have_attribute("aria-label", re.compile("^Energy inside"))
    for width in (1400, 900):
        page.set_viewport_size({"width": width, "height": 800})
        assert violations(frame) == []
    turn_to(frame, runs="clean", text="no such sample")
    expect(frame.get_by_text("No sample matches the filters (12 hidden)")).to_be_visible()
    assert violations(frame) == []
    page.keyboard.press("?")
    expect(frame.get_by_test_id("keys")).to_be_visible()
    assert violations(frame) == []


TWO = {"a": f"{FOCUS}&method=grad_cam&layer=layer4", "b": f"{FOCUS}&method=grad_cam&layer=layer3"}
WRONG = "run=shortcut&tag=val&sample=1"
VIEWS: list[tuple[str, dict[str, object]]] = [
    (".finding", {"view": "findings"}),
    (".atlas", {"view": "atlas"}),
    (".methods", {"view": "methods"}),
    ("[data-testid=ab]", {"view": "ab", **TWO}),
    ("[data-strip='0'] canvas[data-step='0']", {"view": "compare", "columns": "step"}),
    ("[data-testid=story]", {"runs": "shortcut", "focus": WRONG, "why": 1}),
    (".pictures > .picture [data-testid=trail]", {"runs": "clean", "focus": FOCUS, "trail": 1}),
    (".focus.full", {"runs": "clean", "focus": FOCUS, "full": 1}),
    (".nothing", {"runs": "gone"}),
]


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_in_any_view(page: Page, rich: Server, theme: str) -> None:
    frame = look(page, rich)
    frame.evaluate("(dark) => document.body.classList.toggle('dark-mode', dark)", theme == "dark")
    frame.wait_for_function(
        "(dark) => document.documentElement.classList.contains('dark') === dark", arg=theme == "dark"
    )
    found = {}
    for sign, settings in VIEWS:
        turn_to(frame, **settings)
        expect(frame.locator(sign).first).to_be_visible()
        found[sign] = violations(frame)
    turn_to(frame, view="grid")
    frame.get_by_role("button", name="Card…").click()
    expect(frame.get_by_test_id("card")).to_be_visible()
    found["card"] = violations(frame)
    assert {view: faults for view, faults in found.items() if faults} == {}


KEYS = [
    ("ArrowLeft", "step", "180"), ("Shift+ArrowLeft", "step", "0"), ("Home ArrowRight", "step", "20"),
    ("Home Shift+ArrowRight ArrowLeft", "step", "180"), ("Home End", "step", None),
    ("2", "mode", "contour"), ("5", "mode", "map"), ("[", "opacity", "0.95"), ("[ [ ]", "opacity", "0.95"),
    (". .", "threshold", "0.1"), (". . ,", "threshold", "0.05"), ("s", "smooth", "0"), ("g", "groundTruth", "0"),
    ("l", "layer", "layer3"), ("n n", "focus", FOCUS), ("n n n p", "focus", FOCUS), ("n Escape", "focus", None),
    ("m", "pin", "0.5000,0.3571"), ("m m", "pin", None), ("n t", "trail", "1"), ("n w w", "why", None),
]  # fmt: skip


def test_each_key_does_what_the_sheet_says(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    for keys, name, expected in KEYS:
        turn_to(frame, view="grid")
        frame.wait_for_selector(TILE.format(sample=0, step=LAST))
        for key in keys.split():
            page.keyboard.press(key)
        setting(page, name, expected)


def setting(page: Page, name: str, expected: str | None) -> None:
    """Wait until the page keeps a setting in its address; None: it is the default there."""
    if expected is None:
        page.wait_for_timeout(300)  # in which a wrong one would have been written
    current = "([name, expected]) => new URLSearchParams(location.hash.slice(1)).get(`p.gradcam.${name}`) === expected"
    page.wait_for_function(current, arg=[name, expected])


def test_space_plays_and_slash_searches(page: Page, rich: Server) -> None:
    frame = look(page, rich, step=0, speed=1)
    page.keyboard.press(" ")
    expect(frame.get_by_test_id("play")).to_have_attribute("aria-label", "Pause")
    page.keyboard.press(" ")
    expect(frame.get_by_test_id("play")).to_have_attribute("aria-label", "Play")
    page.keyboard.press("/")
    expect(frame.get_by_test_id("search")).to_be_focused()
    page.keyboard.type("s2?g")  # a text, not shortcuts
    expect(frame.get_by_test_id("search")).to_have_value("s2?g")
    setting(page, "smooth", None)
    setting(page, "mode", None)


def test_single_keys_can_be_switched_off(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    page.keyboard.press("?")
    frame.get_by_label("Enable single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(frame.get_by_test_id("keys")).to_be_hidden()
    for key in "2?":
        page.keyboard.press(key)
    expect(frame.get_by_test_id("keys")).to_be_hidden()
    setting(page, "mode", None)
    frame.get_by_role("button", name="Keyboard").click()
    expect(frame.get_by_test_id("keys")).to_be_visible()


# Whether the element with the focus can be told from one without: its own outline, or that of the sign beside or in it.
MARKED = """() => {
  const one = document.activeElement;
  const shows = (it) => {
    const {outlineStyle = 'none', outlineWidth = '0'} = it ? getComputedStyle(it) : {};
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1;
  };
  return {
    name: one.getAttribute('aria-label') || one.closest('label')?.textContent || one.textContent || one.id,
    marked: Boolean(shows(one) || shows(one.nextElementSibling) || shows(one.querySelector('.frame'))),
    left: document.body === one,
  };
}"""


def test_tab_reaches_every_control_and_shows_where_it_is(page: Page, rich: Server) -> None:
    """Of all tiles one is a stop: the arrow keys go on from there."""
    frame = look(page, rich, runs="clean", focus=FOCUS, pin="0.4,0.4", more=1)
    expect(frame.locator(".focus .chart").first).to_be_visible()
    wanted = frame.evaluate(
        "() => [...document.querySelectorAll('button, input, select, summary, [role=separator]')].filter((one) =>"
        " one.offsetParent && !one.disabled && one.tabIndex >= 0 && (one.type !== 'radio' || one.checked)).length"
    )
    seen: list[str] = []
    unmarked: list[str] = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        at = frame.evaluate(MARKED)
        assert not at["left"], f"the focus left the page after {len(seen)} of {wanted} controls, behind {seen[-1]!r}"
        seen.append(at["name"].strip())
        if not at["marked"]:
            unmarked.append(at["name"])
    assert unmarked == []
    assert seen[0] == "Skip to the samples"
    assert "CSV" in seen


def test_the_third_tile_is_in_focus_after_five_keys(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    for key in ("Tab", "Enter", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(frame.locator(".focus")).to_contain_text("photo 0002")


def test_arrows_go_through_the_tiles_as_they_stand(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    focused = "() => document.activeElement.dataset.key"
    first = tile(frame, "clean", 0, LAST).get_by_test_id("tile")
    first.focus()
    columns = frame.evaluate(
        "() => { const all = [...document.querySelectorAll('[data-testid=tile]')].map((it) =>"
        " it.getBoundingClientRect().top); return all.findIndex((top) => top > all[0]); }"
    )
    page.keyboard.press("ArrowDown")
    assert frame.evaluate(focused) == f"run=clean&tag=val&sample={columns}"
    page.keyboard.press("ArrowLeft")
    assert frame.evaluate(focused) == f"run=clean&tag=val&sample={columns - 1}"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert frame.evaluate(focused) == f"run=clean&tag=val&sample={columns - 1}"
    setting(page, "step", None)


def test_a_sample_opened_by_key_takes_the_focus_and_gives_it_back(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    opener = tile(frame, "clean", 1, LAST).get_by_test_id("tile")
    opener.press("Enter")
    expect(frame.locator(".focus")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_the_pin_is_moved_by_key(page: Page, rich: Server) -> None:
    frame = look(page, rich, focus=FOCUS, pin="0.5,0.5")
    frame.get_by_label("Row of the pinned cell").press("ArrowUp")
    page.wait_for_function("location.hash.includes(encodeURIComponent('0.5000,0.6429'))")


def test_the_step_is_said(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    go_to(frame, 40)
    expect(frame.get_by_test_id("live")).to_have_text("Step 40")
    assert frame.get_by_test_id("live").get_attribute("aria-live") == "polite"


def test_nothing_moves_by_itself_where_motion_is_unwanted(page: Page, rich: Server) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.route(re.compile(r"/(maps\?|opening$)"), lambda route: route.abort())
    page.goto(f"http://{rich.host}:{rich.port}/data/plugin_entry.html?name=gradcam#gradcam")
    page.wait_for_selector("[data-testid=tile-canvas]")
    moving = page.evaluate("() => document.getAnimations().length")
    assert moving == 0
