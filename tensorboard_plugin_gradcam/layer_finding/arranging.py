"""From measured places to an `Arrangement`: which axes are space, and the grid that tokens form."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrangement import Arrangement, Factor
from .places import Floats, Places

CLEAR, FAINT = 0.8, 0.25  # correlation of measured places with those of a grid: to find it, and to believe it holds
RISE, FAINT_RISE = 0.1, 0.01  # of the place over an axis, in units of the image
MOST_EXTRA = 16  # class, distillation and register tokens before or behind the patches
CERTAIN = 0.97  # no other grid need be looked for
FEWEST = 9  # patches whose grid can be told beside tokens that are none
PROBABLE = 0.7  # of a grid that leaves out nothing, or as much as is known already
BETTER = 0.05  # what leaving more tokens out has to gain
SIDEWAYS = 0.35  # an axis of one image axis has less structure along the others than this share


@dataclass(frozen=True)
class _Fit:
    """Axes of the image that one axis of an output runs along, with the weakest of their correlations."""

    factors: tuple[Factor, ...]
    skipped: tuple[int, int]
    correlation: float


def arranged(places: Places, rank: int, earlier: Sequence[Arrangement] = ()) -> Arrangement | None:
    """Return the arrangement that the measured places show clearly, or None; earlier ones are tried first."""
    if len(places.shape) < 3 and places.shape[0] == 1:
        return None  # cells without channels: cells and channels in one, or scores
    same = inherited(places, rank, earlier, CLEAR, RISE)
    if same is not None:
        return same
    direct = _direct(places, rank)
    fits = {fit.factors[0].axis: axis for axis, fit in direct.items()}
    needed = {axis for axis in range(rank) if _varies(places, axis)}
    if needed <= set(fits):
        return _arrangement(places, rank, direct)
    # Some axis of the image is missing: the few channels of a pooled output may rise as well, by chance.
    direct = {axis: fit for axis, fit in direct.items() if not _may_be_chance(fit)}
    tokens = _tokens(places, rank, {skip for arrangement in earlier for skip in arrangement.skipped if any(skip)})
    if tokens:
        taken = {factor.axis for fit in tokens.values() for factor in fit.factors}
        beside = {
            axis: fit
            for axis, fit in direct.items()
            if axis not in tokens and not {factor.axis for factor in fit.factors} & taken
        }
        return _arrangement(places, rank, {**tokens, **beside})
    direct = {axis: fit for axis, fit in direct.items() if _is_pure(places, axis, fit)}
    return _arrangement(places, rank, direct) if direct else None


def inherited(
    places: Places,
    rank: int,
    earlier: Sequence[Arrangement],
    correlation: float = FAINT,
    rise: float = FAINT_RISE,
) -> Arrangement | None:
    """Return the latest of the earlier arrangements that fits a measurement, by default a faint one, or None."""
    tried: set[tuple[object, ...]] = set()
    for arrangement in reversed(earlier):
        form = (arrangement.batch_axis, _space_of(arrangement), arrangement.skipped)
        if form in tried or arrangement.rank != rank or not _may_inherit(places, arrangement):
            continue
        tried.add(form)
        if arrangement.is_whole and _holds(places, arrangement, correlation, rise):
            return Arrangement(
                places.shape,
                arrangement.batch_axis,
                tuple(
                    (Factor(size),) if size != own else factors
                    for size, own, factors in zip(places.shape, arrangement.shape, arrangement.factors, strict=True)
                ),
                arrangement.skipped,
                rank,
            )
    return None


def _space_of(arrangement: Arrangement) -> tuple[object, ...]:
    return tuple(
        tuple((factor.size, factor.axis, factor.is_mirrored) for factor in factors if factor.axis is not None)
        for factors in arrangement.factors
    )


def _may_inherit(places: Places, arrangement: Arrangement) -> bool:
    """Say whether the axes that are space have the sizes that they had."""
    if len(places.shape) != len(arrangement.shape):
        return False
    return all(
        size == own or (axis != arrangement.batch_axis and all(factor.axis is None for factor in factors))
        for axis, (size, own, factors) in enumerate(
            zip(places.shape, arrangement.shape, arrangement.factors, strict=True)
        )
    )


def _holds(places: Places, arrangement: Arrangement, least: float, least_rise: float) -> bool:
    """Say whether the places along each axis of the image rise as arranged.

    In a faint measurement, one axis has to be clear and none may contradict.
    """
    lines = list(_lines(places, arrangement))
    if not lines:
        return False
    if all(correlation >= least and rise >= least_rise for correlation, rise in lines):
        return True
    is_faint = least < CLEAR
    one_is_clear = any(correlation >= CLEAR and rise >= RISE for correlation, rise in lines)
    return is_faint and one_is_clear and all(correlation > -FAINT for correlation, _ in lines)


def _lines(places: Places, arrangement: Arrangement) -> Iterator[tuple[float, float]]:
    """Yield for each factor that is space how well the places follow it, and by how much they rise."""
    for axis, factors in enumerate(arrangement.factors):
        if axis not in places.curves or all(factor.axis is None for factor in factors):
            continue
        along = places.positions[axis]
        before, behind = arrangement.skipped[axis]
        last = arrangement.shape[axis] - behind
        chosen = (along >= before) & (along < last)
        for factor, index in _indices(factors):
            if factor.axis is not None:
                curve = places.curves[axis][factor.axis][chosen]
                expected = index[along[chosen] - before] * (-1 if factor.is_mirrored else 1)
                yield _line(expected.astype(np.float64), curve)


def _indices(factors: Sequence[Factor]) -> Iterator[tuple[Factor, NDArray[np.int64]]]:
    """Yield each factor with its index at each position of the axis."""
    count = math.prod(factor.size for factor in factors)
    stride = count
    for factor in factors:
        stride //= factor.size
        yield factor, np.arange(count) // stride % factor.size


def _varies(places: Places, axis: int) -> bool:
    """Say whether the image has more than one position along an axis: a ramp along one is constant."""
    values = np.concatenate([curve[axis][np.isfinite(curve[axis])] for curve in places.curves.values()] or [[]])
    return bool(len(values)) and float(np.abs(values - 0.5).max()) > 1e-3


def _direct(places: Places, rank: int) -> dict[int, _Fit]:
    """Return for each axis of the image the axis of the output along which the place rises most clearly."""
    found: dict[int, _Fit] = {}
    fits = sorted(
        ((_straight(places, axis, along), axis) for axis in places.curves for along in range(rank)),
        key=lambda pair: -pair[0].correlation * pair[0].factors[0].rise,
    )
    taken: set[int | None] = set()
    for fit, axis in fits:
        (factor,) = fit.factors
        if fit.correlation >= CLEAR and factor.rise >= RISE and axis not in found and factor.axis not in taken:
            found[axis] = fit
            taken.add(factor.axis)
    return found


def _straight(places: Places, axis: int, along: int) -> _Fit:
    """Fit one axis of the output to one axis of the image; positions at its ends that nothing reaches are left out."""
    curve, positions, size = places.curves[axis][along], places.positions[axis], places.shape[axis]
    is_folded = len(places.shape) < places.rank + 2  # tokens: space shares an axis with others
    before, behind = _dead_ends(curve) if is_folded and len(positions) == size else (0, 0)
    if size - before - behind < 2:
        before = behind = 0
    chosen = slice(before, len(positions) - behind)
    correlation, rise = _line(positions[chosen].astype(np.float64), curve[chosen])
    if is_folded and len(positions) == size and size > 8 and before == behind == 0 and abs(correlation) >= CLEAR:
        before, behind = _ends_off_the_line(curve)
        correlation, rise = _line(positions[before : size - behind].astype(np.float64), curve[before : size - behind])
    factor = Factor(size - before - behind, along, correlation < 0, abs(rise))
    return _Fit((factor,), (before, behind), abs(correlation))


def _ends_off_the_line(curve: Floats) -> tuple[int, int]:
    """Return how many positions at either end are far from the line that the others are on."""
    index = np.arange(len(curve), dtype=np.float64)
    middle = slice(len(curve) // 4, len(curve) - len(curve) // 4)
    is_finite = np.isfinite(curve)
    inner = is_finite & np.isin(np.arange(len(curve)), np.arange(len(curve))[middle])
    if inner.sum() < 4:
        return 0, 0
    slope, offset = np.polyfit(index[inner], curve[inner], 1)
    far = ~is_finite | (np.abs(curve - slope * index - offset) > 0.25)
    before = int(np.argmin(far)) if far[0] else 0
    behind = int(np.argmin(far[::-1])) if far[-1] else 0
    return (before, behind) if max(before, behind) <= MOST_EXTRA else (0, 0)


def _may_be_chance(fit: _Fit) -> bool:
    """Say whether as many places at random correlate so well more often than once in a thousand times."""
    count = fit.factors[0].size
    return count < 3 or (1 - fit.correlation**2) ** ((count - 2) / 2) > 1e-3


def _is_pure(places: Places, axis: int, fit: _Fit) -> bool:
    """Say whether an axis of the output runs along one axis of the image alone: rows of tokens don't."""
    (factor,) = fit.factors
    spread = _spread(places.curves[axis][factor.axis or 0])
    return all(
        _spread(curve) < SIDEWAYS * spread for along, curve in enumerate(places.curves[axis]) if along != factor.axis
    )


