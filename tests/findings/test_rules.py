"""Rules that a run is held to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import Source, Summary, no_hot_spot, overlap_at_least, overlaps
from tensorboard_plugin_gradcam.findings.summary import EVERYONE
from tests.findings.plants import planted


def test_a_mark_breaks_the_rule_against_hot_spots_and_is_named():
    source, _ = planted()
    verdict = no_hot_spot(source, ("cat", "dog"))
    assert not verdict.kept
    assert "of “dog” look at the upper left corner" in verdict.sentence
    assert verdict.findings[0].kind == "hot_spot"


def test_a_clean_run_keeps_the_rule_against_hot_spots():
    source, _ = planted(share=0)
    verdict = no_hot_spot(source)
    assert verdict.kept
    assert verdict.sentence == "run: no hot spot in 12 kept steps"


def test_a_mark_on_the_marked_object_keeps_the_rule():
    truths = np.zeros((120, 7, 7), np.float32)
    truths[:, :2, :2] = 1
    truths[::2, :2, :2], truths[::2, 0, 0], truths[::2, 5:, 5:] = 0, 1, 1  # elsewhere, too: objects rather than a mark
    source, _ = planted(truths=truths)
    assert no_hot_spot(source).kept


def test_overlaps_are_those_of_the_mean_maps_of_the_shared_samples():
    first, second = planted()[0], planted(share=0)[0]
    found = overlaps(first, second)
    labels = first.summary.observed.labels
    for group, members in {0: labels == 0, 1: labels == 1, EVERYONE: labels >= 0}.items():
        ours, theirs = (one.summary.last[members].mean(axis=0) for one in (first, second))
        assert found[group] == pytest.approx(np.minimum(ours, theirs).sum(), abs=1e-5)


def test_the_least_alike_class_decides():
    first, second = planted(share=1)[0], planted(share=0)[0]
    verdict = overlap_at_least(first, second, 0.8, ("cat", "dog"))
    assert not verdict.kept
    assert verdict.sentence.endswith("of the attention for “dog” in common, expected at least 0.80")
    assert set(verdict.numbers) == {"“cat”", "“dog”", "all classes"}
    assert overlap_at_least(first, first, 1.0 - 1e-6).kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"identities": ("others",) * 120}, "5 samples or more that 'run' and 'run' share, got 0"),
        (None, "expected maps of pictures in 'run', got none"),
    ],
)
def test_runs_that_can_not_be_compared_are_told(change, message):
    first, second = planted()[0], planted()[0]
    if change is None:
        second = replace(second, summary=Summary())
    else:
        second.summary.observed = replace(second.summary.observed, **change)
    with pytest.raises(ValueError, match=message):
        overlaps(first, second)


def test_maps_of_other_shapes_and_bars_that_are_none_are_told():
    first, second = planted()[0], planted(side=5)[0]
    with pytest.raises(ValueError, match="expected maps of one shape"):
        overlaps(first, second)
    with pytest.raises(ValueError, match="from 0 to 1, got 80"):
        overlap_at_least(first, first, 80)
    with pytest.raises(ValueError, match="got none for tag 'val'"):
        no_hot_spot(Source("run", "val", "m", "l", Summary()))
