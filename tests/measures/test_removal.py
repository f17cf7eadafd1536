"""Gains, by hand and by torchcam."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchcam.metrics import DeletionInsertionMetric

from tensorboard_plugin_gradcam.measures import average_drop, average_increase, gain
from tensorboard_plugin_gradcam.measures.removal import gain_of_scores, kept_cells, removed_counts


def by_a_loop(map_: np.ndarray, weights: np.ndarray, steps: int) -> float:
    """Return the undivided gain of an additive score, cell by cell."""
    cells = map_.size
    order = sorted(range(cells), key=lambda cell: (-map_.flat[cell], cell))
    size = -(-cells // steps)
    points = [*range(0, cells, size), cells]
    total, last = 0.0, None
    for count in points:
        inserted = sum(weights.flat[cell] for cell in order[:count])
        removed = sum(weights.flat[cell] for cell in order[count:])
        now = (count / cells, inserted - removed)
        if last is not None:
            total += (now[0] - last[0]) * (now[1] + last[1]) / 2
        last = now
    return total


@pytest.mark.parametrize("steps", [2, 3, 4, 7, 14, 49, 100])
def test_a_gain_is_the_area_between_the_curves(steps: int) -> None:
    rng = np.random.default_rng(steps)
    maps, weights = rng.normal(size=(3, 7, 7)).round(1), rng.normal(size=(3, 7, 7))  # rounded: some are equal

    found = gain(maps, lambda at, kept: kept @ weights[at].ravel(), steps)

    expected = [by_a_loop(map_, weight, steps) for map_, weight in zip(maps, weights, strict=True)]
    np.testing.assert_allclose(found.logits, expected, atol=1e-12)
    positive = weights.sum(axis=(1, 2)) > 0
    np.testing.assert_allclose(
        found.normalised[positive], (found.logits / weights.sum(axis=(1, 2)))[positive], atol=1e-12
    )


def test_a_map_that_is_the_score_has_the_highest_gain_and_its_negative_the_lowest() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(1, 5, 5))

    def of(maps: np.ndarray) -> float:
        return float(gain(maps, lambda at, kept: kept @ weights[at].ravel(), 25).logits[0])

    best = of(weights)
    assert all(best > of(rng.normal(size=(1, 5, 5))) for _ in range(20))
    assert of(-weights) == pytest.approx(-best)


def test_equal_cells_are_ranked_by_what_is_below_zero_and_then_by_their_index() -> None:
    kept = kept_cells(np.array([[[2.0, -1.0], [-3.0, -1.0]]]), 4)
    without_most = kept[0, 0::2].astype(int).tolist()
    assert without_most == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 0]]


def test_curves_have_the_points_that_torchcam_takes() -> None:
    assert removed_counts(49, 4) == [0, 13, 26, 39, 49]
    assert removed_counts(4, 14) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        removed_counts(49, 1)


@pytest.mark.parametrize("nothing", [1.0, 1.0 - 1e-7, 0.9999, 2.0])
def test_what_loses_nothing_divides_nothing(nothing: float) -> None:
    rows = np.array([[0.5, 0.9, 0.4, 0.8]])
    found = gain_of_scores(rows, np.array([1.0]), np.array([nothing]), 12, 3)
    assert np.isnan(found.normalised).all()
    inserted, removed = [nothing, 0.9, 0.8, 1], [1, 0.5, 0.4, nothing]
    areas = [(curve[0] / 2 + curve[1] + curve[2] + curve[3] / 2) / 3 for curve in (inserted, removed)]
    assert found.logits == pytest.approx([areas[0] - areas[1]])


def test_a_score_that_never_changes_has_no_normalised_gain() -> None:
    found = gain_of_scores(np.full((1, 2), 3.0), np.array([3.0]), np.array([3.0]), 4, 2)
    assert np.isnan(found.normalised).all()
    assert found.logits == pytest.approx([0])


class Still:
    """What torchcam asks of an extractor: the one map that it is given."""

    def __init__(self, model: nn.Module, maps: torch.Tensor) -> None:
        self.model, self._maps = model, maps

    def __call__(self, *args: Any, **kwargs: Any) -> list[torch.Tensor]:
        return [self._maps]

    def fuse_cams(self, maps: list[torch.Tensor]) -> torch.Tensor:
        return maps[0]

    def _hooks_off(self) -> Any:
        return torch.no_grad()


@pytest.mark.parametrize("steps", [2, 4, 7, 14])
def test_a_gain_is_torchcams_insertion_less_its_deletion(steps: int) -> None:
    torch.manual_seed(0)
    head = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    activations, maps = torch.rand(3, 4, 7, 7), torch.randn(3, 7, 7)
    metric = DeletionInsertionMetric(Still(head, maps), steps=steps)
    for row in range(3):
        metric.cam_extractor = Still(head, maps[row : row + 1])
        metric.update(activations[row : row + 1], class_idx=2)

    def score(at: int, kept: np.ndarray) -> Any:
        with torch.no_grad():
            return head(activations[at] * torch.from_numpy(kept).reshape(-1, 1, 7, 7))[:, 2].numpy()

    expected = metric.summary()
    found = gain(maps.numpy(), score, steps).logits.mean()
    assert found == pytest.approx(expected["insertion_auc"] - expected["deletion_auc"], abs=1e-5)


def test_drop_and_increase_are_those_of_the_paper() -> None:
    whole, shown = np.array([0.5, 0.5, 0.2, 0.0]), np.array([0.25, 0.75, 0.2, 0.1])
    np.testing.assert_allclose(average_drop(whole, shown), [0.5, 0, 0, np.nan])
    np.testing.assert_allclose(average_increase(whole, shown), [0, 1, 0, 1])
