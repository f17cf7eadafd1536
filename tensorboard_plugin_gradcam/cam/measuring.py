"""Measures of an explanation: which numbers its maps have, see `tensorboard_plugin_gradcam.measures`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tensorboard_plugin_gradcam.measures.comparison import class_sensitivity
from tensorboard_plugin_gradcam.measures.concentration import concentration, evidence_shares
from tensorboard_plugin_gradcam.measures.registry import Baseline, Measure
from tensorboard_plugin_gradcam.measures.removal import Gain, average_drop, average_increase, gain_of_scores, kept_cells

from .methods.registry import MapKind
from .scaling import resized, scaled
from .scene import LayerScene, Scene
from .tail import Tail
from .targets import BinaryScore, ClassScore, Probability, Target

Key = tuple[str, str]  # method, layer
Numbers = Mapping[str, Mapping[Key, Tensor]]

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
    """

    scene: Scene
    layers: Mapping[str, LayerScene]
    maps: Mapping[Key, Tensor]
    shown: Mapping[Key, Tensor]
    kinds: Mapping[str, MapKind]
    rivals: Mapping[Key, Tensor] = field(default_factory=dict)


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
        raise NotDefined("it compares a class with the one ranked next, and no class is explained that has one")
    for key, rivals in explained.rivals.items():
        values = class_sensitivity(_array(explained.maps[key]), _array(rivals))
        found.put(measure.name, key, values)
        found.lack(measure.name, key, values, "one of the two maps is flat, or there is no other class")


def _of_heads(measure: Measure, explained: Explained, found: Found) -> None:
    keys = [key for key in explained.maps if key[1] in explained.layers]
    if not keys:
        raise NotDefined("it takes cells of a layer away, and no method explains one: choose gain")
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
    count, rows, cells = inner.shape
    ends = np.broadcast_to(np.array([[[True]], [[False]]]), (2, count, cells)).transpose(1, 0, 2)
    device = scene.activations.device
    kept = torch.from_numpy(np.concatenate([ends, inner], axis=1).reshape(-1, cells)).to(device)
    of_row = torch.arange(count, device=device).repeat_interleave(rows + 2)
    own = scene.activations.flatten(2)

    def scores() -> Iterator[Tensor]:
        for part in tail.splits(of_row):
            at = of_row[part]
            changed = torch.where(kept[part][:, None], own[at], base[at][:, :, None])
            yield tail.scores(at, changed.unflatten(2, scene.activations.shape[2:]))

    found = torch.cat(list(scores())).reshape(count, rows + 2).cpu().double().numpy()
    spread = np.ptp(found, axis=1) + 1e-3 * np.abs(found).max(axis=1)
    if (np.abs(found[:, 0] - _array(scene.scores)) > OFF_BY * spread).any():
        raise NotDefined(
            f"what follows layer {scene.layer!r} gives other scores than the pass did, as in training mode: "
            "call the CAM instead of capture()"
        )
    return gain_of_scores(found[:, 2:], found[:, 0], found[:, 1], cells, measure.steps)


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
        base = torch.zeros_like(own[:, :1]) if measure.baseline == "zero" else own.flatten(1).mean(1, keepdim=True)
        base = base.reshape(-1, *[1] * rank)
        yield base.expand_as(own)[None]
        rows = [row for of_key in kept.values() for at in _rows_of(scene, image) for row in of_key[at]]
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


_MEASURING: Mapping[str, Callable[[Measure, Explained, Found], None]] = {
    "map": _of_map,
    "rival": _of_rivals,
    "head": _of_heads,
    "picture": _of_pictures,
    "mask": _of_masks,
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
