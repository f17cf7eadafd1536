"""What is shown where no single class is predicted: sets of classes, values, boxes and masks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.tab import look, turn_to
from tests.viewer.server import Server, tensorboard

NAMES = ["person", "cat", "cup", "rocket", "flag"]
SIDE = 80


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    logdir = tmp_path_factory.mktemp("tasks")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    maps = {("grad_cam", "l"): rng.random((2, 4, 4)).astype(np.float32)}
    sets = np.array([[3, -3, -3, -3, 2], [-3, -1, -3, 2, -3]], np.float32)  # person and flag; rocket
    found = {"boxes": [[8.0, 8, 40, 60], [40, 40, 76, 76]], "labels": [0, 4], "scores": [0.91, 0.44]}
    nothing = {"boxes": np.zeros((0, 4)), "labels": [], "scores": []}
    detections = [{name: torch.as_tensor(np.array(value)) for name, value in one.items()} for one in (found, nothing)]
    with SummaryWriter(str(logdir / "run")) as writer:
        for step in (0, 10):
            add_gradcam(
                writer, "sets", pictures, maps, step,
                labels=[[0, 4], [1]], outputs=sets, targets=[4, 1], class_names=NAMES, task="multilabel",
            )  # fmt: skip
            values = np.array([[24.5], [60.0]], np.float32)
            add_gradcam(writer, "values", pictures, maps, step, labels=[31.0, 59.0], outputs=values, task="regression")
            add_gradcam(
                writer, "boxes", pictures, maps, step,
                outputs=detections, class_names=NAMES, boxes=[[[4, 4, 44, 64]]] * 2, box_classes=[[0]] * 2,
                task="detection",
            )  # fmt: skip
    with tensorboard(logdir) as server:
        server.wait_for(logdir)
        yield server


def test_a_set_says_of_each_class_whether_it_is_right_wrong_or_missed(page: Page, tasks: Server) -> None:
    frame = look(page, tasks, tags="sets", view="grid")
    first, second = (frame.get_by_test_id("set").nth(place) for place in (0, 1))
    expect(first.locator(".member")).to_have_count(2)
    assert first.locator(".right").count() == 2
    assert first.locator(".explained .class").inner_text() == "flag"
    expect(second).to_contain_text("rocket")
    assert second.locator(".member:has(.missed) .class").all_inner_texts() == ["cat"]
    assert second.get_attribute("title") == "wrong: rocket 0.88, missed: cat 0.27"
    assert second.locator(".explained .class").inner_text() == "cat"


def test_a_value_has_its_truth_and_its_error(page: Page, tasks: Server) -> None:
    frame = look(page, tasks, tags="values", view="grid")
    texts = frame.get_by_test_id("values").all_inner_texts()
    assert ["24.5" in texts[0], "true 31, error −6.5" in texts[0], "true 59, error +1" in texts[1]] == [True] * 3


def test_predicted_boxes_are_drawn_with_class_and_score_beside_the_truth(page: Page, tasks: Server) -> None:
    frame = look(page, tasks, tags="boxes", view="grid", focus="run=run&tag=boxes&sample=0")
    tiles = frame.locator(".tile")
    expect(tiles.nth(0).get_by_test_id("predicted-box")).to_have_count(2)
    expect(tiles.nth(1).get_by_test_id("predicted-box")).to_have_count(0)
    expect(tiles.nth(1)).to_contain_text("nothing detected")
    expect(frame.locator(".focus .box-name.predicted")).to_have_text(["person 0.91", "flag 0.44"])
    expect(frame.locator(".focus .box-name.truth")).to_have_text(["person"])
    box = tiles.nth(0).locator("[data-testid=predicted-box] rect").first
    edges = box.evaluate("(it) => ['x', 'y', 'width', 'height'].map((name) => Number(it.getAttribute(name)))")
    assert edges == pytest.approx([0.1, 0.1, 0.4, 0.65], abs=1e-6)


def test_maps_without_positive_evidence_say_what_can_be_done_and_can_be_seen_signed(page: Page, rich: Server) -> None:
    frame = look(page, rich, view="grid", runs="clean", focus="run=clean&tag=val&sample=3")
    said = frame.locator(".focus [data-testid=said]")
    expect(said).to_contain_text("no positive evidence")
    expect(said).to_contain_text("HiResCAM or LayerCAM may show some")
    canvas = frame.get_by_test_id("focus-canvas")
    expect(canvas).to_have_attribute("data-ready", "true")
    colored = "(it) => { const d = it.getContext('2d').getImageData(0, 0, it.width, it.height).data; let n = 0; "
    colored += "for (let i = 0; i < d.length; i += 4) if (d[i + 2] - d[i] > 40) n++; return n; }"
    assert canvas.evaluate(colored) == 0
    turn_to(frame, view="grid", runs="clean", focus="run=clean&tag=val&sample=3", signed=1)
    assert canvas.evaluate(colored) > 100, "expected blue where the map speaks against the class"
