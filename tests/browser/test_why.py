"""Why a prediction is wrong: the maps of both classes, and since when it is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tests.browser.tab import look, pixels, turn_to
from tests.viewer.server import tensorboard

PREDICTED = {0: [0, 0], 10: [0, 0], 20: [1, 1], 30: [1, 1], 40: [2, 1]}  # the labels are 0 and 0


def log(folder: Path) -> None:
    """Two samples: of the first both classes are explained, of the second the predicted one alone."""
    images = np.full((2, 60, 80, 3), 90, np.uint8)
    with SummaryWriter(str(folder / "run")) as writer:
        for step, predicted in PREDICTED.items():
            label = np.zeros((4, 4), np.float32)
            prediction = label.copy()
            label[:, 0], prediction[:, 3] = 1, 1  # the label's class looks left, the predicted one right
            several = [[predicted[0], 0 if predicted[0] else -1], [predicted[1], -1]]  # -1: a map of no class
            maps = np.array([[prediction, label], [prediction, label]])
            add_gradcam(
                writer, "val", images, maps, step, targets=several, labels=[0, 0], predictions=predicted,
                probabilities=[0.9, 0.8], class_names=["cat", "dog", "fox"],
            )  # fmt: skip


def test_a_wrong_tile_says_why_in_two_colours_and_since_when(page: Page, tmp_path: Path) -> None:
    log(tmp_path)
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        frame = look(page, server, step=30)
        frame.locator(".tile").first.hover()
        frame.locator(".tile").first.get_by_role("button", name="Why is it wrong?").click()
        canvas = ".pictures [data-testid=both-maps][data-ready=true][data-parts='2']"
        drawn = pixels(frame, canvas).astype(int)
        height, width = drawn.shape[:2]
        left, right = drawn[height // 2, width // 16], drawn[height // 2, -width // 16]
        assert left[2] > left[0] + 100, "blue where the label's class looks"
        assert right[0] > right[2] + 100, "orange where the predicted one does"
        middle = drawn[height // 2, width // 2]
        assert np.ptp(middle) <= 6, "grey between"
        expect(frame.get_by_test_id("whose")).to_contain_text("dog predicted")
        expect(frame.get_by_test_id("whose")).to_contain_text("cat true")
        story = frame.get_by_test_id("story")
        expect(story).to_have_text(
            "The prediction became dog at step 20; at step 10 it was cat, which is right. It changes to fox at step 40."
        )
        frames = frame.locator(".flip button")
        verdicts = ["✓right: cat", "✓right: cat", "✗wrong: dog", "✗wrong: dog", "✗wrong: fox"]
        expect(frames).to_have_text(
            [re.compile(rf"^Step {10 * place}, 0\.\d\d{verdict}$") for place, verdict in enumerate(verdicts)]
        )
        frames.nth(4).click()
        expect(story).to_contain_text("became fox at step 40; at step 30 it was dog, also wrong")
        frames.first.click()
        expect(frame.get_by_role("button", name="Why wrong?")).to_have_count(0)
        focus = {"focus": "run=run&tag=val&sample=1", "why": 1, "step": 30}
        turn_to(frame, **{"view": "grid", **focus})
        expect(frame.get_by_test_id("whose")).to_contain_text("No map of cat was logged at this step")
        expect(frame.get_by_test_id("whose")).to_contain_text('targets="both"')
        expect(frame.locator(".pictures [data-testid=both-maps]")).to_have_attribute("data-parts", "1")
        page.keyboard.press("w")
        expect(frame.get_by_test_id("focus-canvas")).to_be_visible()
