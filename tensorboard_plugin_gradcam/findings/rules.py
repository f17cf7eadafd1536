"""Rules that a run can be held to, as in a test: each is kept or broken, and says by what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tensorboard_plugin_gradcam.findings.attention import Floats, overlap
from tensorboard_plugin_gradcam.findings.finding import Finding, name_of
from tensorboard_plugin_gradcam.findings.search import Source, find_in, mean_map
from tensorboard_plugin_gradcam.findings.summary import EVERYONE, FEWEST, Observations, in_both


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a run.

    Attributes:
        kept: whether the run keeps it.
        sentence: the same in words.
        numbers: what was measured, by class name, or "all classes".
        findings: that break the rule.
    """

    kept: bool
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def no_hot_spot(source: Source, class_names: tuple[str, ...] = ()) -> Verdict:
    """Hold a series of maps to having no hot spot outside the objects.

    Where ground truth was logged, hot spots on the objects are none; without it, each hot spot breaks the rule.

    Raises:
        ValueError: nothing was logged of which findings can be looked for.
    """
    _expect_steps(source)
    spots = [finding for finding in find_in(source) if finding.kind in ("hot_spot", "hot_spot_everywhere")]
    spots.sort(key=lambda finding: finding.effect, reverse=True)
    if not spots:
        steps = len(source.summary.steps)
        return Verdict(True, f"{source.run}: no hot spot in {steps:,} kept {'step' if steps == 1 else 'steps'}")
    words = "; ".join(finding.sentence(class_names) for finding in spots[:3])
    more = f"; and {len(spots) - 3} more" if len(spots) > 3 else ""
    return Verdict(False, f"{source.run}: {words}{more}", findings=tuple(spots))


def overlaps(source: Source, baseline: Source) -> dict[int, float]:
    """Return what the mean maps of two runs have in common at their last kept steps, by class and for `EVERYONE`.

    The samples that both have are compared; a class of fewer than five is left out. 1 is the same, 0 nowhere in common.

    Raises:
        ValueError: the runs do not share five samples, or their maps have different shapes.
    """
    (mine, ours), (theirs, others) = (_last_maps(one) for one in (source, baseline))
    if source.summary.grid != baseline.summary.grid:
        raise ValueError(
            f"expected maps of one shape, got grids {source.summary.grid} in {source.run!r} and "
            f"{baseline.summary.grid} in {baseline.run!r}"
        )
    here, there = in_both(mine.identities, theirs.identities)
    if len(here) < FEWEST:
        raise ValueError(
            f"expected {FEWEST} samples or more that {source.run!r} and {baseline.run!r} share, got {len(here)}: "
            "log the same pictures, or the same ids="
        )
    labels = mine.labels[here]
    groups = {group: labels == group for group in np.unique(labels[labels >= 0]).tolist()}
    groups[EVERYONE] = np.ones(len(here), dtype=bool)
    return {
        group: float(overlap(mean_map(ours[here][members]), mean_map(others[there][members])))
        for group, members in groups.items()
        if members.sum() >= FEWEST
    }


def overlap_at_least(source: Source, baseline: Source, least: float, class_names: tuple[str, ...] = ()) -> Verdict:
    """Hold a run to looking where a baseline run looks: in each class, the mean maps have at least so much in common.

    Raises:
        ValueError: `least` is not from 0 to 1, or the runs can't be compared: see `overlaps`.
    """
    if not 0 <= least <= 1:
        raise ValueError(f"expected least, the smallest overlap, from 0 to 1, got {least}")
    found = overlaps(source, baseline)
    numbers = {name_of(None if group == EVERYONE else group, class_names): value for group, value in found.items()}
    name, smallest = min(numbers.items(), key=lambda item: item[1])
    bar = f"expected at least {least:.2f}"
    words = f"{source.run} and {baseline.run} have {smallest:.2f} of the attention for {name} in common, {bar}"
    return Verdict(smallest >= least, words, numbers)


def _last_maps(source: Source) -> tuple[Observations, Floats]:
    """Return the last samples whose own maps are known, and where they look."""
    _expect_steps(source)
    if source.summary.observed is None or source.summary.last is None:
        raise ValueError(
            f"expected the maps of single samples in {source.run!r}, got only sums per class: their records or the "
            "list of samples are damaged; tensorboard-gradcam inspect says which"
        )
    return source.summary.observed, source.summary.last


def _expect_steps(source: Source) -> None:
    if not source.summary.steps:
        raise ValueError(f"expected maps of pictures in {source.run!r}, got none for tag {source.tag!r}")
