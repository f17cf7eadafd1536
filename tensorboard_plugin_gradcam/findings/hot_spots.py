"""Hot spots: many samples of one class, or of all, look at the same place of the picture.

A sample looks at a window where at least half of its evidence lies there. A class is compared with the others by
Fisher's exact test, and with the places of the same shape at which it looks itself by the binomial test: a class whose
maps are more focused than the others' has more samples at every place, and is no hot spot at any. All classes together
are compared with the mirrored places of the same pictures by the sign test, since a mark stands on one side and what
comes from the network's borders or from the habit of centring on both.

At most windows nearly no sample looks, so that no class could be told apart whichever samples these are. That is known
from the number of all hits, without looking at classes, and such windows are not counted as looks (Tarone, 1990).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import regridded
from tensorboard_plugin_gradcam.findings.looks import spaced
from tensorboard_plugin_gradcam.findings.statistics import (
    adjusted,
    binomial_greater,
    fisher_greater,
    sign_test_greater,
    smallest_fisher,
)
from tensorboard_plugin_gradcam.findings.summary import (
    EVERYONE,
    FEWEST,
    LEAST_SHARE_OF_ALL,
    ClassSummary,
    StepSummary,
    Summary,
)
from tensorboard_plugin_gradcam.findings.windows import Region, Windows, windows_of

TIMES = 3  # as often as the others and as elsewhere, or as the mirrored places
TIMES_MIRRORED = 2  # as often as a class looks at the mirrored places: a mark may have a twin
LEVEL = 0.05  # false discovery rate
TESTABLE = 0.0025  # p-value; where no class could have a smaller one, there is nothing to look for
LEAST_SHARE = 0.05  # of a class
LARGEST = 0.25  # of the picture, for all classes together
ON_OBJECT = 0.1  # of the object's area, from which a window is the object's own
LASTING = 0.1  # of the kept steps, from which on a place that is left again still counts

MOST_OBJECTS = 5_000  # whose places are compared with the windows

exact = lru_cache(maxsize=65536)(fisher_greater)


@dataclass(frozen=True)
class HotSpot:
    """A place that a class looks at, where other classes or the mirrored places are not looked at.

    Attributes:
        group: class index, or `EVERYONE`.
        groups: of a place that everyone looks at: the classes that do, ascending; empty where all do.
        window: index into the grid's windows.
        region: its rectangle.
        at: index of the last kept step at which it is significant.
        since: index of the first kept step from which on it holds.
        lasts: whether at least half as many look there at the last kept step.
        hits: samples that look there at that step.
        of: samples of the group.
        other_hits: samples of the others that do; of the mirrored places the most.
        other_of: how many others there are.
        p: p-value.
        q: adjusted for all classes, windows and steps.
    """

    group: int
    window: int
    region: Region
    at: int
    since: int
    lasts: bool
    hits: int
    of: int
    other_hits: int
    other_of: int
    p: float
    q: float
    groups: tuple[int, ...] = ()

    @property
    def effect(self) -> float:
        """By how much more often the group looks there, as a difference of shares."""
        return self.hits / self.of - (self.other_hits / self.other_of if self.other_of else 0)


class _Candidate(NamedTuple):
    group: int
    window: int
    p: float  # that it looks there no more often than the others, or at no mirrored place less
    p_elsewhere: float  # that a class looks there no more often than at other places of the shape


class _Candidates(NamedTuple):
    of_classes: tuple[_Candidate, ...]
    of_all: tuple[_Candidate, ...]
    testable: int  # classes and windows of which the former can be


_candidates: WeakKeyDictionary[StepSummary, _Candidates] = WeakKeyDictionary()


class _Look(NamedTuple):
    at: int
    group: int
    window: int
    p: float
    p_elsewhere: float


def hot_spots(summary: Summary) -> list[HotSpot]:
    """Return the hot spots of a series of maps, those of single classes first, the strongest first."""
    if summary.grid is None:
        return []
    windows = windows_of(summary.grid)
    on_object = _on_object(summary, windows)
    class_looks, shared_looks, testable = _looks(summary, windows, on_object)
    every = len(windows.regions) * len(summary.steps)
    of_classes = _significant(summary, windows, class_looks, testable, len(summary.classes) * every)
    of_all = _significant(summary, windows, shared_looks, every, every)
    for spot in of_all:
        touching = [one for one in of_classes if _touch(windows, spot.window, one.window)]
        if {one.group for one in touching} < set(spot.groups):  # each of these has fewer others than it should
            of_classes = [one for one in of_classes if one not in touching]
    taken = [spot.window for spot in of_classes]
    return of_classes + [spot for spot in of_all if not any(_touch(windows, spot.window, other) for other in taken)]


def _of_classes(step: StepSummary, windows: Windows) -> tuple[tuple[_Candidate, ...], int]:
    """Return the windows that a class looks at much more often than the others do, with p-values, and of how many.

    Those at which it looks no more often than elsewhere stay among them, with a p-value of 1 for that: they are part of
    what the first p-values are adjusted for.
    """
    everyone = step.groups[EVERYONE]
    groups = [group for group, one in step.groups.items() if group != EVERYONE and everyone.count - one.count >= FEWEST]
    if not groups:
        return (), 0
    counts = np.array([step.groups[group].count for group in groups])[:, None]
    hits = np.stack([step.groups[group].hits for group in groups])
    others, other_hits = everyone.count - counts, everyone.hits - hits
    frequent = hits >= np.maximum(FEWEST, LEAST_SHARE * counts)
    apart = hits * others >= TIMES * other_hits * counts
    busy = everyone.hits[everyone.hits >= FEWEST][None].astype(np.int64)
    testable = int((smallest_fisher(busy, counts.astype(np.int64), everyone.count) <= TESTABLE).sum())
    found = []
    for row, window in zip(*(axis.tolist() for axis in np.nonzero(frequent & apart)), strict=True):
        count, size = int(hits[row, window]), int(counts[row, 0])
        p = exact(count, size, int(other_hits[row, window]), int(others[row, 0]))
        if p > TESTABLE:
            continue
        elsewhere = _elsewhere(hits[row], windows, window)
        stands_out = count >= TIMES * elsewhere
        by_chance = binomial_greater(count, size, min(elsewhere + 1, size + 1) / (size + 2)) if stands_out else 1.0
        found.append(_Candidate(groups[row], window, p, by_chance))
    return tuple(found), testable


def _elsewhere(hits: NDArray[np.int32], windows: Windows, window: int) -> float:
    """Return how many samples of a class look at another place of a window's shape, on average.

    Corners are alike, and so are edges, where a network sees the end of the picture: mirrored places count for more.
    """
    mirrors = [mirror for mirror in windows.mirrors[window].tolist() if mirror != window]
    mirrored = float(hits[mirrors].mean()) if mirrors else 0.0
    return max(float(hits @ windows.elsewhere[:, window]), mirrored * TIMES_MIRRORED / TIMES)


def _of_everyone(step: StepSummary, windows: Windows, own: NDArray[np.bool_]) -> tuple[_Candidate, ...]:
    """Return the windows that all look at much more often than at the mirrored ones, with their p-values."""
    found = step.groups[EVERYONE]
    mirrored = np.where(own, 0, found.hits[windows.mirrors]).max(axis=1)
    frequent = found.hits >= max(FEWEST, LEAST_SHARE_OF_ALL * found.count)
    chosen = np.flatnonzero(frequent & (found.hits >= TIMES * mirrored) & ~own.all(axis=1)).tolist()
    return tuple(_Candidate(EVERYONE, window, _against_mirrors(found, windows, window), 0.0) for window in chosen)


def _looks(summary: Summary, windows: Windows, excluded: NDArray[np.bool_]) -> tuple[list[_Look], list[_Look], int]:
    """Return what classes and everyone look at in all steps, and how many looks at classes can tell anything.

    What was found of a step is kept with it.
    """
    own = windows.mirrors == np.arange(len(windows.regions))[:, None]
    large = excluded | np.array([region.area > LARGEST for region in windows.regions], dtype=bool)
    of_classes, of_all, testable = [], [], 0
    for at, step in enumerate(summary.steps):
        kept = _candidates.get(step)
        if kept is None:
            found, count = _of_classes(step, windows)
            kept = _candidates[step] = _Candidates(found, _of_everyone(step, windows, own), count)
        of_classes += [_Look(at, *one) for one in kept.of_classes if not excluded[one.window]]
        of_all += [_Look(at, *one) for one in kept.of_all if not large[one.window]]
        testable += kept.testable
    return of_classes, of_all, testable


def _against_mirrors(found: ClassSummary, windows: Windows, window: int) -> float:
    """Return the largest p-value against any of the mirrored places: it has to beat them all."""
    return max(
        sign_test_greater(int(found.lone[window, turn]), int(found.lone[mirror, turn]))
        for turn, mirror in enumerate(windows.mirrors[window].tolist())
        if mirror != window
    )


def _significant(summary: Summary, windows: Windows, looks: list[_Look], of: int, of_elsewhere: int) -> list[HotSpot]:
    """Adjust for all looks, and keep one window for each place of each group: both p-values have to be small."""
    if not looks:
        return []
    q_values = np.maximum(
        adjusted([look.p for look in looks], of), adjusted([look.p_elsewhere for look in looks], of_elsewhere)
    )
    by_place: dict[tuple[int, int], list[tuple[_Look, float]]] = {}
    for look, q in zip(looks, q_values.tolist(), strict=True):
        if q <= LEVEL:
            by_place.setdefault((look.group, look.window), []).append((look, q))
    last = len(summary.steps) - 1
    spots = [
        _spot(summary, windows, *found[-1])
        for found in by_place.values()
        if found[-1][0].at == last or len(found) >= max(2, LASTING * len(summary.steps))
    ]
    return _apart(spots, windows)


def _spot(summary: Summary, windows: Windows, look: _Look, q: float) -> HotSpot:
    step = summary.steps[look.at]
    found, everyone = step.groups[look.group], step.groups[EVERYONE]
    if look.group == EVERYONE:
        mirrors = [mirror for mirror in windows.mirrors[look.window].tolist() if mirror != look.window]
        others, other_of = max(int(found.hits[mirror]) for mirror in mirrors), found.count
    else:
        others, other_of = int(everyone.hits[look.window] - found.hits[look.window]), everyone.count - found.count
    return HotSpot(
        group=look.group,
        window=look.window,
        region=windows.regions[look.window],
        at=look.at,
        since=_since(summary, look),
        lasts=_rate(summary.steps[-1], look) >= _rate(step, look) / 2,
        hits=int(found.hits[look.window]),
        of=found.count,
        other_hits=others,
        other_of=other_of,
        p=max(look.p, look.p_elsewhere),
        q=q,
        groups=_who(step, look.window) if look.group == EVERYONE else (),
    )


def _who(step: StepSummary, window: int) -> tuple[int, ...]:
    """Return which classes look at a place that everyone does, at least half as often as all; empty for all classes."""
    everyone = step.groups[EVERYONE]
    rates = {
        group: one.hits[window] / one.count
        for group, one in step.groups.items()
        if group != EVERYONE and one.count >= FEWEST
    }
    chosen = [group for group, rate in rates.items() if 2 * rate >= everyone.hits[window] / everyone.count]
    return tuple(sorted(chosen)) if len(chosen) < len(rates) else ()


def _since(summary: Summary, look: _Look) -> int:
    """Return the first step from which on at least half as many look there, but for single lapses."""
    rates = np.array([_rate(step, look) for step in summary.steps[: look.at + 1]])
    holds = rates >= rates[-1] / 2
    first = look.at
    while first > 0 and (holds[first - 1] or (first > 1 and holds[first - 2])):
        first -= 1
    return first if holds[first] else first + 1


def _rate(step: StepSummary, look: _Look) -> float:
    found = step.groups.get(look.group)
    return 0.0 if found is None or not found.count else float(found.hits[look.window] / found.count)


def _apart(spots: list[HotSpot], windows: Windows) -> list[HotSpot]:
    """Of windows of a group that touch keep one: the smallest with at least nine tenths of the most hits."""
    kept: list[HotSpot] = []
    rest = sorted(spots, key=lambda spot: (spot.at, spot.hits, -spot.region.area), reverse=True)
    while rest:
        most = rest[0]
        same = [
            spot
            for spot in rest
            if spot.group == most.group and spot.at == most.at and _touch(windows, spot.window, most.window)
        ]
        enough = [spot for spot in same if spot.hits >= 0.9 * most.hits]
        chosen = min(enough, key=lambda spot: (spot.region.area, spot.p))
        kept.append(chosen)
        rest = [
            spot
            for spot in rest
            if spot.group != chosen.group
            or not (_touch(windows, spot.window, chosen.window) or _touch(windows, spot.window, most.window))
        ]
    return sorted(kept, key=lambda spot: spot.effect, reverse=True)


def _touch(windows: Windows, first: int, second: int) -> bool:
    return bool((windows.cells[:, first] * windows.cells[:, second]).any())


def _on_object(summary: Summary, windows: Windows) -> NDArray[np.bool_]:
    """Return which windows ``(W,)`` cover a tenth or more of the objects, where these are at different places."""
    truths = None if summary.observed is None else summary.observed.truths
    if truths is None or summary.grid is None:
        return np.zeros(len(windows.regions), dtype=bool)
    truths = truths[spaced(np.arange(len(truths)), MOST_OBJECTS)]
    known = truths[np.isfinite(truths).all(axis=(1, 2))].astype(np.float32)
    known = known[known.sum(axis=(1, 2)) > 0]
    if not len(known) or is_mark(known):
        return np.zeros(len(windows.regions), dtype=bool)
    objects = regridded(known, summary.grid).reshape(len(known), -1)
    objects /= objects.sum(axis=1, keepdims=True)
    return np.asarray(np.median(objects @ windows.cells, axis=0) >= ON_OBJECT)


def is_mark(truths: NDArray[np.float32]) -> bool:
    """Say whether marked regions ``(N, h, w)`` are at one place in nearly all pictures: a mark rather than objects."""
    mean = truths.mean(axis=0)
    common = np.minimum(truths, mean).sum(axis=(1, 2)) / truths.sum(axis=(1, 2))
    return bool(np.median(common) >= 0.9)
