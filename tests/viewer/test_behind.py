"""Classes by what was predicted, and the samples behind a place."""

from __future__ import annotations

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import EVERYONE, Observations, Observer, Summary
from tensorboard_plugin_gradcam.findings.windows import Region
from tensorboard_plugin_gradcam.viewer.behind import behind_json, by_prediction, shares_in
from tensorboard_plugin_gradcam.viewer.findings import Summarised

LABELS = np.array([0, 0, 1, 1, -1] * 5, np.int32)
SAID = np.array([1, 0, 1, -1, 1] * 5, np.int32)


def observed() -> Observations:
    maps = np.random.default_rng(0).random((25, 4, 4)).astype(np.float32)
    maps[2::5] = np.nan
    return Observations(30, maps, LABELS, SAID, identities=tuple(f"{'abcde'[index % 5]}{index}" for index in range(25)))


def test_classes_by_prediction_know_how_many_of_their_samples_are_right() -> None:
    one = observed()
    summary = Summary()
    summary.add(one)
    step = by_prediction(Summarised("", Observer("positive"), summary), one).summary.steps[-1]
    assert sorted(step.groups) == [EVERYONE, 0, 1]
    assert [step.groups[group].count for group in (0, 1, EVERYONE)] == [5, 10, 20]  # the third of five has no map
    assert step.groups[0].accuracy == 1
    assert step.groups[1].accuracy == 0  # of two, one has no label
    maps = one.maps[sorted([*range(0, 25, 5), *range(4, 25, 5)])]
    shares = maps.reshape(10, 16) / maps.sum(axis=(1, 2))[:, None]
    np.testing.assert_allclose(step.groups[1].mean, shares.mean(axis=0), rtol=1e-5)


def test_samples_without_a_map_or_of_another_class_are_not_behind_a_place() -> None:
    region = Region(0.5, 0, 1, 0.5)
    named = [one["identity"][0] for one in behind_json(observed(), region, 1, "prediction")["samples"]]
    assert sorted(named) == ["a"] * 5 + ["e"] * 5
    assert behind_json(observed(), region, None, "label")["count"] == 20
    assert behind_json(observed(), region, 7, "label") == {
        "step": 30, "count": 0, "share": None, "area": 0.25, "samples": [],
    }  # fmt: skip


def test_a_cell_counts_by_the_part_of_it_that_lies_in_the_region() -> None:
    maps = np.array([[[1, 3], [-9, np.nan]], [[0, 0], [0, -1]], [[3e38, 3e38], [0, 0]]], np.float32)
    shares = shares_in(maps, Region(0, 0, 0.75, 1))
    np.testing.assert_allclose(shares, [2.5 / 4, np.nan, 0.75])
    framed = shares_in(maps, Region(0, 0, 1, 1, (0, 0, 0.5, 1)))
    assert framed[0] == pytest.approx(0.75)
