"""What one call logs: samples, what the model said of them, and maps, ready to be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tensorboard_plugin_gradcam.arrays import numbers, to_numpy
from tensorboard_plugin_gradcam.records import Block, MapKind, Precision, quantised
from tensorboard_plugin_gradcam.writer.averaging import area_averaged
from tensorboard_plugin_gradcam.writer.samples import Samples

MAX_MAP_SIZE = 64  # cells of the longer edge, by default

MapKey = tuple[str, str, MapKind]  # method, layer, kind


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples at one step.

    Attributes:
        samples: the N samples.
        predictions: arrays ``(N,)`` or ``(N, K)`` by their name in `records.Predictions`.
        blocks: the maps of each method and layer; their sample indices are into `samples`.
    """

    samples: Samples
    predictions: Mapping[str, NDArray[Any]]
    blocks: Mapping[MapKey, Block]


@dataclass(frozen=True, eq=False)
class Explained:
    """What each of M maps explains.

    Attributes:
        samples: ``(M,)``, index into the batch; None for one map a sample.
        targets: ``(M,)``, class index, -1 for none.
        scores: ``(M,)``, before softmax.
        names: M names of targets that are not classes.
        flags: M texts that a viewer should show.
    """

    samples: NDArray[np.int32] | None = None
    targets: NDArray[np.int32] | None = None
    scores: NDArray[np.float32] | None = None
    names: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """Whether samples are explained for several targets, ``(N, T)``."""
        return self.targets is not None and self.targets.ndim == 2


def explained(
    count: int,
    targets: ArrayLike | None,
    scores: ArrayLike | None,
    names: Sequence[str] | None = None,
) -> Explained:
    """Read what is explained: ``(N,)``, or ``(N, T)`` where each sample is explained for T targets.

    Names are the T or N targets' names where targets are not classes.
    """
    array = None if targets is None else to_numpy(targets, "targets")
    if array is not None and array.ndim == 0:
        array = np.full(count, array)
    shape = (count,) if array is None else array.shape
    if len(shape) > 2 or shape[0] != count:
        raise ValueError(f"expected targets of shape ({count},) or ({count}, T), got {shape}")
    texts = tuple(map(str, names or ()))
    if texts and len(shape) == 2 and len(texts) == shape[1]:
        texts = texts * count
    return Explained(
        targets=numbers(array, "targets", shape, np.int32), scores=numbers(scores, "scores", shape), names=texts
    )


def map_block(
    maps: Any, count: int, what: Explained, kind: MapKind, precision: Precision, max_map_size: int | None
) -> Block:
    """Return the block of raw maps ``(N, ...)``, or ``(N, T, ...)`` where each sample has T targets.

    Raises:
        ValueError: the shape is not that of maps of `count` samples.
    """
    array = to_numpy(maps, "maps")
    if what.several:
        array, what = _flattened(array, what)
    expected = count if what.samples is None else len(what.samples)
    if array.ndim < 2 or len(array) != expected:
        raise ValueError(f"expected {expected} maps, an array ({expected}, h, w), got shape {array.shape}")
    if kind == "rgb" and (array.ndim < 3 or array.shape[-1] != 3):
        raise ValueError(f"expected maps of kind 'rgb' with the colour last, ({expected}, h, w, 3), got {array.shape}")
    if kind not in ("positive", "signed", "rgb"):
        raise ValueError(f"expected kind 'positive', 'signed' or 'rgb', got {kind!r}")
    axes = tuple(range(1, array.ndim - (kind == "rgb")))
    averaged = area_averaged(array, max_map_size, axes)
    stored = quantised(averaged, precision)
    non_finite = (~np.isfinite(array)).reshape(len(array), -1).sum(axis=1, dtype=np.int32)
    return Block(
        values=stored.values,
        minimum=stored.minimum,
        maximum=stored.maximum,
        samples=what.samples,
        targets=what.targets,
        scores=what.scores,
        names=what.names if any(what.names) else (),
        native_shape=() if averaged is array else array.shape[1:],
        non_finite=non_finite if non_finite.any() else None,
        flags=what.flags if any(what.flags) else (),
    )


def _flattened(maps: NDArray[Any], what: Explained) -> tuple[NDArray[Any], Explained]:
    if what.targets is None or maps.shape[:2] != what.targets.shape:
        shape = None if what.targets is None else what.targets.shape
        raise ValueError(f"expected maps (N, T, h, w) for targets (N, T) = {shape}, got {maps.shape}")
    samples = np.repeat(np.arange(len(maps), dtype=np.int32), maps.shape[1])
    flat = replace(
        what,
        samples=samples,
        targets=what.targets.reshape(-1),
        scores=None if what.scores is None else what.scores.reshape(-1),
    )
    return maps.reshape(-1, *maps.shape[2:]), flat
