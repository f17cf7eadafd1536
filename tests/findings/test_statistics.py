"""Each test of significance equals SciPy's."""

import numpy as np
import pytest
from scipy import stats

from tensorboard_plugin_gradcam.findings.statistics import (
    adjusted,
    binomial_greater,
    fisher_greater,
    fisher_two_sided,
    jump_sizes,
    sign_test_greater,
    smallest_fisher,
)

TABLES = [(5, 10, 1, 30), (0, 5, 3, 9), (12, 12, 0, 40), (40, 200, 3, 800), (7, 7, 7, 7), (300, 500, 2000, 19500)]


@pytest.mark.parametrize("table", TABLES)
def test_fisher_is_the_exact_test_of_scipy(table):
    hits, size, others, other_size = table
    contingency = [[hits, size - hits], [others, other_size - others]]
    assert fisher_greater(*table) == pytest.approx(stats.fisher_exact(contingency, "greater").pvalue, rel=1e-6)


def test_no_p_value_is_below_the_smallest_one():
    hits, sizes = np.arange(13), np.array([[3], [8], [12]])
    found = smallest_fisher(hits[None], sizes, 20)
    for (row, at), smallest in np.ndenumerate(found):
        size, all_hits = int(sizes[row, 0]), int(hits[at])
        fewest, most = max(0, all_hits - 20 + size), min(size, all_hits)
        every = [fisher_greater(own, size, all_hits - own, 20 - size) for own in range(fewest, most + 1)]
        assert smallest == pytest.approx(min(every), rel=1e-6)


def test_the_two_sided_test_sees_either_direction():
    assert fisher_two_sided(9, 10, 1, 10) == fisher_two_sided(1, 10, 9, 10) < 0.01
    assert fisher_two_sided(5, 10, 5, 10) == 1


@pytest.mark.parametrize(("wins", "losses"), [(5, 0), (9, 1), (0, 3), (50, 40), (2000, 1900)])
def test_the_sign_test_is_the_binomial_test_of_scipy(wins, losses):
    expected = stats.binomtest(wins, wins + losses, alternative="greater").pvalue
    assert sign_test_greater(wins, losses) == pytest.approx(expected, rel=1e-6)
    expected = stats.binomtest(wins, wins + losses, 0.02, alternative="greater").pvalue
    assert binomial_greater(wins, wins + losses, 0.02) == pytest.approx(expected, rel=1e-6)


def test_adjusted_p_values_are_those_of_scipy_where_the_rest_counts_as_one():
    small = np.array([0.004, 0.0001, 0.03, 0.0002])
    expected = stats.false_discovery_control(np.concatenate([small, np.ones(96)]))[:4]
    np.testing.assert_allclose(adjusted(small, 100), expected)


def test_the_largest_jump_is_the_split_of_least_squares():
    series = np.random.default_rng(0).normal(size=(5, 30))
    series[:, 12:] += 2
    for values, sizes in zip(series, jump_sizes(series), strict=True):
        squares = [
            np.square(values[:k] - values[:k].mean()).sum() + np.square(values[k:] - values[k:].mean()).sum()
            for k in range(1, 30)
        ]
        np.testing.assert_allclose(np.square(values - values.mean()).sum() - squares, sizes**2)
