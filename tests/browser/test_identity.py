"""That each picture is shown with its own map and its own verdict where steps log other samples, in another order.

Picture i is of grey 30 * i, its map peaks in column i, and class i is predicted for it: a picture that is shown with
another's map or verdict is seen at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Frame, Locator, Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.tab import drawn, go_to, held, look, pixels_of, turn_to
from tests.viewer.server import Server, tensorboard

COUNT = 6
ORDERS = {0: [0, 1, 2, 3, 4, 5], 10: [5, 3, 1, 4, 0, 2], 20: [4, 2, 0], 30: [1, 5, 4, 3]}
SILENT = 30  # a step at which nothing was predicted
SIDE = 60


def map_of(sample: int) -> NDArray[np.float32]:
    map_ = np.zeros((COUNT, COUNT), np.float32)
    map_[:, sample] = 1
    return map_


def write(logdir: Path, run: str, orders: dict[int, list[int]]) -> None:
    pictures = np.stack([np.full((SIDE, SIDE, 3), 30 * i, np.uint8) for i in range(COUNT)])
    with SummaryWriter(str(logdir / run)) as writer:
        for step, order in orders.items():
            said = {} if step == SILENT else {"outputs": 9 * np.eye(COUNT, dtype=np.float32)[order]}
            maps = np.stack([map_of(i) for i in order])
            names = [f"class {i}" for i in range(COUNT)]
            add_gradcam(writer, "val", pictures[order], maps, step, labels=order, class_names=names, **said)


@pytest.fixture(scope="module", params=["true", "false"], ids=["load_fast", "load_slow"])
def shuffled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    logdir = tmp_path_factory.mktemp("shuffled")
    write(logdir, "first", ORDERS)
    write(logdir, "second", {step: order[::-1] for step, order in ORDERS.items()})
    with tensorboard(logdir, request.param) as server:
        server.wait_for(logdir)
        yield server


def shows(canvas: Locator) -> tuple[int, int]:
    """Which picture and which map a canvas in mode "overlay" of colour photographs shows."""
    return shown_by(pixels_of(canvas))


def shown_by(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    picture = pixels.astype(int)
    row = picture[len(picture) // 2]
    heat = np.ptp(row, axis=1) > 100
    cell = np.flatnonzero(heat).mean() * COUNT / len(row)
    gray = np.median(row[np.ptp(row, axis=1) < 8][:, 0])
    return round(gray / 30), int(cell)


def step(frame: Frame, at: int) -> None:
    go_to(frame, at)
    expect(frame.locator(f"[data-testid=tile-canvas][data-step='{at}']").first).to_be_visible()


def test_every_tile_is_a_picture_with_its_own_map_and_verdict(page: Page, shuffled: Server) -> None:
    frame = look(page, shuffled, photo="color", view="grid", runs="first")
    for at, order in ORDERS.items():
        step(frame, at)
        tiles = frame.locator(".tile:has([data-run=first])")
        expect(tiles).to_have_count(len(order))
        for tile in tiles.all():
            canvas = tile.locator("canvas")
            expect(canvas).to_have_attribute("data-step", str(at))
            picture, cell = shows(canvas)
            assert picture == cell, f"step {at}: picture {picture} with the map of {cell}"
            assert picture in order
            said = "no prediction at this step" if at == SILENT else f"class {picture}"
            expect(tile.locator(".verdict")).to_contain_text(said)
            assert at == SILENT or tile.locator(".right").count() == 1


def test_it_is_said_how_many_of_the_samples_a_step_has(page: Page, shuffled: Server) -> None:
    frame = look(page, shuffled, view="grid", runs="first", step=10)
    expect(frame.get_by_test_id("logged")).to_have_count(0)
    step(frame, 20)
    expect(frame.get_by_test_id("logged")).to_have_text("3 of 6 samples logged at this step")


def test_a_step_is_not_taken_for_the_last_while_maps_behind_it_are_on_their_way(page: Page, shuffled: Server) -> None:
    """Predictions come first, and lack the last step."""
    with held(page, lambda url: "/maps?" in url and "step=" not in url):
        frame = look(page, shuffled, view="grid", runs="first", step=10)
        step(frame, 20)
        expect(frame.locator(".when")).to_contain_text("of 30")
    expect(frame.get_by_test_id("logged")).to_have_text("3 of 6 samples logged at this step")
    expect(frame.get_by_test_id("step-input")).to_have_value("20")


def test_the_filmstrip_follows_a_sample_through_every_order(page: Page, shuffled: Server) -> None:
    frame = look(page, shuffled, photo="color", view="grid", runs="first", step=10, focus="run=first&tag=val&sample=3")
    frames = frame.locator("[data-testid=filmstrip] canvas")
    expect(frames.first).to_be_visible()
    expect(frame.locator("[data-testid=filmstrip] .waits")).to_have_count(0)
    for canvas in frames.all():
        assert shows(canvas) == (3, 3)
    assert shows(frame.get_by_test_id("focus-canvas")) == (3, 3)


def test_a_sample_that_a_step_lacks_stays_in_focus_with_its_nearest_map(page: Page, shuffled: Server) -> None:
    frame = look(page, shuffled, photo="color", view="grid", runs="first", step=10, focus="run=first&tag=val&sample=3")
    step(frame, 20)
    canvas = frame.get_by_test_id("focus-canvas")
    expect(canvas).not_to_have_attribute("data-step", "20")
    assert shows(canvas) == (3, 3)
    expect(frame.locator(".focus")).to_contain_text(": this sample has no map at this step")


def test_runs_that_shuffle_differently_are_compared_picture_by_picture(page: Page, shuffled: Server) -> None:
    frame = look(page, shuffled, photo="color", view="compare", rows="sample", columns="run", step=10)
    canvases = frame.locator("[data-testid=tile-canvas][data-step='10'][data-ready=true]")
    expect(canvases.nth(5)).to_be_visible()
    shown = [shown_by(pixels) for _, pixels in drawn(canvases)]
    assert all(picture == cell for picture, cell in shown)
    assert [a == b for a, b in zip(shown[::2], shown[1::2], strict=True)] == [True] * (len(shown) // 2)


def test_steps_beside_each_other_are_of_one_sample(page: Page, shuffled: Server) -> None:
    frame = look(
        page,
        shuffled,
        photo="color",
        view="compare",
        rows="sample",
        columns="step",
        runs="first",
        chosen="step=0,step=10",
    )
    canvases = frame.locator("[data-testid=tile-canvas][data-ready=true]")
    expect(canvases.nth(1)).to_be_visible()
    shown: dict[int, set[tuple[int, int]]] = {}
    for sample, pixels in drawn(canvases):
        shown.setdefault(sample, set()).add(shown_by(pixels))
    for pairs in shown.values():
        (pair,) = pairs
        assert pair[0] == pair[1]


def test_attention_has_not_moved_where_only_the_order_has(page: Page, shuffled: Server) -> None:
    frame = look(page, shuffled, view="grid", step=0, runs="first")
    method, layer = frame.get_by_test_id("tile-canvas").first.evaluate("(it) => [it.dataset.method, it.dataset.layer]")
    spec = f"run=first&tag=val&sample=2&method={method}&layer={layer}"
    sides = {side: f"{spec}&step={at}" for side, at in (("a", 0), ("b", 10))}
    turn_to(frame, view="ab", runs="first", **sides)
    expect(frame.get_by_test_id("sim")).to_have_text("1.000")
