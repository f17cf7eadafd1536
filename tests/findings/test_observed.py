"""From records to what is summarised: steps that are alike come together, and give what they give one by one."""

from __future__ import annotations

import pytest

from tensorboard_plugin_gradcam.findings import Logged, Observer, Stretch, Summary, observed
from tests.findings.steps import assert_same, moments, one_by_one, said


def stretches() -> list[Stretch]:
    logged = [
        Logged(step, blocks, cohort, None if step == 2 else said(step, cohort)) for step, cohort, blocks in moments()
    ]
    return list(Observer("positive").stretches(logged))


def test_steps_that_follow_each_other_and_are_alike_come_together() -> None:
    together = [stretch.steps for stretch in stretches()]
    assert together == [(0, 1, 2, 3), (4,), (5,), (6,), (8, 9), (10, 11)]  # step 7 has no maps


def test_steps_of_every_kind_are_summarised_as_they_are_one_by_one() -> None:
    summary = Summary()
    for stretch in stretches():
        summary.extend(stretch)
    assert_same(summary, one_by_one())


def test_no_more_steps_come_together_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "STRETCH_CELLS", 2 * 30 * 25)
    assert [stretch.steps for stretch in stretches()][:2] == [(0, 1), (2, 3)]
