"""All findings of the series of a log, strongest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import attention, overlap
from tensorboard_plugin_gradcam.findings.births import MapsAt, birth, no_maps
from tensorboard_plugin_gradcam.findings.changes import changes
from tensorboard_plugin_gradcam.findings.finding import Finding
from tensorboard_plugin_gradcam.findings.hot_spots import HotSpot, hot_spots
from tensorboard_plugin_gradcam.findings.looks import (
    Look,
    Looks,
    look_at,
    looks_alike,
    mean_picture,
    nothing,
    spaced,
)
from tensorboard_plugin_gradcam.findings.statistics import fisher_two_sided
from tensorboard_plugin_gradcam.findings.strategies import strategies
from tensorboard_plugin_gradcam.findings.summary import (
    EVERYONE,
    FEWEST,
    ClassSummary,
    Observations,
    StepSummary,
    Summary,
    in_both,
    inside_marked,
)
from tensorboard_plugin_gradcam.findings.windows import windows_of

SAME_MAP = 0.95  # mean correlation of maps, from which they are nearly the same for every picture
DEAD = 0.5  # of a class's maps
LEAST_CHANGE = 0.15  # of the share inside the marked region
LEAST_FLAG = 0.05  # of that share, or of how far attention moves in a step
AGREE = 0.8  # of the predictions of two runs
APART = 0.5  # of the attention that two runs have in common, at most
SURE = 0.8  # probability of a wrong prediction
OUTSIDE = 0.1  # share of the evidence inside the marked region, at most
APART_CLUSTER = 0.25  # silhouette
MOST_BIRTHS = 10  # strategies whose first step is looked for
MOST_LEFT = 10  # places that are left again whose samples are looked for
PLAIN = 0.5  # effect from which a hot spot needs no pictures that look alike
PLAIN_UNSEEN = 0.2  # the same where no pictures are known
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Source:
    """One series of maps, and what its samples were.

    Attributes:
        run: of TensorBoard.
        tag: of the user.
        method: of the maps.
        layer: of the maps.
        summary: its steps.
        looks: small grey pictures by their digests.
        maps_at: the samples' own maps at a step.
    """

    run: str
    tag: str
    method: str
    layer: str
    summary: Summary
    looks: Looks = nothing
    maps_at: MapsAt = no_maps

    def finding(self, kind: str, at: int, **known: object) -> Finding:
        """Return a finding about this series at a kept step's index."""
        place = {"run": self.run, "tag": self.tag, "method": self.method, "layer": self.layer}
        return Finding(kind=kind, **place, step=self.summary.steps[at].step, **known)  # type: ignore[arg-type]


def find(sources: Sequence[Source]) -> list[Finding]:
    """Return everything that is found in some series, and between runs that log the same samples; strongest first."""
    return strongest_first([finding for source in sources for finding in find_in(source)] + find_between(sources))


def find_between(sources: Sequence[Source]) -> list[Finding]:
    """Return what is found between runs, in no order; of each, `Summary.end` is enough."""
    found: list[Finding] = []
    for index, source in enumerate(sources):
        for other in sources[index + 1 :]:
            if (source.tag, source.method, source.layer) == (other.tag, other.method, other.layer):
                found += _runs_differ(source, other)
    return found


def find_in(source: Source) -> list[Finding]:
    """Return what is found in one series, in no order."""
    if not source.summary.steps:
        return []
    every = (_spots, _strategies, _changes, _same_map, _dead_maps, _sure_and_outside)
    return [finding for look in every for finding in look(source)]


def strongest_first(found: Sequence[Finding]) -> list[Finding]:
    """Order findings by strength; spatial biases, of which the least is claimed, come last.

    Maps are the same for every picture where all samples look at one place, which says more: it comes first.
    """
    places = {
        (one.run, one.tag, one.method, one.layer): _strength(one)
        for one in sorted(found, key=_strength)
        if one.kind == "hot_spot_everywhere"
    }

    def key(finding: Finding) -> tuple[bool, float]:
        strength = _strength(finding)
        if finding.kind == "same_map":
            place = (finding.run, finding.tag, finding.method, finding.layer)
            strength = min(strength, places.get(place, strength))
        return finding.kind != "spatial_bias", strength

    return sorted(found, key=key, reverse=True)


