"""Since when one part of a class is looked at in another way than the rest.

A strategy is found at the last step. Its birth is looked for among the earlier kept steps, whose maps are asked for one
by one: a few evenly spaced ones first, then those between the last that does not have it and the next that does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tensorboard_plugin_gradcam.findings.attention import Grid, attention
from tensorboard_plugin_gradcam.findings.strategies import silhouette
from tensorboard_plugin_gradcam.findings.summary import FEWEST, Observations, in_both

MapsAt = Callable[[int], Observations | None]  # of a step of the training; None where they are not known
PROBES = 16  # steps that are looked at first
APART = 0.25  # mean silhouette, from which a part of a class is apart from the rest
MOST = 300  # samples of each part that are compared


def no_maps(step: int) -> Observations | None:
    """Know no step's maps."""
    return None


def birth(steps: Sequence[int], maps_at: MapsAt, grid: Grid, part: Sequence[str], rest: Sequence[str]) -> int | None:
    """Return the first step from which on a part of a class is apart from the rest, None where it always was.

    Args:
        steps: kept ones, ascending; at the last one it is apart.
        maps_at: a step's maps.
        grid: on which attention is compared.
        part: identities of the samples of one strategy.
        rest: those of the other samples of the class.
    """
    last = len(steps) - 1
    probes = sorted({round(at) for at in np.linspace(0, last, min(PROBES, last + 1)).tolist()} - {last})
    before, after = -1, last
    for at in reversed(probes):
        apart = _is_apart(maps_at(steps[at]), grid, part, rest)
        if apart is None:  # its maps are not kept: nothing is known of it and of those before
            return steps[after] if after < last else None
        if not apart:
            before = at
            break
        after = at
    while before >= 0 and after - before > 1:
        between = (before + after) // 2
        if _is_apart(maps_at(steps[between]), grid, part, rest):
            after = between
        else:
            before = between
    return steps[after] if before >= 0 else None


def _is_apart(observed: Observations | None, grid: Grid, part: Sequence[str], rest: Sequence[str]) -> bool | None:
    if observed is None:
        return None
    parts = []
    for names in (part, rest):
        here, _ = in_both(observed.identities, names[:MOST])
        shares = attention(observed.maps[here], grid)
        parts.append(shares[shares.sum(axis=1) > 0])
    if min(map(len, parts)) < FEWEST:
        return False
    roots = np.sqrt(np.concatenate(parts).astype(np.float64))
    distances = np.sqrt(np.maximum(1 - roots @ roots.T, 0))
    np.fill_diagonal(distances, 0)
    labels = np.repeat([0, 1], [len(parts[0]), len(parts[1])])
    return bool(silhouette(distances, labels)[: len(parts[0])].mean() >= APART)