def _spread(curve: Floats) -> float:
    values = curve[np.isfinite(curve)]
    return float(values.std()) if len(values) else 0.0


def _line(index: Floats, curve: Floats) -> tuple[float, float]:
    """Return the correlation of a curve with an index, and by how much it rises from the first to the last."""
    is_finite = np.isfinite(curve)
    if is_finite.sum() < max(2, len(curve) / 2):
        return 0.0, 0.0
    index, curve = index[is_finite], curve[is_finite]
    index, curve = index - index.mean(), curve - curve.mean()
    norms = float(np.sqrt((index**2).sum() * (curve**2).sum()))
    if norms <= 0:
        return 0.0, 0.0
    product = float((index * curve).sum())
    return product / norms, product / float((index**2).sum()) * float(np.ptp(index))


def _dead_ends(curve: Floats) -> tuple[int, int]:
    alive = np.flatnonzero(np.isfinite(curve))
    return (int(alive[0]), int(len(curve) - 1 - alive[-1])) if len(alive) else (0, 0)


def _tokens(places: Places, rank: int, extras: Collection[tuple[int, int]]) -> dict[int, _Fit]:
    """Return for each axis of tokens the grid that explains their places best."""
    found: dict[int, _Fit] = {}
    for axis, curves in places.curves.items():
        if len(places.positions[axis]) == places.shape[axis] and places.shape[axis] >= 4:
            fit = _grid(curves, rank, extras)
            if fit is not None:
                found[axis] = fit
    return found