def _strength(finding: Finding) -> float:
    sure = 2.0 if finding.q is None else float(min(12.0, -np.log10(max(finding.q, 1e-300))))
    return finding.effect * sure


def _spots(source: Source) -> Iterator[Finding]:
    """Places that are looked at: hot spots, and spatial biases, which may be no more than the network's habit."""
    left = 0
    for spot in hot_spots(source.summary):
        left += not _is_current(source.summary, spot)
        yield _of_spot(source, spot, _behind(source, spot) if left <= MOST_LEFT else None)


def _of_spot(source: Source, spot: HotSpot, behind: _Behind | None) -> Finding:
    summary = source.summary
    step = summary.steps[spot.at].groups[spot.group]
    numbers = {
        "share": spot.hits / spot.of,
        "other_hits": float(spot.other_hits),
        "other_of": float(spot.other_of),
        "accuracy": step.accuracy,
        "area": spot.region.area,
    }
    look = None if behind is None else _look(source, spot, behind)
    if look is not None:
        numbers |= {"alike": look.alike, "other_alike": look.other_alike}
    return source.finding(
        _kind_of(spot, look, tells_apart(summary.steps[spot.at])),
        spot.at,
        group=_group(spot.group),
        groups=spot.groups,
        region=spot.region,
        since=_since(summary, spot.since),
        until=None if spot.lasts else summary.steps[spot.at].step,
        samples=() if behind is None else _named(behind.observed, behind.indices),
        count=spot.hits,
        of=spot.of,
        effect=spot.effect,
        p=spot.p,
        q=spot.q,
        numbers=numbers,
        crop=None if look is None else look.mean,
    )


def _kind_of(spot: HotSpot, look: Look | None, learnt: bool) -> str:
    """Return whether a place is a hot spot or a spatial bias.

    Networks look at corners and edges without any mark, since their padding shows them where the picture ends. A mark
    looks alike in all pictures; what does not has to draw at least half of the class there, to last, and to be looked
    at by a network that has learnt to tell classes apart: untrained ones have habits of each class that are as strong.
    Where no pictures are known, a fifth is enough.
    """
    if look is None:
        is_plain = spot.lasts and spot.effect >= PLAIN_UNSEEN
    else:
        is_habit = not spot.lasts or spot.effect < PLAIN or (not learnt and spot.group != EVERYONE)
        is_plain = looks_alike(look.alike, look.other_alike) or not is_habit
    if not is_plain:
        return "spatial_bias"
    return "hot_spot_everywhere" if spot.group == EVERYONE else "hot_spot"


def tells_apart(step: StepSummary) -> bool:
    """Tell whether predictions are better than chance: the mean of the classes' accuracies, by two standard errors.

    Also True where that is not known.
    """
    classes = [one for group, one in step.groups.items() if group != EVERYONE and np.isfinite(one.accuracy)]
    if len(classes) < 2:
        return True
    accuracy = np.array([one.accuracy for one in classes])
    variance = accuracy * (1 - accuracy) / np.array([one.count for one in classes])
    return bool(accuracy.sum() > 1 + 2 * np.sqrt(variance.sum()))


@dataclass(frozen=True, eq=False)
class _Behind:
    """The samples that look at a place at a step, those with the most evidence there first."""

    observed: Observations
    indices: NDArray[np.int64]


def _is_current(summary: Summary, spot: HotSpot) -> bool:
    return summary.is_current and spot.at == len(summary.steps) - 1


def _behind(source: Source, spot: HotSpot) -> _Behind | None:
    """Return the samples behind a hot spot, None where their own maps are not known."""
    summary = source.summary
    assert summary.grid is not None
    if _is_current(summary, spot):
        observed, shares = summary.observed, summary.last
    else:
        observed = source.maps_at(summary.steps[spot.at].step)
        shares = None if observed is None else attention(observed.maps[:], summary.grid)
    if observed is None or shares is None:
        return None
    windows = windows_of(summary.grid)
    inside = shares @ windows.cells[:, spot.window]
    chosen = windows.hits(shares, spot.window)
    if spot.group != EVERYONE:
        chosen &= observed.labels == spot.group
    return _Behind(observed, _ordered(np.flatnonzero(chosen), -inside))


