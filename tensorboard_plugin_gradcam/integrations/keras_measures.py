"""Measures of the maps of Keras models on TensorFlow and JAX, in NumPy; on torch they are the engine's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.integrations.keras_maps import Floats
from tensorboard_plugin_gradcam.measures import (
    Gain,
    Measure,
    average_drop,
    average_increase,
    class_sensitivity,
    concentration,
    entropy_change,
    evidence_shares,
    gain,
    mosaics,
    randomisation,
    share_in_quarter,
)
from tensorboard_plugin_gradcam.measures.mosaic import quarters
from tensorboard_plugin_gradcam.measures.registry import Baseline
from tensorboard_plugin_gradcam.metrics import interpolated
from tensorboard_plugin_gradcam.writer.averaging import averaged

Key = tuple[str, str]
Numbers = dict[str, dict[Key, Floats]]
Score = Callable[[int, Floats], NDArray[Any]]
_ROWS = 32  # of a layer's cells taken away, in one run of what follows it


class NotDefined(ValueError):
    """A measure is not defined for this model; the message says why."""


@dataclass(frozen=True, eq=False)
class Explained:
    """What the measures need: M explained scores of N images.

    Attributes:
        maps: ``(M, ...)``, raw, by method and layer.
        rivals: those of other classes; None where there is no other.
        random: those of a model with random weights; None where there is none.
        activations: ``(M, C, ...)``, by layer.
        samples: ``(M,)``, index of the image.
        classes: ``(M,)``.
        pictures: ``(N, ...)``.
        channels_last: whether pictures have their channels last.
        outputs: ``(N, classes)``, scores.
        score: from a map's index and other pictures ``(K, ...)`` in its own's place to their scores ``(K,)``.
        probability: likewise, to the class's probabilities.
        tail: from a layer, a map's index and other activations ``(K, C, ...)`` to their scores ``(K,)``.
        all_scores: from images' indices and other pictures in their places to scores ``(K, classes)``.
        again: from images' indices, other pictures, and for each score its picture and class, to maps ``(M', ...)``.
    """

    maps: Mapping[Key, Floats]
    rivals: Mapping[Key, Floats] | None
    random: Mapping[Key, Floats] | None
    activations: Mapping[str, Floats]
    samples: NDArray[np.int64]
    classes: NDArray[np.int64]
    pictures: Floats
    channels_last: bool
    outputs: NDArray[np.float32]
    score: Score
    probability: Score
    tail: Callable[[str, int, Floats], NDArray[Any]]
    all_scores: Callable[[Sequence[int], Floats], NDArray[Any]]
    again: Callable[[Sequence[int], Floats, Sequence[int], Sequence[int]], Mapping[Key, Floats]]

    @property
    def size(self) -> tuple[int, ...]:
        """Spatial shape of the pictures."""
        return self.pictures.shape[1:-1] if self.channels_last else self.pictures.shape[2:]

    def over_picture(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Return cells ``(K, ...)`` with an axis for channels, to multiply pictures by."""
        shaped = cells.reshape(len(cells), *self.size)
        return shaped[..., None] if self.channels_last else shaped[:, None]


@dataclass
class Found:
    """Numbers of maps by name, method and layer, and notes on those that are missing."""

    numbers: Numbers = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, key: Key, values: NDArray[Any]) -> None:
        """Add numbers ``(M,)``."""
        self.numbers.setdefault(name, {})[key] = np.asarray(values, np.float32)

    def put_gain(self, measure: Measure, key: Key, maps: Floats, gained: Gain) -> None:
        """Add both numbers of a gain; they are NaN for a map that is flat or not finite."""
        name, logits = measure.numbers
        flat = maps.reshape(len(maps), -1)
        says_nothing = ~np.isfinite(flat).all(axis=1) | (np.ptp(flat, axis=1) == 0)
        self.put(name, key, np.where(says_nothing, np.nan, gained.normalised))
        self.put(logits, key, np.where(says_nothing, np.nan, gained.logits))
        missing = int((np.isnan(gained.normalised) & ~says_nothing).sum())
        if missing:
            self.notes.append(
                f"{name} of {' at '.join(key)}: no value for {missing} of {len(gained.logits)} maps: taking everything "
                f"away costs less than 1 % of the score's spread ({logits} has one)"
            )


