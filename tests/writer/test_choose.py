"""Choosing samples, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from tensorboard_plugin_gradcam.writer import choose

LOSSES = some.lists(some.floats(0, 10) | some.just(math.nan), max_size=20)


@given(LOSSES, some.integers(0, 25))
def test_the_worst_are_those_of_the_largest_loss(losses: list[float], count: int) -> None:
    badness = [math.inf if math.isnan(loss) else loss for loss in losses]
    expected = sorted(range(len(losses)), key=lambda i: (-badness[i], i))[:count]
    assert choose.worst(np.array(losses, float), count).tolist() == expected


@given(some.lists(some.integers(-1, 4), max_size=30), some.integers(0, 5), some.integers(1, 3))
def test_one_of_each_class(labels: list[int], seed: int, per_class: int) -> None:
    chosen = choose.one_of_each(np.array(labels, int), seed, per_class=per_class).tolist()
    assert chosen == choose.one_of_each(torch.tensor(labels, dtype=torch.int64), seed, per_class=per_class).tolist()
    expected = {label: min(labels.count(label), per_class) for label in sorted(set(labels)) if label >= 0}
    found = [labels[index] for index in chosen]
    assert found == [label for label, count in expected.items() for _ in range(count)]
    assert len(set(chosen)) == len(chosen)


def test_a_fixed_set_is_the_same_for_a_seed_and_another_for_another() -> None:
    state = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    chosen = choose.fixed(1000, 16, seed=3)
    assert chosen.tolist() == choose.fixed(1000, 16, seed=3).tolist() == sorted(set(chosen.tolist()))
    assert chosen.tolist() != choose.fixed(1000, 16, seed=4).tolist()
    assert choose.fixed(3, 16).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index]


def test_a_mean_loss_is_told() -> None:
    with pytest.raises(ValueError, match="reduction='none'"):
        choose.worst(torch.tensor(0.5), 3)