def _look(source: Source, spot: HotSpot, behind: _Behind) -> Look | None:
    """Compare the place in the pictures of the samples behind a hot spot with that in the others'.

    Where nearly all samples are behind it, the others are their own mirrored places.
    """
    observed, chosen = behind.observed, behind.indices
    if not observed.pictures:
        return None
    others = np.setdiff1d(np.arange(len(observed.labels)), chosen)
    if spot.group != EVERYONE and (observed.labels[others] != spot.group).sum() >= FEWEST:
        others = others[observed.labels[others] != spot.group]
    pictures = source.looks([observed.pictures[index] for index in spaced(chosen).tolist()])
    if len(others) >= FEWEST:
        return look_at(spot.region, pictures, source.looks([observed.pictures[index] for index in spaced(others)]))
    return look_at(spot.region, pictures, pictures[:, ::-1, ::-1])


def _ordered(indices: NDArray[np.int64], order_by: NDArray[np.floating]) -> NDArray[np.int64]:
    return indices[np.argsort(order_by[indices], kind="stable")]


def _named(observed: Observations, indices: NDArray[np.int64]) -> tuple[str, ...]:
    names = observed.identities or tuple(map(str, range(len(observed.labels))))
    return tuple(names[index] for index in indices.tolist())


def _group(group: int) -> int | None:
    return None if group == EVERYONE else group


def _since(summary: Summary, at: int) -> int | None:
    return summary.steps[at].step if at > 0 else None


def _strategies(source: Source) -> Iterator[Finding]:
    """Small, clear clusters of one class at the last step whose accuracy differs from the rest of the class."""
    summary = source.summary
    observed, shares = summary.observed, summary.last
    if not summary.is_current or observed is None or shares is None or observed.predictions is None:
        return
    looks = []
    for group in summary.classes:
        members = np.flatnonzero((observed.labels == group) & (observed.predictions >= 0))
        right = observed.predictions[members] == group
        found = strategies(shares[members])
        for cluster in range(found.count):
            inside = found.clusters == cluster
            others = (found.clusters >= 0) & ~inside
            silhouette = float(found.silhouettes[inside].mean())
            if inside.sum() < FEWEST or others.sum() < FEWEST or inside.sum() > others.sum():
                continue
            p = fisher_two_sided(
                int(right[inside].sum()), int(inside.sum()), int(right[others].sum()), int(others.sum())
            )
            looks.append(
                (p, group, members[inside], right[inside].mean(), right[others].mean(), silhouette, others.sum())
            )
    looked_back = 0
    for p, group, indices, accuracy, other_accuracy, silhouette, others in looks:
        q = min(1.0, p * len(looks))
        if q <= LEVEL and silhouette >= APART_CLUSTER:
            looked_back += 1
            yield source.finding(
                "strategy",
                len(summary.steps) - 1,
                group=group,
                since=_born(source, group, indices) if looked_back <= MOST_BIRTHS else None,
                samples=_named(observed, indices),
                count=len(indices),
                of=len(indices) + int(others),
                effect=abs(float(accuracy - other_accuracy)),
                p=p,
                q=q,
                numbers={
                    "accuracy": float(accuracy),
                    "other_accuracy": float(other_accuracy),
                    "silhouette": silhouette,
                },
            )


def _born(source: Source, group: int, indices: NDArray[np.int64]) -> int | None:
    """Return since which kept step some samples of a class are apart from the others, None where they always were."""
    summary = source.summary
    assert summary.observed is not None
    assert summary.grid is not None
    rest = np.setdiff1d(np.flatnonzero(summary.observed.labels == group), indices)
    parts = _named(summary.observed, indices), _named(summary.observed, rest)
    return birth([step.step for step in summary.steps], source.maps_at, summary.grid, *parts)


