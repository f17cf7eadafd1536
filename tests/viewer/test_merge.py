"""Which records count: against plain loops over the rule as it is written."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from tensorboard_plugin_gradcam.viewer.merge import affordable, nearest, surviving

NUMBERS = some.integers(0, 6)


@given(some.lists(some.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_a_later_record_replaces_all_at_its_step_or_above(records: list[tuple[int, int, int]]) -> None:
    step, session, ordinal = (np.array(column) for column in zip(*records, strict=True))
    kept: list[int] = []
    for one in sorted(range(len(records)), key=lambda i: (session[i], ordinal[i], i)):
        kept = [other for other in kept if step[other] < step[one]] + [one]
    assert surviving(step, session, ordinal).tolist() == kept


@given(some.lists(some.integers(0, 100), min_size=1, max_size=40), some.integers(1, 500), some.booleans())
def test_what_is_kept_fits_and_the_last_affordable_record_stays(sizes: list[int], budget: int, padded: bool) -> None:
    kept, refused = affordable(np.array(sizes), budget, padded)
    taken = [sizes[i] for i in kept]
    cost = len(taken) * max(taken, default=0) if padded else sum(taken)
    assert cost <= budget
    assert not set(kept) & set(refused)
    assert all(np.diff(kept) > 0)
    left = [i for i in range(len(sizes)) if i not in refused]
    assert not left or kept[-1] == left[-1]
    if len(sizes) * max(sizes) <= budget:
        assert len(kept) == len(sizes)


def test_one_giant_is_refused_so_that_the_others_are_kept() -> None:
    kept, refused = affordable(np.array([10] * 9 + [900]), 1000)
    assert (kept.tolist(), refused.tolist()) == (list(range(10)), [])
    kept, refused = affordable(np.array([10] * 20 + [900]), 1000)
    assert (kept.tolist(), refused.tolist()) == (list(range(20)), [20])


def test_records_that_are_all_large_are_thinned_out() -> None:
    kept, refused = affordable(np.array([10] * 16), 40)
    assert (kept.tolist(), refused.tolist()) == ([3, 7, 11, 15], [])


@given(some.lists(some.integers(-50, 50), min_size=1, max_size=30, unique=True), some.floats(-60, 60))
def test_nearest_takes_the_lower_of_two_equally_near(steps: list[int], value: float) -> None:
    ascending = np.array(sorted(steps), float)
    expected = min(range(len(ascending)), key=lambda i: (abs(ascending[i] - value), i))
    assert nearest(ascending, value) == expected