def rivals(scores: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each explained class the other class with the highest score, of scores ``(M, classes)``."""
    others = np.array(scores, np.float64)
    others[np.arange(len(others)), classes] = -np.inf
    return np.asarray(others.argmax(axis=1), dtype=np.int64)


def measured(measures: Sequence[Measure], explained: Explained) -> tuple[Numbers, tuple[str, ...]]:
    """Return the numbers of maps, and why some are missing."""
    found = Found()
    for measure in measures:
        if measure.needs in _MEASURING:
            try:
                _MEASURING[measure.needs](measure, explained, found)
            except NotDefined as error:
                found.notes.append(f"{measure.name} left out: {error}")
    return found.numbers, tuple(found.notes)


def _of_map(measure: Measure, explained: Explained, found: Found) -> None:
    for key, maps in explained.maps.items():
        found.put(measure.name, key, concentration(evidence_shares(maps)))


def _of_rivals(measure: Measure, explained: Explained, found: Found) -> None:
    if explained.rivals is None:
        raise NotDefined("there is no other class to compare with")
    for key, maps in explained.maps.items():
        found.put(measure.name, key, class_sensitivity(maps, explained.rivals[key]))


def _of_copies(measure: Measure, explained: Explained, found: Found) -> None:
    if explained.random is None:
        raise NotDefined("expected randomised=, a copy of the model with random weights, got none")
    name, entropy = measure.numbers
    for key, maps in explained.maps.items():
        random = explained.random[key]
        found.put(name, key, randomisation(maps, random))
        found.put(entropy, key, entropy_change(evidence_shares(maps), evidence_shares(random)))


def _of_pictures(measure: Measure, explained: Explained, found: Found) -> None:
    axes = tuple(range(len(explained.size))) if explained.channels_last else tuple(range(1, len(explained.size) + 1))

    def scores(index: int, kept: NDArray[np.bool_]) -> NDArray[Any]:
        own = explained.pictures[explained.samples[index]].astype(np.float32)
        base = np.zeros_like(own) if measure.baseline == "zero" else own.mean(axis=axes, keepdims=True)
        return explained.score(index, np.where(explained.over_picture(kept), own, base).astype(np.float32))

    for key, maps in explained.maps.items():
        fine = np.stack([interpolated(map_.astype(np.float64), tuple(explained.size)) for map_ in maps])
        found.put_gain(measure, key, maps, gain(fine, scores, measure.steps))


def _of_heads(measure: Measure, explained: Explained, found: Found) -> None:
    for key, maps in explained.maps.items():
        own = explained.activations[key[1]]
        cells = own.reshape(*own.shape[:2], -1)
        base = _baselines(cells, explained.samples, measure.baseline)

        def scores(
            index: int, kept: NDArray[np.bool_], key: Key = key, own: Floats = own, base: Floats = base
        ) -> NDArray[Any]:
            flat = own[index].reshape(len(own[index]), -1)
            changed = np.where(kept[:, None], flat, base[index][:, None]).reshape(len(kept), *own.shape[1:])
            parts = [changed[start : start + _ROWS] for start in range(0, len(changed), _ROWS)]
            return np.concatenate([explained.tail(key[1], index, part) for part in parts])

        found.put_gain(measure, key, maps, gain(maps, scores, measure.steps))


def _baselines(cells: Floats, samples: NDArray[np.int64], baseline: Baseline | None) -> Floats:
    """Return the values that replace removed cells, ``(M, C)``, chosen as in the torch engine."""
    if baseline == "own":
        return np.asarray(cells.mean(axis=2))
    _, of_images = np.unique(samples, return_index=True)
    if baseline is None:
        baseline = "zero" if len(of_images) == 1 or float(cells.min()) >= 0 else "mean"
    if baseline == "zero":
        return np.zeros_like(cells[:, :, 0])
    return np.broadcast_to(cells[of_images].mean(axis=(0, 2)), cells.shape[:2])


def _of_masks(measure: Measure, explained: Explained, found: Found) -> None:
    score = average_drop if measure.name == "average_drop" else average_increase
    for key, maps in explained.maps.items():
        pairs = [_behind_mask(explained, index, map_) for index, map_ in enumerate(maps)]
        whole, shown = np.array(pairs, np.float64).reshape(-1, 2).T
        found.put(measure.name, key, score(whole, shown))


def _behind_mask(explained: Explained, index: int, map_: Floats) -> NDArray[Any]:
    fine = interpolated(_unit(np.maximum(map_.astype(np.float64), 0)), tuple(explained.size))
    own = explained.pictures[explained.samples[index]].astype(np.float32)
    mask = explained.over_picture(_unit(np.maximum(fine, 0))[None])[0]
    return explained.probability(index, np.stack([own, own * mask.astype(np.float32)]))


def _unit(map_: NDArray[Any]) -> NDArray[Any]:
    shifted = map_ - map_.min()
    return np.asarray(shifted / (shifted.max() + 1e-7))  # as masks are scaled


def _of_mosaics(measure: Measure, explained: Explained, found: Found) -> None:
    if len(explained.size) != 2:
        raise NotDefined("it combines pictures, which need two spatial axes")
    if explained.outputs.shape[1] < 2:
        raise NotDefined("it needs scores (N, K) of classes")
    top = _tops_in_half(explained)
    rows = [row for row, sample in enumerate(explained.samples) if top[sample] == explained.classes[row]]
    if not rows:
        raise NotDefined("no halved picture is still classified as its class")
    plan = mosaics([int(explained.classes[row]) for row in rows])
    if not plan:
        raise NotDefined("it needs pictures of several classes, and all have the same class")
    members = [[rows[picture] for picture in mosaic.pictures] for mosaic in plan]
    put = np.stack([_put_together(explained, [explained.samples[row] for row in four]) for four in members])
    asked = [
        (number, four[at], at)
        for number, (four, mosaic) in enumerate(zip(members, plan, strict=True))
        for at in mosaic.asked
    ]
    first = [int(explained.samples[four[0]]) for four in members]
    classes = [int(explained.classes[row]) for _, row, _ in asked]
    for key, maps in explained.again(first, put, [number for number, _, _ in asked], classes).items():
        shares = np.full(len(explained.samples), np.nan)
        shares[[row for _, row, _ in asked]] = share_in_quarter(maps, [at for _, _, at in asked])
        found.put(measure.name, key, shares)


def _tops_in_half(explained: Explained) -> NDArray[np.int64]:
    """Return each picture's top class when it is shown four times in one picture: a network may take only one size."""
    numbers = list(range(len(explained.pictures)))
    fours = np.stack([_put_together(explained, [number] * 4) for number in numbers])
    return np.asarray(explained.all_scores(numbers, fours).argmax(axis=1), dtype=np.int64)


def _put_together(explained: Explained, four: Sequence[int]) -> Floats:
    """Return one picture made of four, each in a quarter."""
    whole = np.empty(explained.pictures.shape[1:], np.float32)
    axes = (0, 1) if explained.channels_last else (1, 2)
    for image, (rows, columns) in zip(four, quarters(*explained.size), strict=True):
        part = explained.pictures[image].astype(np.float64)
        for axis, cells in zip(axes, (rows, columns), strict=True):
            part = averaged(part, axis, cells.stop - cells.start)
        whole[(rows, columns) if explained.channels_last else (slice(None), rows, columns)] = part
    return whole


_MEASURING: Mapping[str, Callable[[Measure, Explained, Found], None]] = {
    "map": _of_map,
    "rival": _of_rivals,
    "head": _of_heads,
    "picture": _of_pictures,
    "mask": _of_masks,
    "mosaic": _of_mosaics,
    "copy": _of_copies,
}
