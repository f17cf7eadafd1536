"""Series as they are summarised for the tab: together where steps are alike, else one by one, in bounded memory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import Observer
from tensorboard_plugin_gradcam.findings.looks import nothing
from tensorboard_plugin_gradcam.records import Block, Maps, Stamp
from tensorboard_plugin_gradcam.viewer import findings
from tensorboard_plugin_gradcam.viewer.budget import Busy, Processor
from tensorboard_plugin_gradcam.viewer.catalog import Key
from tensorboard_plugin_gradcam.viewer.findings import Listing, Studied, Summaries, Summarised, listing_of
from tensorboard_plugin_gradcam.viewer.store import Loaded, ident_of, merged
from tests.findings.steps import COHORTS, SMALL, assert_same, block, moments, one_by_one, said

KEY = Key("run", "val", "maps", "grad_cam", "layer4")


def listed(digest: str) -> Listing | None:
    return listing_of(COHORTS[digest].to_bytes()) if digest in COHORTS else None


def loaded(until: int = 12, old: tuple[Loaded, Loaded] | None = None) -> tuple[Loaded, Loaded]:
    maps, predictions = {}, {}
    for step, cohort, blocks in moments()[:until]:
        point = (step, 1.0, Maps(Stamp(cohort.digest, step), blocks).to_bytes())
        maps[ident_of(point)] = point
        if step != 2:
            point = (step, 1.0, said(step, cohort).to_bytes())
            predictions[ident_of(point)] = point
    old_maps, old_said = old or (None, None)
    return merged("maps", maps, old_maps, None), merged("predictions", predictions, old_said, None)


def of(
    summaries: Summaries, maps: Loaded, said: Loaded | None, run: str = "run", processor: Processor | None = None
) -> Summarised:
    studied = Studied(KEY._replace(run=run), "positive", maps, said)
    return summaries.of("", studied, listed, processor or Processor())


def test_steps_of_every_kind_are_summarised_as_they_are_one_by_one() -> None:
    found = of(Summaries(), *loaded())
    assert_same(found.summary, one_by_one())


def test_new_steps_extend_what_was_summarised() -> None:
    summaries, early = Summaries(), loaded(until=6)
    before = of(summaries, *early)
    kept = list(before.summary.steps)
    after = of(summaries, *loaded(old=early))
    assert after is before
    assert all(mine is theirs for mine, theirs in zip(kept, after.summary.steps, strict=False))
    assert_same(after.summary, one_by_one())


class Portions(Processor):
    """Processor for so many parts."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self._left = parts

    @property
    def is_used_up(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_what_is_too_much_for_one_request_is_done_by_several() -> None:
    summaries, series = Summaries(), loaded()
    with pytest.raises(Busy):
        of(summaries, *series, processor=Portions(2))
    with pytest.raises(Busy):
        of(summaries, *series, processor=Portions(1))
    found = of(summaries, *series)
    assert_same(found.summary, one_by_one())
    of(summaries, *series, processor=Portions(0))  # nothing is left to do


def test_what_is_kept_stays_within_its_budget() -> None:
    series = loaded()
    one = of(Summaries(), *series).summary.nbytes
    summaries = Summaries(budget=3 * one)
    for run in range(6):
        of(summaries, *series, run=f"run {run}")
    assert 2 * one <= summaries.nbytes <= 3 * one


def test_a_series_that_would_take_too_much_tells_fewer_classes_apart(monkeypatch) -> None:
    monkeypatch.setattr(findings, "SUMMARY_BYTES", 1)
    monkeypatch.setattr(findings, "FEWEST_CLASSES", 1)
    found = of(Summaries(), *loaded())
    assert {len(step.groups) for step in found.summary.steps} == {2}  # one class, and everyone


def test_the_maps_of_one_step_are_had_for_themselves() -> None:
    maps, said_ = loaded()
    studied, summaries = Studied(KEY, "positive", maps, said_), Summaries()
    found = summaries.of("", studied, listed, Processor())
    maps_at, observer = findings.maps_of(found, studied, listed), Observer("positive")
    for step, cohort, blocks in moments():
        expected, one = observer.observe(step, blocks, cohort, None), maps_at(step)
        if expected is None:
            assert one is None
            continue
        assert (one.step, one.identities) == (step, expected.identities)
        np.testing.assert_array_equal(one.maps, expected.maps)
    assert maps_at(99) is None


def test_maps_of_one_cell_and_of_none_are_no_error() -> None:
    for side in (1, 2):
        maps = Maps(Stamp(SMALL.digest, 0), (block(0, range(30), side),)).to_bytes()
        found = of(Summaries(), merged("maps", {(0, 0): (0, 1.0, maps)}, None, None), None)
        json.dumps(
            findings.findings_json([findings.looked_at((KEY, found, nothing, lambda step: None))]), allow_nan=False
        )
        assert len(found.summary.steps) == 1
    empty = Block(np.zeros((30, 0, 4), np.uint8), np.zeros(30, np.float32), np.ones(30, np.float32))
    maps = Maps(Stamp(SMALL.digest, 0), (empty,)).to_bytes()
    assert not of(Summaries(), merged("maps", {(0, 0): (0, 1.0, maps)}, None, None), None).summary.steps