def _grid(curves: Floats, rank: int, extras: Collection[tuple[int, int]]) -> _Fit | None:
    """Return the grid of two or more axes of the image that the tokens along an axis form, or None."""
    if sorted(_spread(curve) for curve in curves)[-2:-1] < [0.02] or not any(_is_smooth(curve) for curve in curves):
        return None
    best: _Fit | None = None
    for count in range(rank, 1, -1):
        for axes in itertools.combinations(range(rank), count):
            fit = _best_grid(curves, axes, extras)
            if fit is not None and (best is None or fit.correlation > best.correlation + 0.05):
                best = fit
        if best is not None:
            return best
    return None


def _is_smooth(curve: Floats) -> bool:
    """Say whether neighbours are alike, as tokens of one row are, and channels are not."""
    values = curve[np.isfinite(curve)]
    if len(values) <= 16:
        return True
    values = values - values.mean()
    return float((values[1:] * values[:-1]).sum()) > 0.5 * float((values**2).sum())


def _best_grid(curves: Floats, axes: Sequence[int], extras: Collection[tuple[int, int]]) -> _Fit | None:
    total = curves.shape[1]
    best: _Fit | None = None
    least = CLEAR if total >= FEWEST else CERTAIN
    likely = [pair for pair in (_dead_ends(curves[axes[0]]), (0, 0), *extras) if total - sum(pair) >= 4]
    for position, (before, behind) in enumerate((*likely, *_extras(total))):
        patches = curves[:, before : total - behind]
        if patches.shape[1] < FEWEST and before + behind and (before, behind) != _dead_ends(curves[axes[0]]):
            continue  # of few tokens, some always fit some grid
        for sizes in _divisions(patches.shape[1], len(axes)):
            for order in itertools.permutations(axes):
                margin = 0 if best is None or best.skipped == (before, behind) else BETTER
                fewest = least if position >= len(likely) or total < FEWEST else PROBABLE
                fit = _fit(patches, sizes, order, (before, behind), best.correlation + margin if best else fewest)
                best = fit or best
        least_left = CLEAR if position == len(likely) - 1 and extras else CERTAIN
        if best is not None and best.correlation >= least_left:
            break
    return best


