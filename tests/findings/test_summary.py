"""What is kept of each step, beside plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import EVERYONE, Observations, Stretch, Summary, attention
from tensorboard_plugin_gradcam.findings.windows import windows_of
from tests.findings.steps import expect_alike

T, N = 6, 40
LABELS = (np.arange(N) % 3).astype(np.int32)
GRID = (7, 7)


def maps():
    found = np.random.default_rng(0).gamma(0.2, size=(T, N, 7, 7)).astype(np.float32)
    found[:, :25, 0, 0] += 30  # of which the mirrored places have nothing
    found[2, 3] = -1
    found[:4, 7] = np.nan  # a sample that was not explained at first
    return found


def stretch():
    random = np.random.default_rng(1)
    truths = np.zeros((N, 14, 14), np.float32)
    truths[:, :5, 3:9] = 1
    truths[4] = np.nan
    losses = random.random((T, N)).astype(np.float32)
    losses[1, 2] = np.nan
    predictions = random.integers(-1, 3, (T, N)).astype(np.int32)
    known = Observations(-1, np.zeros((N, 0, 0)), LABELS, truths=truths, identities=tuple(map(str, range(N))))
    return Stretch(tuple(range(0, 60, 10)), maps(), known, predictions, losses / 2, losses)


def steps_of(whole):
    return [
        Observations(
            step, whole.maps[at], LABELS, whole.predictions[at], whole.probabilities[at], whole.losses[at],
            whole.known.truths, whole.known.identities,
        )
        for at, step in enumerate(whole.steps)
    ]  # fmt: skip


def test_steps_together_give_what_they_give_one_by_one():
    together, apart = Summary(), Summary()
    together.extend(stretch())
    for observed in steps_of(stretch()):
        apart.add(observed)
    assert [step.step for step in together.steps] == [step.step for step in apart.steps]
    expect_alike(together, apart)
    assert together.observed.step == 50
    np.testing.assert_array_equal(together.last, apart.last)


@pytest.mark.parametrize("group", [0, 1, 2, EVERYONE])
def test_numbers_are_the_means_and_medians_of_the_samples_that_have_a_map(group):
    whole, summary = stretch(), Summary()
    summary.extend(whole)
    for at in range(T):
        found = summary.steps[at].groups[group]
        members = np.isfinite(whole.maps[at]).all(axis=(1, 2)) & ((group == LABELS) | (group == EVERYONE))
        shares = attention(whole.maps[at], GRID)
        judged = members & (whole.predictions[at] >= 0)
        assert found.count == members.sum()
        assert found.accuracy == pytest.approx((whole.predictions[at] == LABELS)[judged].mean())
        assert found.loss == pytest.approx(np.nanmean(whole.losses[at][members]))
        inside = [share.reshape(GRID).repeat(2, 0).repeat(2, 1)[:5, 3:9].sum() / 4 for share in shares]
        known = members & (np.arange(N) != 4) & (shares.sum(axis=1) > 0)
        assert found.inside == pytest.approx(np.array(inside)[known].mean(), abs=1e-5)
        if at:
            before = attention(whole.maps[at - 1], GRID)
            both = members & (before.sum(axis=1) > 0) & (shares.sum(axis=1) > 0)
            moved = np.sqrt(np.maximum(1 - np.sqrt(shares.astype(float) * before).sum(axis=1), 0))
            assert found.moved == pytest.approx(np.median(moved[both]), abs=1e-5)


def test_who_looks_at_a_window_and_not_at_its_mirror_is_counted():
    whole, summary, windows = stretch(), Summary(), windows_of(GRID)
    summary.extend(whole)
    for at in range(T):
        found = summary.steps[at].groups[EVERYONE]
        hits = windows.hits(attention(whole.maps[at], GRID))[np.isfinite(whole.maps[at]).all(axis=(1, 2))]
        often = np.flatnonzero(hits.sum(axis=0) >= 0.3 * len(hits))
        assert 0 in often
        for window in often:
            for turn, mirror in enumerate(windows.mirrors[window]):
                assert found.lone[window, turn] == (hits[:, window] & ~hits[:, mirror]).sum()
        assert not found.lone[np.setdiff1d(np.arange(len(found.lone)), often)].any()


def test_of_too_many_classes_those_with_the_most_samples_are_told_apart():
    summary = Summary(most_classes=1)
    summary.extend(stretch())
    assert summary.classes == (0,)  # of 14 samples; the others have 13
