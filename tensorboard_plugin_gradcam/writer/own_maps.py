"""Maps that any library made, as an `Explanation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.aliases import Maps, Numbers
from tensorboard_plugin_gradcam.arrays import numbers, to_numpy
from tensorboard_plugin_gradcam.explanation import MapKind
from tensorboard_plugin_gradcam.writer.predictions import own_outputs


@dataclass(frozen=True, eq=False)
class OwnMaps:
    """An `Explanation`, read from what `add_gradcam` is passed."""

    maps: Mapping[tuple[str, str], NDArray[Any]]
    kinds: Mapping[str, MapKind]
    count: int
    samples: NDArray[np.int32]
    targets: NDArray[np.int32]
    scores: NDArray[np.float32] | None
    names: tuple[str, ...]
    outputs: Any = None
    flags: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    measures: Mapping[str, Mapping[tuple[str, str], NDArray[np.float32]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cells:
    """What each map's axes have to be.

    Attributes:
        kind: "rgb" maps have their colour last.
        axes: spatial axes, 2 over pictures and 3 over volumes; None where there is no picture to tell.
    """

    kind: MapKind
    axes: int | None


def own_maps(
    maps: Maps,
    count: int,
    axes: int | None,
    *,
    method: str,
    layer: str,
    kind: MapKind,
    targets: Numbers | None,
    scores: Numbers | None,
    names: Sequence[str] | None,
    outputs: Any,
    measures: Mapping[str, Mapping[tuple[str, str], Any]] | None = None,
) -> OwnMaps:
    """Read maps ``(N, ...)``, or ``(N, T, ...)`` where each sample has T targets.

    Args:
        maps: an array, or a mapping to arrays.
        count: of samples, N.
        axes: spatial axes of the samples' pictures, 2 or 3; None where there are no pictures.
        method: that made the maps.
        layer: that was explained.
        kind: how the maps are meant.
        targets: ``(N,)``, ``(N, T)`` or one for all.
        scores: shaped like the targets.
        names: of the T or N targets.
        outputs: of the model.
        measures: numbers of the maps by their name, method and layer, shaped like the targets.

    Raises:
        ValueError: a shape that is not that of maps of N samples.
    """
    if kind not in ("positive", "signed", "rgb"):
        raise ValueError(f"expected kind 'positive', 'signed' or 'rgb', got {kind!r}")
    classes = _targets(targets, count)
    shape = classes.shape
    several = shape[1] if len(shape) == 2 else None
    texts = tuple(map(str, names or ()))
    if several is not None and len(texts) == several:
        texts = texts * count
    if texts and len(texts) != classes.size:
        raise ValueError(f"expected {classes.size} target_names, one for each target, got {len(texts)}")
    known = numbers(scores, "scores", shape)
    series = by_series(maps, method, layer)
    return OwnMaps(
        maps={key: _of_samples(value, count, several, Cells(kind, axes)) for key, value in series.items()},
        kinds={name: kind for name, _ in series},
        count=count,
        samples=np.repeat(np.arange(count, dtype=np.int32), several or 1),
        targets=classes.reshape(-1),
        scores=None if known is None else known.reshape(-1),
        names=texts,
        outputs=own_outputs(outputs, count),
        measures=_measures(measures or {}, series, shape),
    )


def _measures(
    given: Mapping[str, Mapping[tuple[str, str], Any]], series: Mapping[tuple[str, str], Any], shape: tuple[int, ...]
) -> dict[str, dict[tuple[str, str], NDArray[np.float32]]]:
    found: dict[str, dict[tuple[str, str], NDArray[np.float32]]] = {}
    for name, by_key in given.items():
        for key, values in by_key.items():
            if key not in series:
                known = ", ".join(" at ".join(one) for one in series)
                raise ValueError(f"expected measures of the maps that are passed ({known}), got {' at '.join(key)}")
            column = numbers(values, f"measures[{name!r}]", shape)
            if column is not None:
                found.setdefault(name, {})[key] = column.reshape(-1)
    return found


def by_series(maps: Maps, method: str, layer: str) -> dict[tuple[str, str], Any]:
    """Return the arrays of maps by method and layer."""
    if not isinstance(maps, Mapping):
        return {(method, layer): maps}
    if not maps:
        raise ValueError("expected maps of at least one layer, got an empty mapping")
    return {(key if isinstance(key, tuple) else (method, str(key))): array for key, array in maps.items()}


def _targets(targets: Numbers | None, count: int) -> NDArray[np.int32]:
    if targets is None:
        return np.full(count, -1, dtype=np.int32)
    array = to_numpy(targets, "targets")
    if array.ndim == 0:
        array = np.full(count, array)
    if array.ndim > 2 or len(array) != count:
        raise ValueError(f"expected targets of shape ({count},) or ({count}, T), got {array.shape}")
    classes = numbers(array, "targets", array.shape, np.int32)
    return np.asarray(classes, dtype=np.int32)


def _of_samples(maps: Any, count: int, several: int | None, cells: Cells) -> NDArray[Any]:
    """Return an array of one map for each target, ``(M, ...)``."""
    array = to_numpy(maps, "maps")
    whole = array.shape
    if array.ndim < 2 or len(array) != count:
        raise ValueError(f"expected {count} maps, an array ({count}, h, w), got shape {whole}")
    if several is not None:
        if array.ndim < 3 or array.shape[1] != several:
            raise ValueError(f"expected maps (N, T, h, w) for targets (N, T) = {(count, several)}, got {whole}")
        array = array.reshape(-1, *array.shape[2:])
    if cells.kind == "rgb" and (array.ndim < 3 or array.shape[-1] != 3):
        raise ValueError(f"expected maps of kind 'rgb' with the color last, ({count}, h, w, 3), got {whole}")
    array = _without_channel_axis(array, cells)
    spatial = array.ndim - 1 - (cells.kind == "rgb")
    if cells.axes is not None and spatial not in (1, cells.axes):
        raise ValueError(_misfit(array, whole, cells))
    return array


def _without_channel_axis(array: NDArray[Any], cells: Cells) -> NDArray[Any]:
    """Take away an axis of one channel, first as captum's maps have it or last as TensorFlow's do."""
    if cells.kind == "rgb" or array.ndim != (cells.axes or 2) + 2:
        return array
    if array.shape[1] == 1:
        return array[:, 0]
    return array[..., 0] if array.shape[-1] == 1 and cells.axes is not None else array


def _misfit(array: NDArray[Any], whole: tuple[int, ...], cells: Cells) -> str:
    if cells.axes == 3:
        return (
            f"expected maps (N, d, h, w), because the images are stacks of slices, got shape {whole}: if they are "
            "not, choose 1, 3 or 4 channels to show, or pass dataformats='NCHW'"
        )
    if array.ndim == 4 and array.shape[-1] == 3:
        remedy = "pass kind='rgb' for attributions with colors; for a heat map, pass the raw map before coloring"
    elif array.ndim == 4 and array.shape[1] == 3:
        remedy = "sum over the colors and pass kind='signed', or move them last and pass kind='rgb'"
    else:
        remedy = "pass targets (N, T) for several maps of each, or dataformats='NDHW' for images that are stacks"
    return f"expected maps (N, h, w), one for each picture, got shape {whole}: {remedy}"
