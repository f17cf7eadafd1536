"""Measures of the maps of Keras models: those that need the maps and the model's scores alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.integrations.keras_maps import Floats
from tensorboard_plugin_gradcam.measures import (
    Measure,
    class_sensitivity,
    concentration,
    evidence_shares,
    gain,
)
from tensorboard_plugin_gradcam.metrics import interpolated

Key = tuple[str, str]
Numbers = dict[str, dict[Key, Floats]]
_KNOWN = ("map", "rival", "picture", "first", "previous", "truth")


def checked(measures: Sequence[Measure], backend: str) -> tuple[Measure, ...]:
    """Return measures that this backend has.

    Raises:
        ValueError: for another one.
    """
    for measure in measures:
        if backend != "torch" and measure.needs not in _KNOWN:
            raise ValueError(
                f"expected measures that need the scores alone (gain, class_sensitivity, concentration, ...) on the "
                f"{backend} backend, got {measure.name!r}: it is there on the torch backend"
            )
    return tuple(measures)


def rivals(scores: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each class that is explained the highest of the others, of scores ``(M, classes)``."""
    others = np.array(scores, np.float64)
    others[np.arange(len(others)), classes] = -np.inf
    return np.asarray(others.argmax(axis=1), dtype=np.int64)


def measured(
    measures: Sequence[Measure],
    maps: Mapping[Key, Floats],
    rivals: Mapping[Key, Floats] | None,
    pictures: Floats,
    score: Callable[[int, Floats], NDArray[Any]],
    channels_last: bool,
) -> tuple[Numbers, tuple[str, ...]]:
    """Return the numbers of maps, and why some are missing.

    Args:
        measures: that are asked for.
        maps: ``(M, ...)``, raw.
        rivals: those of other classes; None where there is no other.
        pictures: ``(M, ...)``, each map's.
        score: from a map's index and other pictures in its own's place to their scores.
        channels_last: whether pictures have their channels last.
    """
    found: Numbers = {}
    notes: list[str] = []
    for measure in measures:
        if measure.needs == "map":
            found[measure.name] = {key: _numbers(concentration(evidence_shares(value))) for key, value in maps.items()}
        elif measure.needs == "rival" and rivals is not None:
            found[measure.name] = {key: _numbers(class_sensitivity(value, rivals[key])) for key, value in maps.items()}
        elif measure.needs == "rival":
            notes.append(f"{measure.name} left out: there is no other class to compare with")
        elif measure.needs == "picture":
            name, logits = measure.numbers
            for key, value in maps.items():
                gained = _gain(measure, value, pictures, score, channels_last)
                found.setdefault(name, {})[key] = _numbers(gained.normalised)
                found.setdefault(logits, {})[key] = _numbers(gained.logits)
                missing = int(np.isnan(gained.normalised).sum())
                if missing:
                    notes.append(
                        f"{name} of {' at '.join(key)}: no value for {missing} of {len(value)} maps: taking everything "
                        f"away costs less than 1 % of the score's spread ({logits} has one)"
                    )
    return found, tuple(notes)


def _gain(
    measure: Measure,
    maps: Floats,
    pictures: Floats,
    score: Callable[[int, Floats], NDArray[Any]],
    channels_last: bool,
) -> Any:
    size = pictures.shape[1:-1] if channels_last else pictures.shape[2:]
    fine = np.stack([interpolated(map_.astype(np.float64), tuple(size)) for map_ in maps])

    def scores(index: int, kept: NDArray[np.bool_]) -> NDArray[Any]:
        own = pictures[index].astype(np.float32)
        axes = tuple(range(len(size))) if channels_last else tuple(range(1, len(size) + 1))
        base = np.zeros_like(own) if measure.baseline == "zero" else own.mean(axis=axes, keepdims=True)
        shown = kept.reshape(len(kept), *size)[..., None] if channels_last else kept.reshape(len(kept), 1, *size)
        return score(index, np.where(shown, own, base).astype(np.float32))

    return gain(fine, scores, measure.steps)


def _numbers(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)
