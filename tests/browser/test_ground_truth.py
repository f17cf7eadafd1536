"""How maps agree with the ground truth, against NumPy and OpenCV."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser import truth
from tests.browser.tab import Rich, look, turn_to
from tests.viewer.server import Server

LAST = Rich.STEPS[-1]
THRESHOLD = 0.6


def box_of(log: Rich, sample: int) -> truth.Box:
    x, y = log.objects[sample]
    return x - 0.2, y - 0.2, x + 0.2, y + 0.2


def facts(frame: Frame) -> dict[str, str]:
    region = frame.get_by_role("region", name="Ground truth at the threshold")
    return dict(zip(region.locator("dt").all_inner_texts(), region.locator("dd").all_inner_texts(), strict=True))


@pytest.mark.parametrize(("run", "sample", "step"), [("clean", 2, LAST), ("shortcut", 4, LAST), ("shortcut", 8, 60)])
def test_a_samples_hit_energy_and_iou_are_read_out(
    page: Page, rich: Server, rich_log: Rich, run: str, sample: int, step: int
) -> None:
    frame = look(page, rich, focus=f"run={run}&tag=val&sample={sample}", threshold=THRESHOLD, step=step)
    map_, box = rich_log.maps[run, step, "layer4"][sample], box_of(rich_log, sample)
    expect(frame.get_by_role("region", name="Ground truth at the threshold")).to_be_visible()
    found = facts(frame)
    assert found["Pointing game"] == ("✓ hit" if truth.hit(map_, box) else "✗ miss")
    assert float(found["Energy inside"].removesuffix(" %")) == pytest.approx(100 * truth.energy(map_, box), abs=1.5)
    assert float(found[f"IoU at threshold {THRESHOLD}"]) == pytest.approx(truth.iou(map_, box, THRESHOLD), abs=0.03)


def test_the_iou_follows_the_threshold(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich, focus="run=clean&tag=val&sample=2", threshold=0.2)
    seen = []
    for threshold in (0.2, 0.5, 0.8):
        turn_to(frame, focus="run=clean&tag=val&sample=2", threshold=threshold)
        expect(frame.get_by_text(f"IoU at threshold {threshold}")).to_be_visible()
        seen.append(float(facts(frame)[f"IoU at threshold {threshold}"]))
    expected = [
        truth.iou(rich_log.maps["clean", LAST, "layer4"][2], box_of(rich_log, 2), one) for one in (0.2, 0.5, 0.8)
    ]
    assert seen == pytest.approx(expected, abs=0.03)


def test_each_runs_means_are_drawn_over_the_steps(page: Page, rich: Server, rich_log: Rich) -> None:
    frame = look(page, rich, threshold=THRESHOLD, step=120)
    frame.get_by_text("Ground truth over the steps").click()
    charts = {"Pointing game": truth.hit, "Energy inside": truth.energy, "IoU": None}
    boxed = [i for i in range(Rich.SAMPLES) if i not in (1, 3, 7, 9)]  # 1 has a mask, the others no evidence
    for title, metric in charts.items():
        figure = frame.get_by_role("figure", name=re.compile(f"^{title}.* at step 120"))
        expect(figure).to_have_attribute("aria-label", re.compile(r"clean \d"))
        label = figure.get_attribute("aria-label") or ""
        for run in ("clean", "shortcut"):
            maps = rich_log.maps[run, 120, "layer4"]
            values = [
                metric(maps[i], box_of(rich_log, i)) if metric else truth.iou(maps[i], box_of(rich_log, i), THRESHOLD)
                for i in boxed
            ]
            said = re.search(rf"{run} ([\d.]+)", label)
            assert said
            # Sample 1, which has a mask, is one of nine.
            low, high = sum(values) / 9, (sum(values) + 1) / 9
            assert low - 0.02 <= float(said[1]) <= high + 0.02, (title, run, label)
            assert np.mean(values) == pytest.approx(float(said[1]), abs=0.12)
