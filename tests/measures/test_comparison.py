"""Comparisons of maps, against SciPy and plain sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, pearsonr, spearmanr

from tensorboard_plugin_gradcam.measures import (
    class_sensitivity,
    concentration,
    entropy_change,
    evidence_shares,
    hellinger,
    randomisation,
    steadiness,
)

RNG = np.random.default_rng(0)
MAPS, OTHERS = RNG.normal(size=(6, 4, 5)).round(1), RNG.normal(size=(6, 4, 5)).round(1)


def test_class_sensitivity_is_what_pearson_leaves() -> None:
    expected = [1 - pearsonr(one.ravel(), other.ravel())[0] for one, other in zip(MAPS, OTHERS, strict=True)]
    np.testing.assert_allclose(class_sensitivity(MAPS, OTHERS), expected, atol=1e-12)
    np.testing.assert_allclose(class_sensitivity(MAPS, MAPS), 0, atol=1e-12)
    np.testing.assert_allclose(class_sensitivity(MAPS, -3 * MAPS), 2, atol=1e-12)


def test_randomisation_is_scipys_rank_correlation_with_ties() -> None:
    rectified = np.maximum(MAPS, 0), np.maximum(OTHERS, 0)
    for one, other in ((MAPS, OTHERS), rectified):
        expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
        np.testing.assert_allclose(randomisation(one, other), expected, atol=1e-12)


def test_entropy_change_is_scipys_entropies() -> None:
    shares, random = evidence_shares(MAPS), evidence_shares(OTHERS)
    expected = [(entropy(b) - entropy(a)) / entropy(a) for a, b in zip(shares, random, strict=True)]
    np.testing.assert_allclose(entropy_change(shares, random), expected, atol=1e-12)


def test_steadiness_is_one_less_hellingers_distance() -> None:
    shares, before = evidence_shares(MAPS), evidence_shares(OTHERS)
    for row, value in enumerate(steadiness(shares, before)):
        overlap = sum(math.sqrt(p * q) for p, q in zip(shares[row], before[row], strict=True))
        assert value == pytest.approx(1 - math.sqrt(1 - overlap), abs=1e-9)
    np.testing.assert_allclose(steadiness(shares, shares), 1)
    apart = hellinger(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert apart == pytest.approx([1])
    assert (
        hellinger(shares, before) <= [jensenshannon(a, b, 2) * 1.3 for a, b in zip(shares, before, strict=True)]
    ).all()


@pytest.mark.parametrize("broken", [np.zeros((1, 4, 5)), np.full((1, 4, 5), 3.7), np.full((1, 4, 5), np.nan)])
def test_flat_and_broken_maps_compare_with_nothing(broken: np.ndarray) -> None:
    assert np.isnan(class_sensitivity(broken, MAPS[:1])).all()
    assert np.isnan(randomisation(MAPS[:1], broken)).all()


def test_a_map_that_varies_by_rounding_alone_is_flat() -> None:
    nearly = np.float32(0.1) + np.zeros((1, 4, 5), np.float32)
    nearly[0, 0, 0] = np.nextafter(np.float32(0.1), np.float32(1))
    assert np.isnan(class_sensitivity(nearly, MAPS[:1])).all()


def test_maps_of_several_sizes_are_told() -> None:
    with pytest.raises(ValueError, match="one size to compare, got 20 and 16 cells"):
        randomisation(MAPS, np.zeros((6, 4, 4)))


def test_concentration_is_the_mean_difference_of_pairs() -> None:
    """The Gini coefficient's own definition: half the relative mean absolute difference."""
    shares = evidence_shares(MAPS)
    for row, value in zip(shares, concentration(shares), strict=True):
        assert value == pytest.approx(np.abs(row[:, None] - row[None]).mean() / 2 / row.mean(), abs=1e-12)
    assert concentration(np.full((1, 20), 0.05)) == pytest.approx([0])
    assert concentration(np.eye(1, 20)) == pytest.approx([0.95])


def test_evidence_is_of_the_maps_kind() -> None:
    signed = np.array([[[1.0, -3.0]]])
    assert evidence_shares(signed).tolist() == [[1, 0]]
    assert evidence_shares(signed, "signed").tolist() == [[0.25, 0.75]]
    assert evidence_shares(np.array([[[[1.0, -1, 0], [0, 0, 2.0]]]]), "rgb").tolist() == [[0.5, 0.5]]
    assert np.isnan(evidence_shares(-np.ones((1, 2, 2)))).all()
    assert np.isnan(evidence_shares(np.array([[[np.nan, 1]]]))).all()