def _extras(total: int) -> list[tuple[int, int]]:
    """Return the possible counts of tokens before and behind the patches, fewest first."""
    few = [
        (before, behind)
        for before, behind in itertools.product(range(MOST_EXTRA + 1), repeat=2)
        if total - before - behind >= max(4, total / 2)
    ]
    few.sort(key=lambda pair: (sum(pair), pair[1]))
    return few


def _divisions(count: int, axes: int) -> Iterator[tuple[int, ...]]:
    """Yield the sizes, each at least 2, that `count` tokens can be divided into."""
    if axes == 1:
        if count >= 2:
            yield (count,)
        return
    for size in range(2, count // 2 + 1):
        if count % size == 0:
            for rest in _divisions(count // size, axes - 1):
                yield (size, *rest)


def _fit(
    curves: Floats, sizes: Sequence[int], order: Sequence[int], skipped: tuple[int, int], least: float
) -> _Fit | None:
    """Return how well a grid explains the places, where it does better than `least`."""
    factors: list[Factor] = []
    weakest = 1.0
    for factor, index in _indices([Factor(size, axis) for size, axis in zip(sizes, order, strict=True)]):
        correlation, rise = _line(index.astype(np.float64), curves[factor.axis or 0])
        weakest = min(weakest, abs(correlation))
        if weakest <= least or abs(rise) < RISE:
            return None
        factors.append(Factor(factor.size, factor.axis, correlation < 0, abs(rise)))
    return _Fit(tuple(factors), skipped, weakest)


def _arrangement(places: Places, rank: int, fits: dict[int, _Fit]) -> Arrangement:
    shape = places.shape
    singles = [axis for axis, size in enumerate(shape) if size == 1]
    batch_axis = singles[0] if singles and 0 in fits else 0
    if not singles and 0 in fits and shape[0] > 1:
        batch_axis = 0  # folded into the axis of cells: images before cells
    factors = [
        fits[axis].factors if axis in fits else ((Factor(size),) if size > 1 else ()) for axis, size in enumerate(shape)
    ]
    # Axes of the image that are left may have an axis of one position.
    known = {factor.axis for group in factors for factor in group}
    left = [axis for axis in range(rank) if axis not in known]
    for axis in reversed(singles):
        if left and axis != batch_axis and len(singles) > 1:
            factors[axis] = (Factor(1, left.pop()),)
    skipped = [fits[axis].skipped if axis in fits else (0, 0) for axis in range(len(shape))]
    if batch_axis == 0 and 0 not in fits and 0 in places.curves:  # other images of the batch, such as a pair's second
        skipped[0] = _dead_ends(places.curves[0][0])
        left_over = shape[0] - sum(skipped[0])
        factors[0] = (Factor(left_over),) if left_over > 1 else ()
    return Arrangement(shape, batch_axis, tuple(factors), tuple(skipped), rank)
