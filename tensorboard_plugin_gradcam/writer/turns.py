"""Whole data sets: sums of each class at every step, and the samples' own maps at the last few.

TensorBoard can't delete. So maps take turns on a few tags, each event at step 0: its data server keeps the last of the
events at one step, and readers ask for the last. The sums are a small series of their own, of all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tensorboard_plugin_gradcam.findings import Observer, Summary, sums_of
from tensorboard_plugin_gradcam.records import Block, Cohort, Predictions, Series, Stamp, Sums
from tensorboard_plugin_gradcam.writer.checks import at_least

WHOLE = 10_000  # samples of a step, above which it is a whole data set
KEPT = 10  # steps whose maps are kept of a whole data set


def kept_of(keep_maps: int | None, samples: int) -> int | None:
    """Return of how many steps the maps are kept; None of all."""
    return keep_maps if keep_maps is not None else KEPT if samples > WHOLE else None


def checked_keep(keep_maps: int | None) -> int | None:
    """Return of how many steps maps should be kept, or raise an error where that is no number from 1 on."""
    found: int | None = at_least("keep_maps", keep_maps, 1, optional=True)
    return found


class Turns:
    """The sums of one session's series; remembers where each sample looked at the step before."""

    def __init__(self) -> None:
        self._series: dict[Series, _Course] = {}

    def sums(
        self, maps: Series, step: int, blocks: Sequence[Block], cohort: Cohort, said: Predictions | None, stamp: Stamp
    ) -> tuple[Series, Sums] | None:
        """Return the sums of a step's maps and their series; None for volumes."""
        course = self._series.setdefault(maps, _Course(Observer(maps.map_kind)))
        found = course.sums(step, blocks, cohort, said, stamp)
        return None if found is None else (replace(maps, kind="sums"), found)


class _Course:
    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._before, self._now = Summary(), Summary()

    def sums(
        self, step: int, blocks: Sequence[Block], cohort: Cohort, said: Predictions | None, stamp: Stamp
    ) -> Sums | None:
        if self._now.observed is None or self._now.observed.step != step:  # or else the step is written again
            self._before = self._now
        observed = self._observer.observe(step, blocks, cohort, said)
        if observed is None:
            return None
        self._now = Summary(self._before.grid, last=self._before.last, observed=self._before.observed)
        self._now.add(observed)
        found = sums_of(self._now, stamp)
        # Of the maps only where they look is asked for again.
        self._now.observed = replace(observed, maps=np.zeros((0, 0, 0), dtype=np.float32), truths=None)
        return found
