"""From the engine's results to batches that can be logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.records import Precision
from tensorboard_plugin_gradcam.writer.batch import MAX_MAP_SIZE, Batch, Explained, map_block
from tensorboard_plugin_gradcam.writer.samples import Samples
from tensorboard_plugin_gradcam.writer.verdicts import classification, verdicts


@dataclass(frozen=True)
class Storing:
    """How results are stored.

    Attributes:
        precision: of maps.
        max_map_size: longer edge above which maps are averaged down; None for never.
        top_k: how many of the most probable classes.
    """

    precision: Precision = "uint8"
    max_map_size: int | None = MAX_MAP_SIZE
    top_k: int = 0


def batch_of(samples: Samples, result: Any, storing: Storing, losses: ArrayLike | None = None) -> Batch:
    """Return the batch of a result of `CAM`, whose inputs were `samples`."""
    count = len(samples)
    blocks = {
        (method, layer, result.kinds[method]): map_block(
            maps,
            count,
            _explained(result, count, result.flags.get((method, layer), ())),
            result.kinds[method],
            storing.precision,
            storing.max_map_size,
        )
        for (method, layer), maps in result.maps.items()
    }
    outputs = classification(result.outputs, count)
    said = verdicts(count, outputs=outputs, labels=samples.labels, losses=losses, top_k=storing.top_k)
    return Batch(samples, said, blocks)


def _explained(result: Any, count: int, flags: Sequence[str]) -> Explained:
    samples = to_numpy(result.samples, "samples").astype(np.int32)
    targets = to_numpy(result.targets, "targets").astype(np.int32)
    if samples.max(initial=-1) >= count:
        raise ValueError(f"expected a result for {count} samples, got one for {samples.max() + 1}")
    if len(samples) == 0 and count:
        raise ValueError(f"expected a result for {count} samples, got an empty one")
    # A class's name is the cohort's to tell; only what is no class needs its description here.
    names = tuple("" if target >= 0 else name for target, name in zip(targets, result.names, strict=True))
    return Explained(samples, targets, to_numpy(result.scores, "scores").astype(np.float32), names, tuple(flags))
