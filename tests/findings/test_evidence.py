"""Maps that are made of a record a portion at a time are what they are when all are made at once."""

from __future__ import annotations

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import Observations, Summary, attention, evidence, summary
from tensorboard_plugin_gradcam.findings.attention import regridded
from tensorboard_plugin_gradcam.findings.evidence import Evidence
from tensorboard_plugin_gradcam.records import Block, MapKind, quantised
from tests.findings.steps import expect_alike


def block(samples: list[int], *shape: int, seed: int = 0) -> Block:
    raw = np.random.default_rng(seed).normal(size=(len(samples), *shape)).astype(np.float32)
    found = quantised(raw, "uint8")
    return Block(found.values, found.minimum, found.maximum, samples=np.array(samples, np.int32))


def test_of_several_maps_of_a_sample_the_first_counts_and_one_without_is_not_a_number():
    first, second = block([2, 0, 2], 3, 4), block([0, 1], 6, 8, seed=1)
    found = Evidence([first, second], "positive", 4)
    assert found.shape == (4, 3, 4)
    np.testing.assert_array_equal(found[np.array([2, 0])], first.dequantised()[:2])
    finer = np.maximum(second.dequantised()[1], 0).reshape(3, 2, 4, 2).sum(axis=(1, 3))
    np.testing.assert_allclose(found[:][1], finer, rtol=1e-5)
    assert np.isnan(found[3:]).all()


@pytest.mark.parametrize("kind", ["positive", "signed", "rgb"])
@pytest.mark.parametrize("shape", [(90, 70), (3, 2000), (130, 65)])
def test_large_maps_are_averaged_by_area_a_tile_at_a_time(monkeypatch, kind: MapKind, shape: tuple[int, int]):
    monkeypatch.setattr(evidence, "PORTION", 1500)
    one = block([0, 1], *shape, *((3,) if kind == "rgb" else ()))
    found = Evidence([one], kind, 2)
    whole = np.maximum(evidence.evidence_of(one, kind), 0)
    grid = found.shape[1:]
    assert max(grid) <= 10
    expected = regridded(whole, grid) * (grid[0] * grid[1] / (shape[0] * shape[1]))
    np.testing.assert_allclose(found[:], expected, rtol=1e-4)
    np.testing.assert_allclose(attention(found[:], grid), attention(whole, grid), rtol=1e-4, atol=1e-7)


def test_a_summary_of_portions_is_that_of_all_samples_together(monkeypatch):
    """Counts, means, medians and what a window is compared with, for classes and everyone."""
    random = np.random.default_rng(3)
    maps = random.gamma(0.3, size=(60, 6, 6)).astype(np.float32)
    maps[:40, 0, 0] += 9
    maps[7] = np.nan
    labels, truths = (np.arange(60) % 4).astype(np.int32), random.random((60, 14, 14)) < 0.3
    names = tuple(map(str, range(60)))
    together, apart = Summary(), Summary()
    for step in (0, 1):
        observed = Observations(step, maps * (1 + step * random.random(maps.shape)), labels, labels, truths=truths,
                                identities=names)  # fmt: skip
        together.add(observed)
        with monkeypatch.context() as small:
            small.setattr(summary, "TOGETHER", 700)
            small.setattr(summary, "portions", lambda count, each, most=300: evidence.portions(count, each, most))
            apart.add(observed)
    expect_alike(together, apart)
    np.testing.assert_array_equal(together.last, apart.last)
