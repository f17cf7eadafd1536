"""Which samples, runs and series are shown, and in which order, against what was logged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Frame, Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.heatmap import overlay
from tensorboard_plugin_gradcam.reader import GradCAMLog, read_gradcam
from tests.browser import truth
from tests.browser.tab import TILE, Rich, at_size, drawn, look, pixels, turn_to
from tests.viewer.server import Server, tensorboard

LAST = Rich.STEPS[-1]
WITH_BOX = [i for i in range(Rich.SAMPLES) if i != 1]  # it has a mask
CANVAS = "[data-testid=tile-canvas][data-run=clean]"


@pytest.fixture(scope="module")
def logged(rich_log: Rich) -> GradCAMLog:
    return read_gradcam(rich_log.logdir)


def shown(frame: Frame) -> list[int]:
    """The samples of run "clean" as they stand on the page."""
    return [int(one.get_attribute("data-sample") or -1) for one in frame.locator(CANVAS).all()]


def show(frame: Frame, count: int, **settings: object) -> list[int]:
    turn_to(frame, **{"runs": "clean", **settings})
    expect(frame.locator(CANVAS)).to_have_count(count)
    return shown(frame)


def test_only_the_samples_that_are_asked_for_are_shown(
    page: Page, rich: Server, rich_log: Rich, logged: GradCAMLog
) -> None:
    said = logged.predictions["clean", "val"]
    prediction, probability = (getattr(said[140].record, name) for name in ("prediction", "probability"))
    right = prediction == rich_log.labels
    frame = look(page, rich, runs="clean")
    wanted = [
        ({"verdict": "right"}, right), ({"verdict": "wrong"}, ~right), ({"label": 2}, rich_log.labels == 2),
        ({"prediction": 1}, prediction == 1), ({"minProbability": 0.9}, probability >= 0.9),
        ({"text": "PHOTO 0007"}, np.arange(12) == 7), ({"text": "leaf"}, (rich_log.labels == 2) | (prediction == 2)),
        (
            {"verdict": "right", "label": 0, "minProbability": 0.8},
            right & (rich_log.labels == 0) & (probability >= 0.8),
        ),
    ]  # fmt: skip
    for settings, expected in wanted:
        samples = np.flatnonzero(expected).tolist()
        assert show(frame, len(samples), step=140, **settings) == samples, settings
        if len(samples) < 12:
            expect(
                frame.get_by_text(re.compile(f"^({len(samples)} of 12 samples|No sample matches the filters \\(12)"))
            ).to_be_visible()
    show(frame, 0, step=140, text="no such sample", verdict="wrong", label=1, minProbability=0.9)
    frame.get_by_role("button", name="Show all").click()
    expect(frame.locator(CANVAS)).to_have_count(12)
    assert show(frame, 12) == list(range(12))


def assert_sorted(order: Sequence[int], values: NDArray[np.float64], rising: bool, tolerance: float) -> None:
    """Whether values go one way along the order as far as they can be told apart, unknown ones last."""
    ranked = values[list(order)] if rising else -values[list(order)]
    known = ranked[np.isfinite(ranked)]
    assert np.isfinite(ranked[: len(known)]).all(), "what is not known comes last"
    assert (np.diff(known) >= -tolerance).all(), ranked


def column(values: Iterable[float]) -> NDArray[np.float64]:
    return np.array(list(values), np.float64)


def test_samples_stand_in_the_order_that_is_asked_for(
    page: Page, rich: Server, rich_log: Rich, logged: GradCAMLog
) -> None:
    said = logged.predictions["clean", "val"]
    first, last = (rich_log.maps["clean", step, "layer4"] for step in (60, LAST))
    boxes = [(x - 0.2, y - 0.2, x + 0.2, y + 0.2) for x, y in rich_log.objects]
    orders = {
        "probability": (said.array("probability")[-1], True, 0),
        "label-probability": (said.array("label_probability")[-1], True, 0),
        "loss": (said.array("loss")[-1], False, 0),
        "entropy": (column(map(truth.entropy, last)), False, 0.02),
        "moved": (column(map(truth.moved, first, last)), False, 0.01),
        "iou": (column(truth.iou(map_, box, 0.5) for map_, box in zip(last, boxes, strict=True)), True, 0.03),
    }
    frame = look(page, rich, runs="clean")
    for sort, (values, rising, tolerance) in orders.items():
        order = show(frame, 12, sort=sort, movedFrom=60, threshold=0.5)
        assert sorted(order) == list(range(12))
        if sort == "iou":
            order = [index for index in order if index in WITH_BOX]
        assert_sorted(order, np.asarray(values, np.float64), rising, tolerance)
        assert order != sorted(order), f"{sort}: the order of the log proves nothing"


def test_runs_are_found_by_a_regular_expression_and_have_tensorboards_colours(page: Page, rich: Server) -> None:
    frame = look(page, rich)
    dots = frame.get_by_role("region", name="Runs").locator(".dot")
    colours = [one.evaluate("(it) => getComputedStyle(it).backgroundColor") for one in dots.all()]
    assert colours == ["rgb(66, 80, 102)", "rgb(18, 181, 203)"]
    for expression, runs in (("^cl.a", ["clean"]), ("T$", ["shortcut"]), ("[", [])):
        turn_to(frame, runFilter=expression)
        expect(frame.get_by_role("region", name="Runs").get_by_role("checkbox")).to_have_count(len(runs))
        assert [one.split(" / ")[0] for one in frame.locator(".group-name").all_inner_texts()] == runs


def test_the_class_whose_map_is_shown_is_chosen(page: Page, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), np.uint8)
    maps = np.zeros((2, 2, 4, 4), np.float32)
    maps[:, 0, :2], maps[:, 1, 2:] = 1, 1  # class 0 looks up, class 1 down
    maps += np.linspace(0, 0.1, 16, dtype=np.float32).reshape(4, 4)
    with SummaryWriter(str(tmp_path / "run")) as writer:
        for step in (0, 10):
            names = ["temple", "flower"]
            add_gradcam(writer, "val", images, maps, step, targets=[[0, 1], [0, 1]], class_names=names, labels=[0, 1])
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        frame = look(page, server, smooth=0)
        chosen = frame.get_by_role("combobox", name="Class explained", exact=True)

        def explain(name: str) -> None:
            chosen.click()
            frame.locator(".options").get_by_role("option", name=name, exact=True).click()
            expect(chosen).to_have_text(name)

        chosen.click()
        expect(frame.locator(".options [role=option]")).to_have_text(["as logged", "label", "temple", "flower"])
        page.keyboard.press("Escape")
        for sample, name, target in (
            (0, "flower", 1), (0, "temple", 0), (0, "label", 0), (1, "label", 1), (0, "as logged", 0), (0, "flower", 1)
        ):  # fmt: skip
            explain(name)
            expected = overlay(images[sample], maps[sample, target], smooth=False)
            actual = at_size(pixels(frame, TILE.format(sample=sample, step=10)), 64)
            difference = np.abs(actual.astype(int) - expected)
            assert (difference.max(axis=2) <= 3).mean() > 0.99, name
        frame.wait_for_function("() => location.hash.includes('p.gradcam.target=1')")
        frame.locator(".tile").first.hover()
        frame.get_by_test_id("pick").first.click()  # A is of the class that was chosen, also when another one is
        explain("temple")
        frame.locator(".tile").first.hover()
        frame.get_by_test_id("pick").first.click()
        sides = [frame.get_by_test_id(f"side-{side}").get_by_label("Class explained") for side in "ab"]
        for side, value in zip(sides, ("1", "0"), strict=True):
            expect(side).to_have_value(value)
        turn_to(frame, target=9, smooth=0)
        expect(chosen).to_have_text("class 9")
        expect(frame.get_by_text("no map of class 9; logged: temple, flower").first).to_be_visible()
        explain("as logged")
        expect(frame.get_by_text("no map")).to_have_count(0)
        turn_to(frame, view="compare", columns="target", smooth=0)
        expect(frame.locator(".heads .across >> nth=0 >> .name")).to_have_text(["temple", "flower"])
        for sample, row in enumerate(frame.locator("[data-strip]").all()):
            cells = row.locator("canvas[data-ready=true]")
            expect(cells).to_have_count(2)
            for target, (_, cell) in enumerate(drawn(cells)):
                expected = overlay(images[sample], maps[sample, target], smooth=False)
                difference = np.abs(at_size(cell, 64).astype(int) - expected)
                assert (difference.max(axis=2) <= 3).mean() > 0.99, (sample, target)
        spec = "run=run&tag=val&sample=0&method=grad_cam&layer="
        sides_of = {"view": "ab", "target": 1, "a": spec, "b": spec + "&target=1"}
        turn_to(frame, **sides_of)
        expect(frame.get_by_test_id("ab")).to_contain_text(re.compile(r"CC\s*[-−]0"))  # the first map is of class 0
