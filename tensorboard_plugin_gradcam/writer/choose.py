"""Which samples to log: a fixed set, the worst, or one of each class. Indices into a data set, the same for a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.aliases import Numbers
from tensorboard_plugin_gradcam.arrays import to_numpy


def fixed(size: int, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Choose `count` of `size` samples at random, in ascending order; all of them if there are fewer."""
    if size < 0 or count < 0:
        raise ValueError(f"expected size and count of 0 or above, got {size} and {count}")
    return np.sort(np.random.default_rng(seed).permutation(size)[:count])


def worst(losses: Numbers, count: int) -> NDArray[np.int64]:
    """Choose the `count` samples with the largest loss, worst first; ties go to the earlier sample, NaN ranks worst."""
    values = to_numpy(losses, "losses")
    if values.ndim != 1:
        raise ValueError(f"expected losses of shape (N,), one per sample, got {values.shape}: pass reduction='none'")
    badness = np.where(np.isnan(values), np.inf, values.astype(np.float64))
    return np.argsort(-badness, kind="stable")[: max(count, 0)]


def one_of_each(labels: Numbers, seed: int = 0, *, per_class: int = 1) -> NDArray[np.int64]:
    """Choose `per_class` samples of each class at random, in ascending order of class; -1 means no class."""
    values = to_numpy(labels, "labels")
    if values.ndim != 1:
        raise ValueError(f"expected labels of shape (N,), got {values.shape}")
    order = np.random.default_rng(seed).permutation(len(values))
    chosen: list[Any] = [
        np.sort(order[values[order] == label][:per_class]) for label in np.unique(values) if label >= 0
    ]
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
