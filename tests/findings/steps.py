"""Steps of many kinds, and their summary one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tensorboard_plugin_gradcam.findings import Observer, Summary
from tensorboard_plugin_gradcam.records import Block, Cohort, Predictions, Sample, Stamp, quantised

COHORTS = {
    one.digest: one for size in (30, 31) for one in [Cohort(tuple(Sample(label=i % 2, id=str(i)) for i in range(size)))]
}
SMALL, LARGE = COHORTS.values()


def block(step: int, samples: Sequence[int], side: int = 5) -> Block:
    raw = np.random.default_rng(step).gamma(0.5, size=(len(samples), side, side)).astype(np.float32)
    found = quantised(raw, "uint8")
    return Block(found.values, found.minimum, found.maximum, samples=np.array(samples, np.int32))


def moments() -> list[tuple[int, Cohort, tuple[Block, ...]]]:
    """Return steps of many kinds: plain, in another order, without some samples, in two shapes, of other samples."""
    every = range(30)
    return [
        *((step, SMALL, (block(step, every),)) for step in range(4)),
        (4, SMALL, (block(4, every[::-1]),)),
        (5, SMALL, (block(5, every[3:]),)),
        (6, SMALL, (block(6, every[:10]), block(60, every[10:], side=10))),
        (7, SMALL, ()),
        *((step, LARGE, (block(step, range(31)),)) for step in (8, 9)),
        *((step, SMALL, (block(step, every),)) for step in (10, 11)),
    ]


def said(step: int, cohort: Cohort) -> Predictions:
    labels = np.array([(sample.label + step) % 3 for sample in cohort.samples], np.int32)
    return Predictions(Stamp(cohort.digest, step), labels, np.full(len(labels), 0.5, np.float32))


def one_by_one() -> Summary:
    summary, observer = Summary(), Observer("positive")
    for step, cohort, blocks in moments():
        observed = observer.observe(step, blocks, cohort, None if step == 2 else said(step, cohort))
        if observed is not None:
            summary.add(observed)
    return summary


def assert_same(mine: Summary, theirs: Summary) -> None:
    assert [step.step for step in mine.steps] == [step.step for step in theirs.steps]
    for name in ("count", "seen", "accuracy", "probability", "moved", "alike"):
        for group in (-1, 0, 1):
            np.testing.assert_allclose(mine.series(group, name), theirs.series(group, name), rtol=1e-5, atol=1e-6)


def expect_alike(one: Summary, other: Summary) -> None:
    """Expect two summaries of the same steps to hold the same figures."""
    for mine, theirs in zip(one.steps, other.steps, strict=True):
        assert mine.peak == theirs.peak
        assert mine.groups.keys() == theirs.groups.keys()
        for group, figures in mine.groups.items():
            for name in figures.__slots__:
                np.testing.assert_allclose(
                    getattr(figures, name), getattr(theirs.groups[group], name), rtol=1e-5, atol=1e-6
                )
