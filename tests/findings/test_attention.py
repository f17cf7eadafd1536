"""Maps as distributions over one grid."""

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import attention, grid_of, likeness, overlap
from tensorboard_plugin_gradcam.findings.attention import regridded
from tensorboard_plugin_gradcam.measures import hellinger


@pytest.mark.parametrize(
    ("shape", "grid"),
    [((7, 7), (7, 7)), ((14, 14), (7, 7)), ((10, 10), (10, 10)), ((64, 32), (10, 5)), ((1, 3), (1, 3))],
)
def test_fine_maps_are_brought_to_whole_cells_of_a_coarse_grid(shape, grid):
    assert grid_of(shape) == grid


def test_shares_sum_to_one_whatever_the_scale():
    maps = np.random.default_rng(0).random((4, 9, 5)).astype(np.float32)
    for scale in (1e-30, 1, 1e30):
        shares = attention(maps * np.float32(scale), (9, 5))
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(shares, attention(maps, (9, 5)), rtol=1e-4)


def test_what_is_negative_or_not_finite_is_no_evidence():
    maps = np.array([[[-5.0, 1.0], [np.nan, np.inf]], [[-1.0, -1.0], [-1.0, 0.0]]])
    np.testing.assert_array_equal(attention(maps, (2, 2)), [[0, 1, 0, 0], [0, 0, 0, 0]])


def test_regridding_by_area_keeps_what_lies_within_common_lines():
    fine = np.random.default_rng(1).random((3, 12, 8)).astype(np.float32)
    np.testing.assert_allclose(regridded(fine, (6, 4)), fine.reshape(3, 6, 2, 4, 2).sum(axis=(2, 4)), rtol=1e-5)
    uneven = regridded(fine, (5, 7))
    np.testing.assert_allclose(uneven.sum(axis=(1, 2)), fine.sum(axis=(1, 2)), rtol=1e-5)
    # A flat map stays flat: each cell has what its area has.
    np.testing.assert_allclose(regridded(np.ones((4, 6), np.float32), (3, 5)), 24 / 15, rtol=1e-6)


def test_distances_of_distributions_in_closed_form():
    here, there, both = np.float32([1, 0]), np.float32([0, 1]), np.float32([0.5, 0.5])
    assert hellinger(here, here) == 0
    assert hellinger(here, there) == 1
    assert hellinger(here, both) == pytest.approx(np.sqrt(1 - np.sqrt(0.5)))
    assert np.isnan(hellinger(here, np.float32([0, 0])))
    assert overlap(here, there) == 0
    assert overlap(here, both) == 0.5


def test_likeness_is_the_mean_of_all_pairs_correlations():
    shares = np.random.default_rng(2).random((6, 10)).astype(np.float32)
    pairs = np.corrcoef(shares)[np.triu_indices(6, 1)]
    assert likeness(shares) == pytest.approx(pairs.mean(), abs=1e-6)
    assert np.isnan(likeness(shares[:1]))
