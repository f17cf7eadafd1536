"""What the tab says when there is nothing, not yet everything, too much, or something broken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

import numpy as np
import pytest
from playwright.sync_api import Frame, Page, expect

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.faulty import write_faulty
from tests.browser.tab import Rich, at_rest, hash_of, held, look, tile, turn_to
from tests.trust.hostile import ALERT, write_names
from tests.viewer.server import Server, tensorboard

NEWER = "written by format 2.0, this version reads 1.x: update the package tensorboard-plugin-gradcam"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    logdir = tmp_path_factory.mktemp("faulty")
    write_faulty(logdir)
    write_names(logdir / "stranger", ALERT)
    with tensorboard(logdir) as running:
        running.wait_for(logdir)
        yield running


def remarks(frame: Frame, step: int) -> list[str]:
    """What each of the six tiles says of itself."""
    tiles = frame.locator(".tile")
    expect(tiles).to_have_count(6)
    expect(frame.locator(f"[data-testid=tile-canvas][data-step='{step}']")).to_have_count(6)
    return [" ".join(one.get_by_test_id("said").all_inner_texts()) for one in tiles.all()]


# What the page asks for in the turn of the click: the request that comes every few seconds anyway is no answer to it.
ASKED_BY_A_CLICK = """async (button) => {
  const real = window.fetch;
  const asked = [];
  window.fetch = (...call) => (asked.push(String(call[0].url ?? call[0])), real(...call));
  button.click();
  await new Promise((resolve) => setTimeout(resolve));
  window.fetch = real;
  return asked.join(" ");
}"""


def test_a_broken_and_a_missing_picture_are_said_on_their_own_tiles(page: Page, faulty: Server) -> None:
    frame = look(page, faulty, runs="faulty", tags="val", layer="layer4")
    frame.get_by_text("no picture", exact=True).nth(1).wait_for()
    assert remarks(frame, 20) == ["", "no picture", "no picture", "", "", ""]
    expect(frame.locator("[data-testid=tile-canvas][data-ready=true]")).to_have_count(6)  # nothing more will come
    reasons = [frame.locator(".mark[title]").nth(i).get_attribute("title") or "" for i in range(2)]
    assert re.search("can't be decoded|damaged", reasons[0])
    assert "c" * 32 in reasons[1]
    pixels = "(one) => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data].some((it) => it > 99)"
    for one in frame.get_by_test_id("tile-canvas").all():
        assert one.evaluate(pixels), "the map is drawn all the same"


def test_a_step_of_a_newer_version_is_said_on_the_tiles_and_the_others_go_on(page: Page, faulty: Server) -> None:
    frame = look(page, faulty, runs="faulty", tags="val", layer="layer4", step=10)
    frame.get_by_text("no picture").nth(3).wait_for(state="attached")
    said = "step 10 can't be read"
    assert remarks(frame, 0) == [
        f"{said}{more} · map of step 0" for more in ("", " · no picture", " · no picture", "", "", "")
    ]
    expect(frame.get_by_role("alert")).to_have_text(f"Maps of step 10 can't be read: {NEWER}")


@pytest.mark.parametrize(("layer", "without"), [("newer", range(6)), ("some", (1, 2, 4, 5))])
def test_samples_without_a_map_say_so_under_their_picture(
    page: Page, faulty: Server, layer: str, without: list[int]
) -> None:
    page.goto(f"http://{faulty.host}:{faulty.port}/data/plugin_entry.html?name=gradcam")
    turn_to(page.main_frame, runs="faulty", tags="val", layer=layer)
    expect(page.locator(".mark", has_text="no map")).to_have_count(len(without))
    for index, one in enumerate(page.locator(".tile").all()):
        assert one.locator(".mark", has_text="no map").count() == int(index in without)
    assert page.locator(".waits").count() == 0


@pytest.mark.parametrize(
    ("tag", "tiles", "words"),
    [
        ("newer predictions", 6, f"Predictions of step 0 and 2 more can't be read: {NEWER}"),
        ("lost cohort", 0, "The list of samples could not be loaded"),
        ("all newer", 0, f"Maps of step 0 and 2 more can't be read: {NEWER}"),
        ("future", 0, "written by format 99.0, this version reads 1.x"),
    ],
)
def test_what_is_left_of_a_series_is_shown_with_what_is_wrong(
    page: Page, faulty: Server, tag: str, tiles: int, words: str
) -> None:
    frame = look(page, faulty, runs="faulty", tags=f"val,{tag.replace(' ', '%20')}", layer="layer4")
    region = frame.get_by_role("region", name=f"faulty, {tag}", exact=True)
    expect(region.get_by_role("alert")).to_contain_text(words)
    expect(region.locator(".tile")).to_have_count(tiles)
    expect(region.locator(".waits")).to_have_count(0)
    expect(frame.get_by_role("region", name="faulty, val").locator(".tile")).to_have_count(6)


def test_no_text_of_a_log_becomes_part_of_the_page(page: Page, faulty: Server) -> None:
    chosen = hash_of({"tags": quote(ALERT, safe=""), "runs": "stranger"})
    page.goto(f"http://{faulty.host}:{faulty.port}/data/plugin_entry.html?name=gradcam{chosen}")
    page.get_by_test_id("tile").first.click()
    expect(page.locator(".focus")).to_contain_text("<script>")
    assert page.locator("[onerror], #app script, #app img").count() == 0
    assert "owned" not in page.title()


def test_how_many_steps_are_kept_and_how_to_keep_all(page: Page, rich_log: Rich) -> None:
    with tensorboard(rich_log.logdir, "true", "--samples_per_plugin", "gradcam=5") as running:
        running.wait_for(rich_log.logdir)
        frame = look(page, running)
        kept = frame.get_by_test_id("kept").first
        expect(kept).to_have_text(re.compile("^[56] of 11 steps kept, all with --samples_per_plugin gradcam=0$"))


def test_maps_that_were_averaged_say_their_true_resolution(page: Page, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (2, 32, 32, 3), np.uint8)
    add_gradcam(str(tmp_path / "run"), "val", images, rng.random((2, 128, 96), np.float32), 0)
    with tensorboard(tmp_path) as running:
        running.wait_for(tmp_path)
        frame = look(page, running, focus="run=run&tag=val&sample=0")
        expect(frame.get_by_role("region", name="run, val")).to_contain_text("64 × 48 cells, averaged from 128 × 96")
        expect(frame.get_by_role("region", name="Map", exact=True)).to_contain_text("128 × 96")


def test_tiles_wait_until_their_maps_come_and_a_failure_can_be_tried_again(page: Page, rich: Server) -> None:
    with held(page, lambda url: "/maps?" in url):
        page.goto(f"http://{rich.host}:{rich.port}/data/plugin_entry.html?name=gradcam{hash_of({'runs': 'clean'})}")
        expect(page.locator("[data-testid=tile-canvas][data-ready=false]")).to_have_count(12)
    expect(page.locator("[data-testid=tile-canvas][data-ready=true]")).to_have_count(12)


def test_a_tensorboard_that_went_away_is_said_and_what_was_read_stays(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    tiles = frame.locator(".tile").count()
    page.route("**/series", lambda route: route.abort())
    expect(frame.get_by_text("TensorBoard is not responding")).to_be_visible()
    assert frame.locator(".tile").count() == tiles
    assert "series" in frame.get_by_role("button", name="Try again").evaluate(ASKED_BY_A_CLICK)
    page.unroute("**/series")
    expect(frame.get_by_text("TensorBoard is not responding")).to_be_hidden()


def test_a_tensorboard_that_never_answered_is_said(page: Page, rich: Server) -> None:
    page.route("**/series", lambda route: route.fulfill(status=500, body="out of order"))
    page.goto(f"http://{rich.host}:{rich.port}/data/plugin_entry.html?name=gradcam")
    expect(page.get_by_role("alert")).to_contain_text("out of order")
    assert "series" in page.get_by_role("button", name="Try again").evaluate(ASKED_BY_A_CLICK)
    page.unroute("**/series")
    expect(tile(page.main_frame, "clean", 0, Rich.STEPS[-1])).to_be_visible()


def test_the_opening_answers_what_the_page_asks_first(page: Page, rich: Server) -> None:
    asked: set[tuple[str, str]] = set()
    page.on("request", lambda request: asked.add(_question(request.url)))
    # Nothing else than what opens by itself, but said in the link, for which the page asks one by one.
    page.goto(f"http://{rich.host}:{rich.port}/data/plugin_entry.html?name=gradcam{hash_of({'rows': 'sample'})}")
    expect(page.locator("[data-testid=tile-canvas][data-ready=true]")).not_to_have_count(0)
    at_rest(page)
    rich.wait(lambda server: b'"image"' in server.get("opening").body)  # after it has been read once
    body = rich.get("opening").body
    listed = json.loads(body[8 : 8 + int.from_bytes(body[4:8], "little")])["answers"]
    early = {_question(f"{one['route']}?{urlencode(one['parameters'])}") for one in listed}
    assert {route for route, _ in early} == {"predictions", "maps", "cohort", "image"}
    assert early <= asked


def _question(url: str) -> tuple[str, str]:
    route, _, query = url.partition("?")
    return route.rpartition("/")[2], urlencode(parse_qsl(query, keep_blank_values=True))