def _changes(source: Source) -> Iterator[Finding]:
    """Lasting jumps of the share inside the marked region, with what became of the accuracy."""
    summary = source.summary
    groups = (*summary.classes, EVERYONE) if len(summary.classes) > 1 else (EVERYONE,)
    series = np.stack([summary.series(group, "inside") for group in groups])
    largest: dict[int, Finding] = {}
    for change in changes(series, LEAST_CHANGE):
        group = groups[change.row]
        if summary.steps[change.at].groups[group].count < FEWEST:
            continue
        accuracy = summary.series(group, "accuracy")
        finding = source.finding(
            "change",
            change.at,
            group=_group(group),
            since=_since(summary, change.at),
            count=summary.steps[change.at].groups[group].count,
            of=summary.steps[change.at].groups[group].count,
            effect=abs(change.after - change.before),
            p=change.p,
            q=min(1.0, change.p * len(groups)),
            numbers={
                "before": change.before,
                "after": change.after,
                "accuracy_before": _mean(accuracy[: change.at]),
                "accuracy_after": _mean(accuracy[change.at :]),
            },
        )
        if group not in largest or finding.effect > largest[group].effect:
            largest[group] = finding
    # What all classes do is said once.
    alike = [finding for group, finding in largest.items() if group != EVERYONE]
    if EVERYONE in largest and all(finding.effect <= 1.5 * largest[EVERYONE].effect for finding in alike):
        yield largest[EVERYONE]
    else:
        yield from alike or largest.values()


def _same_map(source: Source) -> Iterator[Finding]:
    """Maps that do not depend on the picture, at the last step."""
    alike = source.summary.series(EVERYONE, "alike")
    last = source.summary.steps[-1].groups[EVERYONE]
    if last.seen >= FEWEST and alike[-1] > SAME_MAP:
        first = _lasting(alike > SAME_MAP)
        yield source.finding(
            "same_map",
            len(alike) - 1,
            since=_since(source.summary, first),
            count=last.seen,
            of=last.count,
            effect=float(alike[-1]),
            numbers={"alike": float(alike[-1])},
        )


def _dead_maps(source: Source) -> Iterator[Finding]:
    """Classes of whose maps more than half have no positive evidence at the last step."""
    summary = source.summary
    found = {}
    for group in (EVERYONE, *summary.classes):
        counts, seen = summary.series(group, "count"), summary.series(group, "seen")
        with np.errstate(invalid="ignore", divide="ignore"):
            dead = 1 - seen / counts
        if counts[-1] >= FEWEST and dead[-1] > DEAD:
            first = _lasting(dead > DEAD)
            found[group] = source.finding(
                "dead_maps",
                len(dead) - 1,
                group=_group(group),
                since=_since(summary, first),
                count=int(counts[-1] - seen[-1]),
                of=int(counts[-1]),
                effect=float(dead[-1]),
            )
    # Said once where every class is alike.
    yield from (
        [found[EVERYONE]]
        if len(found) == 1 + len(summary.classes)
        else (finding for group, finding in found.items() if group != EVERYONE or not summary.classes)
    )


def _sure_and_outside(source: Source) -> Iterator[Finding]:
    """Wrong predictions with a high probability whose evidence is outside the marked region, at the last step."""
    summary = source.summary
    observed, shares = summary.observed, summary.last
    if not summary.is_current or observed is None or shares is None or summary.grid is None:
        return
    if observed.predictions is None or observed.probabilities is None or observed.truths is None:
        return
    inside, area = inside_marked(observed, shares, summary.grid)
    if inside is None or area is None:
        return
    judged = (observed.labels >= 0) & (observed.predictions >= 0) & np.isfinite(inside)
    wrong = judged & (observed.predictions != observed.labels)
    outside = inside < np.minimum(OUTSIDE, area)
    sure = wrong & outside & (observed.probabilities >= SURE)
    right = judged & ~wrong
    if sure.sum() < FEWEST or right.sum() < FEWEST:
        return
    p = fisher_two_sided(int((wrong & outside).sum()), int(wrong.sum()), int((right & outside).sum()), int(right.sum()))
    effect = float(outside[wrong].mean() - outside[right].mean())
    if p <= LEVEL and effect > 0:
        yield source.finding(
            "sure_and_outside",
            len(summary.steps) - 1,
            samples=_named(observed, _ordered(np.flatnonzero(sure), -observed.probabilities)),
            count=int(sure.sum()),
            of=int(wrong.sum()),
            effect=effect,
            p=p,
            q=p,
            numbers={
                "sure": SURE,
                "outside_wrong": float(outside[wrong].mean()),
                "outside_right": float(outside[right].mean()),
            },
        )


