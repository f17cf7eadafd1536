"""Summaries of steps as records, for data sets whose samples' own maps are not kept for ever."""

from __future__ import annotations

import numpy as np

from tensorboard_plugin_gradcam.findings.attention import Floats
from tensorboard_plugin_gradcam.findings.summary import (
    EVERYONE,
    MOST_CLASSES,
    ClassSummary,
    Observations,
    StepSummary,
    Summary,
)
from tensorboard_plugin_gradcam.findings.windows import windows_of
from tensorboard_plugin_gradcam.records import NUMBERS, Stamp, Sums


def sums_of(summary: Summary, stamp: Stamp) -> Sums:
    """Return the record of a series' last step."""
    step = summary.steps[-1]
    assert summary.grid is not None
    assert summary.observed is not None
    assert summary.last is not None
    groups = [*sorted(set(step.groups) - {EVERYONE}), EVERYONE]
    classes = [step.groups[group] for group in groups]
    return Sums(
        stamp,
        grid=np.array(summary.grid, dtype=np.int32),
        classes=np.array(groups, dtype=np.int32),
        count=np.array([one.count for one in classes], dtype=np.int32),
        seen=np.array([one.seen for one in classes], dtype=np.int32),
        mean=np.stack([one.mean for one in classes]),
        square=np.stack([_square(summary.observed, summary.last, group) for group in groups]),
        hits=np.stack([one.hits for one in classes]),
        lone=step.groups[EVERYONE].lone,
        numbers=np.array([[getattr(one, name) for name in NUMBERS] for one in classes], dtype=np.float32),
        peak=step.peak,
    )


def _square(observed: Observations, shares: Floats, group: int) -> Floats:
    """Return the mean of the squared attention of a class's samples with evidence, ``(g,)``."""
    members = shares.any(axis=1) & ((observed.labels == group) | (group == EVERYONE))
    return np.asarray(np.square(shares[members]).sum(axis=0) / max(int(members.sum()), 1), dtype=np.float32)


def summary_of(step: int, sums: Sums, most_classes: int = MOST_CLASSES) -> StepSummary:
    """Return a step's summary as it was when it was recorded, of its classes those with the most samples.

    Windows that this version counts in another way have no hits: of them nothing is found.
    """
    windows = len(windows_of((int(sums.grid[0]), int(sums.grid[1]))).regions)
    known = sums.hits.shape[1] == windows
    hits = sums.hits if known else np.zeros((len(sums.classes), windows), dtype=np.int32)
    lone = sums.lone if known else np.zeros((windows, 3), dtype=np.int32)
    largest = np.argsort(-sums.count[:-1], kind="stable")[:most_classes].tolist()
    chosen = [*sorted(largest), len(sums.classes) - 1]
    groups = {
        group: ClassSummary(
            count=int(sums.count[row]),
            seen=int(sums.seen[row]),
            hits=hits[row],
            lone=lone if group == EVERYONE else lone[:0],
            mean=sums.mean[row],
            **dict(zip(NUMBERS, sums.numbers[row].tolist(), strict=True)),
        )
        for row, group in [(row, int(sums.classes[row])) for row in chosen]
    }
    return StepSummary(step, groups, sums.peak)
