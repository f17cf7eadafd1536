"""Measures of an explanation: which numbers its maps have, see `tensorboard_plugin_gradcam.measures`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from tensorboard_plugin_gradcam.measures.comparison import class_sensitivity, entropy_change, randomisation
from tensorboard_plugin_gradcam.measures.concentration import concentration, evidence_shares
from tensorboard_plugin_gradcam.measures.mosaic import mosaics, quarters, share_in_quarter
from tensorboard_plugin_gradcam.measures.registry import Baseline, Measure
from tensorboard_plugin_gradcam.measures.removal import Gain, average_drop, average_increase, gain_of_scores, kept_cells

from .inputs import Inputs
from .methods.registry import MapKind
from .scaling import resized, scaled
from .scene import COPIES_BYTES, LayerScene, Scene
from .tail import Tail
from .targets import BinaryScore, ClassScore, Probability, Target

Key = tuple[str, str]  # method, layer
Numbers = Mapping[str, Mapping[Key, Tensor]]

Maps = Callable[[Inputs, Any], Mapping[Key, Tensor]]

OFF_BY = 0.01  # of the scores' spread: a score that the tail gives and the pass does not is of another pass


class NotDefined(ValueError):
    """A measure is not defined for such a model, or such targets."""


@dataclass(frozen=True, eq=False)
class Explained:
    """What is measured.

    Attributes:
        scene: of the pass.
        layers: the same from each layer, by label.
        maps: raw, ``(M, ...)``, in the layers' own cells.
        shown: the same without a detector's padding.
        kinds: for each method how its maps are meant.
        rivals: for each key the maps of other classes, NaN of those that have none.
        again: from other inputs and the targets of each to their maps; None where the model can't be run again.
        random: the same of a network with random weights.
    """

    scene: Scene
    layers: Mapping[str, LayerScene]
    maps: Mapping[Key, Tensor]
    shown: Mapping[Key, Tensor]
    kinds: Mapping[str, MapKind]
    rivals: Mapping[Key, Tensor] = field(default_factory=dict)
    again: Maps | None = None
    random: Maps | None = None


@dataclass
class Found:
    """Numbers of maps by name, method and layer, and what is to be said of them."""

    numbers: dict[str, dict[Key, Tensor]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, key: Key, values: NDArray[Any]) -> None:
        """Add numbers ``(M,)``."""
        self.numbers.setdefault(name, {})[key] = torch.from_numpy(np.asarray(values, np.float32))

    def lack(self, name: str, key: Key, values: NDArray[Any], why: str) -> None:
        """Note that some of the numbers are unknown."""
        missing = int(np.isnan(values).sum())
        if missing:
            self.notes.append(f"{name} of {_place(key)}: no value for {missing} of {len(values)} maps: {why}")


def measured(measures: Sequence[Measure], explained: Explained) -> Found:
    """Return the measures' numbers for each map.

    A measure that is not defined here has no numbers, and a note that says why.
    """
    found = Found()
    for measure in measures:
        if measure.needs in _MEASURING:
            try:
                _MEASURING[measure.needs](measure, explained, found)
            except NotDefined as error:
                found.notes.append(f"{measure.name} left out: {error}")
    return found


def _of_map(measure: Measure, explained: Explained, found: Found) -> None:
    for key, maps in explained.shown.items():
        found.put(measure.name, key, concentration(evidence_shares(_array(maps), explained.kinds[key[0]])))


def _of_rivals(measure: Measure, explained: Explained, found: Found) -> None:
    if not explained.rivals:
        raise NotDefined("it compares a class with the next-ranked one, and no explained class has one")
    for key, rivals in explained.rivals.items():
        values = class_sensitivity(_array(explained.maps[key]), _array(rivals))
        found.put(measure.name, key, values)
        found.lack(measure.name, key, values, "one of the two maps is flat, or there is no other class")


def _of_heads(measure: Measure, explained: Explained, found: Found) -> None:
    keys = [key for key in explained.maps if key[1] in explained.layers]
    if not keys:
        raise NotDefined("it removes cells of a layer, and no method explains a layer: choose gain")
    for layer in dict.fromkeys(layer for _, layer in keys):
        scene = explained.layers[layer]
        tail, base = Tail(scene), _baselines(scene, measure.baseline)
        for key in (key for key in keys if key[1] == layer):
            maps = _array(_ranked(explained.maps[key], explained.kinds[key[0]]))
            if maps.shape[1:] != tuple(scene.activations.shape[2:]):
                raise NotDefined(f"a map of {key[0]} has other cells than layer {layer!r}")
            gain = _gain_head(measure, scene, tail, base, maps)
            _put_gain(measure, key, maps.reshape(len(maps), -1), gain, found)


def _gain_head(measure: Measure, scene: LayerScene, tail: Tail, base: Tensor, maps: NDArray[Any]) -> Gain:
    inner = kept_cells(maps, measure.steps)
    count, _, cells = inner.shape
    ends = np.broadcast_to(np.array([[[True]], [[False]]]), (2, count, cells)).transpose(1, 0, 2)
    kept = torch.from_numpy(np.concatenate([ends, inner], axis=1)).to(scene.activations.device)
    scores = torch.cat([tail.scores(*changed) for changed in _changed(scene, kept, base)])
    found = _array(scores.reshape(kept.shape[:2]))
    spread = np.ptp(found, axis=1) + 1e-3 * np.abs(found).max(axis=1)
    if (np.abs(found[:, 0] - _array(scene.scores)) > OFF_BY * spread).any():
        raise NotDefined(
            f"what follows layer {scene.layer!r} gives other scores than the pass did, as in training mode: "
            "call the CAM instead of capture()"
        )
    return gain_of_scores(found[:, 2:], found[:, 0], found[:, 1], cells, measure.steps)


def _changed(scene: LayerScene, kept: Tensor, base: Tensor) -> Iterator[tuple[list[int], Tensor]]:
    """Yield for chunks of all rows which score each is of, and its activations ``(R, C, ...)``.

    Args:
        scene: of M scores.
        kept: ``(M, R, P)``, which cells of each row stay.
        base: ``(M, C)``, what takes the place of the others.
    """
    own = scene.activations.flatten(2)
    at_once = max(1, COPIES_BYTES // (own[0].numel() * own.element_size()))
    maps = max(1, at_once // kept.shape[1])
    for start in range(0, len(kept), maps):
        of_maps = slice(start, start + maps)
        for rows in kept[of_maps].split(at_once, dim=1):
            changed = torch.where(rows[:, :, None], own[of_maps, None], base[of_maps, None, :, None])
            of_row = [start + number for number in range(rows.shape[0]) for _ in range(rows.shape[1])]
            yield of_row, changed.flatten(0, 1).unflatten(2, scene.activations.shape[2:])


def _baselines(scene: LayerScene, baseline: Baseline | None) -> Tensor:
    """Return what takes the place of each score's cells, ``(M, C)``.

    By default zero behind a ReLU, and where there is but one image, whose own mean is all that mean pooling sees; else
    the channels' mean over the images.
    """
    activations = scene.activations.flatten(2)
    if baseline == "own":
        return activations.mean(dim=2)
    of_images = activations[[scene.samples.index(image) for image in dict.fromkeys(scene.samples)]]
    if baseline is None:
        baseline = "zero" if len(of_images) == 1 or float(activations.min()) >= 0 else "mean"
    if baseline == "zero":
        return torch.zeros_like(activations[:, :, 0])
    return of_images.mean(dim=(0, 2)).expand(len(activations), -1)


def _of_pictures(measure: Measure, explained: Explained, found: Found) -> None:
    scene = explained.scene
    images, rank = _pictures(scene), len(scene.size)
    size = tuple(images.shape[2:])
    kept = {
        key: kept_cells(_array(resized(_ranked(maps, explained.kinds[key[0]]), size)), measure.steps)
        for key, maps in explained.shown.items()
        if maps.ndim - (explained.kinds[key[0]] == "rgb") == rank + 1
    }

    def variants(image: int) -> Iterator[Tensor]:
        own = images[image]
        base = own.flatten(1).mean(1) if measure.baseline != "zero" else torch.zeros_like(own.flatten(1)[:, 0])
        base = base.reshape(-1, *[1] * rank)
        nothing = np.zeros(math.prod(size), bool)
        rows = [nothing, *(row for of_key in kept.values() for at in _rows_of(scene, image) for row in of_key[at])]
        for start in range(0, len(rows), scene.batch_size):
            chosen = torch.from_numpy(np.stack(rows[start : start + scene.batch_size])).to(own.device)
            yield torch.where(chosen.reshape(-1, 1, *size), own, base)

    scores = [score.cpu().double().numpy() for score in scene.scores_of(variants)]
    whole, nothing = _array(scene.scores), np.array([score[0] for score in scores])
    for number, (key, of_key) in enumerate(kept.items()):
        rows = of_key.shape[1]
        inner = np.empty(of_key.shape[:2])
        for row, score in enumerate(scores):
            siblings = _rows_of(scene, scene.samples[row])
            begin = 1 + (number * len(siblings) + siblings.index(row)) * rows
            inner[row] = score[begin : begin + rows]
        maps = _array(_ranked(explained.shown[key], explained.kinds[key[0]])).reshape(len(scores), -1)
        gain = gain_of_scores(inner, whole, nothing, of_key.shape[2], measure.steps)
        _put_gain(measure, key, maps, gain, found)


def _of_masks(measure: Measure, explained: Explained, found: Found) -> None:
    scene = explained.scene
    images, size = _pictures(scene), tuple(_pictures(scene).shape[2:])
    probabilities = tuple(map(_probability, scene.asked.targets))
    asked = Scene(
        **{name: getattr(scene, name) for name in Scene.__dataclass_fields__ if name != "asked"},
        asked=type(scene.asked)(scene.asked.samples, probabilities),
    )
    masks = {
        key: scaled(resized(scaled(maps.float().clamp(min=0)), size).clamp(min=0))
        for key, maps in explained.shown.items()
        if explained.kinds[key[0]] != "rgb" and maps.ndim == len(size) + 1
    }

    def variants(image: int) -> Iterator[Tensor]:
        own = images[image].float() if not images.is_floating_point() else images[image]
        shown = [own * of_key[row].to(own) for of_key in masks.values() for row in _rows_of(scene, image)]
        for start in range(0, len(shown) + 1, scene.batch_size):
            yield torch.stack([own, *shown][start : start + scene.batch_size])

    scores = [score.cpu().double().numpy() for score in asked.scores_of(variants)]
    whole = np.array([score[0] for score in scores])
    for number, key in enumerate(masks):
        shown = np.empty(len(scores))
        for row, score in enumerate(scores):
            siblings = _rows_of(scene, scene.samples[row])
            shown[row] = score[1 + number * len(siblings) + siblings.index(row)]
        values = (average_drop if measure.name == "average_drop" else average_increase)(whole, shown)
        found.put(measure.name, key, values)


def _of_copies(measure: Measure, explained: Explained, found: Found) -> None:
    if explained.random is None:
        raise NotDefined("expected randomised=, a copy of the model with random weights, got none")
    scene = explained.scene
    targets = [[scene.asked.targets[row] for row in _rows_of(scene, image)] for image in range(scene.inputs.count)]
    if not all(targets):
        raise NotDefined("it explains each image again, and not all have a target")
    try:
        random = explained.random(scene.inputs, targets)
    except Exception as error:  # which is the copy's: not all that is attached to a model is copied
        raise NotDefined(f"the copy with random weights could not be explained: {error}") from error
    order = np.argsort([row for image in range(scene.inputs.count) for row in _rows_of(scene, image)])
    name, entropy = measure.numbers
    for key, maps in explained.shown.items():
        if key in random and random[key].shape == maps.shape:
            own, other, kind = _array(maps), _array(random[key])[order], explained.kinds[key[0]]
            values = randomisation(own, other)
            found.put(name, key, values)
            found.put(entropy, key, entropy_change(evidence_shares(own, kind), evidence_shares(other, kind)))
            found.lack(name, key, values, "one of the two maps is flat")


def _of_mosaics(measure: Measure, explained: Explained, found: Found) -> None:
    scene, images = explained.scene, _pictures(explained.scene)
    if explained.again is None or len(scene.size) != 2:
        raise NotDefined("it combines pictures, which need two spatial axes")
    if not any(isinstance(target, (ClassScore, Probability)) for target in scene.asked.targets):
        names = ", ".join(dict.fromkeys(target.name for target in scene.asked.targets))
        raise NotDefined(f"it needs scores (N, K) of classes, and explained is {names or 'nothing'}")
    rows = _seen_in_half(scene, images)
    if not rows:
        raise NotDefined("no halved picture is still classified as its class")
    classes = [scene.asked.targets[row].index for row in rows]
    plan = mosaics(classes)
    if not plan:
        raise NotDefined("it needs pictures of several classes, and all have the same class")
    values: dict[Key, NDArray[Any]] = {}
    for start in range(0, len(plan), scene.batch_size):
        part = plan[start : start + scene.batch_size]
        members = [[rows[picture] for picture in mosaic.pictures] for mosaic in part]
        put = torch.stack([_put_together(images, [scene.samples[row] for row in four]) for four in members])
        inputs = scene.inputs.of_images([scene.samples[four[0]] for four in members], scene.given(put))
        targets = [
            [ClassScore(scene.asked.targets[four[at]].index) for at in mosaic.asked]
            for four, mosaic in zip(members, part, strict=True)
        ]
        asked = [(four[at], at) for four, mosaic in zip(members, part, strict=True) for at in mosaic.asked]
        for key, maps in explained.again(inputs, targets).items():
            shares = share_in_quarter(_array(_ranked(maps, explained.kinds[key[0]])), [at for _, at in asked])
            values.setdefault(key, np.full(len(scene.samples), np.nan))[[row for row, _ in asked]] = shares
    for key, shares in values.items():
        found.put(measure.name, key, shares)
        found.lack(measure.name, key, shares, "the halved picture is not classified as that class, or has no evidence")


def _seen_in_half(scene: Scene, images: Tensor) -> list[int]:
    """Return the scores of classes that the network ranks first for the halved picture, too."""
    height, width = images.shape[2:]
    halved = interpolate(images.float(), (max(height // 2, 1), max(width // 2, 1)), mode="area")
    top: list[int] = []
    for start in range(0, len(images), scene.batch_size):
        part = halved[start : start + scene.batch_size]
        numbers = list(range(start, start + len(part)))
        scores = _scores_of(scene, numbers, part)
        if scores is None:  # a network of one size: the picture four times
            again = [_put_together(images, [number] * 4) for number in numbers]
            scores = _scores_of(scene, numbers, torch.stack(again))
        if scores is None:
            raise NotDefined("it needs scores (N, K) of classes")
        top += scores.argmax(dim=1).tolist()
    return [
        row
        for row, (sample, target) in enumerate(zip(scene.samples, scene.asked.targets, strict=True))
        if isinstance(target, (ClassScore, Probability)) and top[sample] == target.index
    ]


def _scores_of(scene: Scene, numbers: Sequence[int], images: Tensor) -> Tensor | None:
    try:
        with torch.no_grad():
            scores = scene.find_scores(scene.inputs.of_images(numbers, scene.given(images)).run(scene.model))
    except Exception:  # which sizes a network takes, it alone knows
        return None
    is_of_classes = isinstance(scores, Tensor) and scores.ndim == 2 and len(scores) == len(images)
    return scores if is_of_classes and isinstance(scores, Tensor) and scores.shape[1] > 1 else None


def _put_together(images: Tensor, four: Sequence[int]) -> Tensor:
    """Return a picture of four, each in a quarter."""
    whole = torch.empty_like(images[0], dtype=torch.float32)
    for image, (rows, columns) in zip(four, quarters(*images.shape[2:]), strict=True):
        size = rows.stop - rows.start, columns.stop - columns.start
        whole[:, rows, columns] = interpolate(images[image][None].float(), size, mode="area")[0]
    return whole.to(images.dtype) if images.is_floating_point() else whole.round().to(images.dtype)


_MEASURING: Mapping[str, Callable[[Measure, Explained, Found], None]] = {
    "map": _of_map,
    "rival": _of_rivals,
    "head": _of_heads,
    "picture": _of_pictures,
    "mask": _of_masks,
    "mosaic": _of_mosaics,
    "copy": _of_copies,
}


def _put_gain(measure: Measure, key: Key, maps: NDArray[Any], gain: Gain, found: Found) -> None:
    name, logits = measure.numbers
    says_nothing = ~np.isfinite(maps).all(axis=1) | (np.ptp(maps, axis=1) == 0)
    in_logits = np.where(says_nothing, np.nan, gain.logits)
    normalised = np.where(says_nothing, np.nan, gain.normalised)
    found.put(name, key, normalised)
    found.put(logits, key, in_logits)
    found.lack(name, key, in_logits, "a map is flat, or a map or score not finite")
    why = f"taking everything away costs less than 1 % of the score's spread ({logits} has one)"
    found.lack(name, key, np.where(np.isnan(in_logits), 0, normalised), why)


def _ranked(maps: Tensor, kind: MapKind) -> Tensor:
    """Return what cells are ranked by, ``(M, ...)``."""
    return (maps.sum(dim=-1) if kind == "rgb" else maps).float()


def _rows_of(scene: Scene, image: int) -> list[int]:
    return [row for row, sample in enumerate(scene.samples) if sample == image]


def _pictures(scene: Scene) -> Tensor:
    try:
        return scene.images
    except ValueError as error:
        raise NotDefined(str(error)) from error


def _probability(target: Target) -> Target:
    if isinstance(target, (ClassScore, BinaryScore, Probability)):
        return Probability(target.index)
    raise NotDefined(f"it compares a class's probability, and {target.name} has none")


def _array(tensor: Tensor) -> NDArray[Any]:
    return np.asarray(tensor.detach().float().cpu().double().numpy())


def _place(key: Key) -> str:
    return " at ".join(part for part in key if part)