def _runs_differ(first: Source, second: Source) -> Iterator[Finding]:
    """Classes for which two runs predict alike at their last step and look at different places."""
    mine, theirs = first.summary.observed, second.summary.observed
    if not (first.summary.is_current and second.summary.is_current):
        return
    if mine is None or theirs is None or mine.predictions is None or theirs.predictions is None:
        return
    if first.summary.grid != second.summary.grid or first.summary.last is None or second.summary.last is None:
        return
    here, there = in_both(mine.identities, theirs.identities)
    if len(here) < FEWEST:
        return
    for group in np.unique(mine.labels[here]).tolist():
        chosen = mine.labels[here] == group
        if group < 0 or chosen.sum() < FEWEST:
            continue
        agreement = float((mine.predictions[here] == theirs.predictions[there])[chosen].mean())
        ours, others = first.summary.last[here][chosen], second.summary.last[there][chosen]
        common = float(overlap(mean_map(ours), mean_map(others)))
        own = min(_halves(ours), _halves(others))
        if agreement >= AGREE and common < APART and common < own - 0.2:
            yield first.finding(
                "runs_differ",
                len(first.summary.steps) - 1,
                group=group,
                samples=_named(mine, here[chosen]),
                count=int(chosen.sum()),
                of=int(chosen.sum()),
                effect=own - common,
                other=second.run,
                numbers={"agreement": agreement, "overlap": common, "overlap_within": own},
            )


def mean_map(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of distributions ``(N, g)``, of which some may be empty, as a distribution."""
    mean = shares.mean(axis=0)
    return np.asarray(mean / max(float(mean.sum()), 1e-12), dtype=np.float32)


def _halves(shares: NDArray[np.float32]) -> float:
    """Return what the mean maps of two halves of a run's samples have in common: how far overlap tells anything."""
    return float(overlap(mean_map(shares[::2]), mean_map(shares[1::2])))


def _lasting(holds: NDArray[np.bool_]) -> int:
    """Return the index from which on something holds to the end."""
    lapses = np.flatnonzero(~holds)
    return int(lapses[-1]) + 1 if len(lapses) else 0


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def timeline(summary: Summary) -> Mapping[str, NDArray[np.float64]]:
    """Return what a ribbon over the steps shows: arrays ``(T,)``.

    ``step``; ``moved``, the median Hellinger distance to the kept step before; ``inside`` and ``expected_inside``, the
    share of evidence in the marked region and its area; ``accuracy``; ``flag``, 1 where `inside` changed by at least
    0.05, or `moved` in logs without a marked region.
    """
    names = ("moved", "inside", "expected_inside", "accuracy")
    arrays = {name: summary.series(EVERYONE, name) for name in names}
    flags = np.zeros(len(summary.steps))
    followed = arrays["inside"] if np.isfinite(arrays["inside"]).any() else arrays["moved"]
    for change in changes(followed[None], LEAST_FLAG):
        flags[change.at] = summary.steps[change.at].groups[EVERYONE].count >= FEWEST
    return {"step": np.array([step.step for step in summary.steps], dtype=np.float64), **arrays, "flag": flags}


def class_picture(summary: Summary, group: int, looks: Looks) -> NDArray[np.uint8] | None:
    """Return the mean picture of a class's samples at the last step, grey and square; None where none is known."""
    observed = summary.observed
    if observed is None or not observed.pictures:
        return None
    members = np.arange(len(observed.labels)) if group == EVERYONE else np.flatnonzero(observed.labels == group)
    return mean_picture(looks([observed.pictures[index] for index in spaced(members).tolist()]))


def atlas(step: ClassSummary, grid: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mean attention of a class as a map ``(rows, columns)``."""
    return np.asarray(step.mean.reshape(grid), dtype=np.float32)
