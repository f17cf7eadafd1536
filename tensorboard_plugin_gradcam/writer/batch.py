"""What one call logs: samples, what the model said of them, and maps, ready to be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.explanation import Explanation, is_detection
from tensorboard_plugin_gradcam.measures import Measure, concentration, evidence_shares
from tensorboard_plugin_gradcam.records import Block, MapKind, Precision, Task, digest_of_bytes, quantised
from tensorboard_plugin_gradcam.writer import tasks
from tensorboard_plugin_gradcam.writer.averaging import area_averaged
from tensorboard_plugin_gradcam.writer.checks import at_least, one_of
from tensorboard_plugin_gradcam.writer.measured import measured, measures_of, taken_measures
from tensorboard_plugin_gradcam.writer.predictions import Known, predictions_of, scores_in, task_of
from tensorboard_plugin_gradcam.writer.samples import Samples

if TYPE_CHECKING:
    from typing_extensions import Unpack

MAX_MAP_SIZE = 64  # cells of the longer edge, by default

MapKey = tuple[str, str, MapKind]  # method, layer, kind


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples at one step.

    Attributes:
        samples: the N samples.
        predictions: arrays ``(N,)`` or ``(N, K)`` by their name in `records.Predictions`.
        blocks: the maps of each method and layer; their sample indices are into `samples`.
        task: what the model does.
        numbers: the user's own by their names, ``(N,)`` of float32.
        notes: why numbers of maps are missing.
    """

    samples: Samples
    predictions: Mapping[str, NDArray[Any]]
    blocks: Mapping[MapKey, Block]
    task: Task = "classification"
    numbers: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def take(self, indices: Sequence[int]) -> Batch:
        """Return some of the samples, in that order, with what was logged of them."""
        places = np.full(len(self.samples), -1, dtype=np.int32)
        places[list(indices)] = np.arange(len(indices), dtype=np.int32)
        blocks = {
            key: replace(taken(block, kept), samples=places[block.sample_indices[kept]])
            for key, block in self.blocks.items()
            if (kept := places[block.sample_indices] >= 0).any()
        }
        said = {name: values[list(indices)] for name, values in self.predictions.items()}
        numbers = {name: values[list(indices)] for name, values in self.numbers.items()}
        return Batch(self.samples.take(indices), said, blocks, self.task, numbers, self.notes)


def capped(batches: Sequence[Batch], most: int) -> list[Batch]:
    """Return at most so many samples of batches: always the same ones, chosen by what identifies them.

    Those stay whose identity (id, or else picture) has the smallest digests, in whatever order they come and whatever
    else comes with them.
    """
    ranks = sorted(
        (digest_of_bytes(record.identity.encode()), number, index)
        for number, batch in enumerate(batches)
        for index, record in enumerate(batch.samples.records)
    )
    kept = ranks[:most]
    if len(kept) == len(ranks):
        return list(batches)
    chosen = {number: sorted(index for _, of, index in kept if of == number) for _, number, _ in kept}
    return [
        batch if len(chosen[number]) == len(batch.samples) else batch.take(chosen[number])
        for number, batch in enumerate(batches)
        if number in chosen
    ]


def taken(block: Block, keep: NDArray[Any]) -> Block:
    """Return some of a block's maps, by a mask or by indices; their sample indices stay."""
    if keep.dtype == np.bool_ and keep.all():
        return block
    indices = np.arange(block.size)[keep].tolist()
    arrays: dict[str, Any] = {name: value[keep] for name, value in vars(block).items() if isinstance(value, np.ndarray)}
    texts = {
        name: tuple(getattr(block, name)[index] for index in indices) if getattr(block, name) else ()
        for name in ("names", "flags")
    }
    samples = {"samples": block.sample_indices[keep]}
    return replace(block, **(arrays | texts | samples | taken_measures(block, keep)))


@dataclass(frozen=True)
class Storing:
    """How maps and predictions are stored.

    Attributes:
        precision: of maps.
        max_map_size: longer edge above which maps are averaged down; None for never.
        top_k: how many of the most probable classes.
        task: what the model does; None to tell by outputs and labels.
        measures: those of maps alone are added to what an explanation brings.
    """

    precision: Precision = "uint8"
    max_map_size: int | None = MAX_MAP_SIZE
    top_k: int = 0
    task: Task | None = None
    measures: tuple[Measure, ...] = ()

    def __post_init__(self) -> None:
        one_of("precision", self.precision, Precision)
        at_least("max_map_size", self.max_map_size, 1, optional=True)
        at_least("top_k", self.top_k, 0)
        if self.task is not None:
            one_of("task", self.task, Task)


def batch_of(samples: Samples, explanation: Explanation, storing: Storing, **known: Unpack[Known]) -> Batch:
    """Return the batch of what explains `samples`: the one way of everything that is logged.

    Args:
        samples: the N images that were explained.
        explanation: of torch's engine, of Keras', or of maps of the user's own.
        storing: how it is stored.
        known: what is known of the predictions beside the explanation's outputs: see `predictions_of`.

    Raises:
        ValueError: it explains another number of images.
    """
    count = len(samples)
    if explanation.count != count:
        raise ValueError(f"expected an explanation of {count} samples, got one of {explanation.count}")
    outputs = None if explanation.outputs is None else scores_in(explanation.outputs, count)
    task = task_of(outputs, samples.truth, storing.task)
    said = predictions_of(count, outputs=outputs, truth=samples.truth, task=task, top_k=storing.top_k, **known)
    explained: NDArray[np.int32] | None = None
    if task == "detection" and is_detection(outputs):
        detected, explained = _detected(samples, explanation, outputs)
        said |= detected
    blocks = {
        (method, layer, explanation.kinds[method]): replace(
            _block(explanation, (method, layer), storing), boxes=explained
        )
        for method, layer in explanation.maps
    }
    notes = tuple(getattr(explanation, "notes", ()))
    return Batch(samples, said, {key: block for key, block in blocks.items() if block.size}, task, notes=notes)


def _detected(
    samples: Samples, explanation: Explanation, outputs: Any
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int32] | None]:
    """Return the predicted boxes, and which of its sample's boxes each map explains."""
    boxes = getattr(explanation, "boxes", None)
    images = to_numpy(explanation.samples, "samples").tolist()
    positions = [-1] * len(images) if boxes is None else to_numpy(boxes, "boxes").tolist()
    pairs = list(zip(images, positions, strict=True))
    one_size = getattr(explanation, "input_size", None)
    sizes = [one_size or samples.native_size(index) or (1, 1) for index in range(len(samples))]
    found, places = tasks.detection(outputs, sizes, [pair for pair in pairs if pair[1] >= 0])
    explained = None if boxes is None else np.array([places.get(pair, -1) for pair in pairs], dtype=np.int32)
    return found, explained


def _block(explanation: Explanation, key: tuple[str, str], storing: Storing) -> Block:
    array = to_numpy(explanation.maps[key], "maps")
    samples = to_numpy(explanation.samples, "samples").astype(np.int32)
    targets = to_numpy(explanation.targets, "targets").astype(np.int32)
    scores = None if explanation.scores is None else to_numpy(explanation.scores, "scores").astype(np.float32)
    if len(array) != len(samples):
        raise ValueError(f"expected {len(samples)} maps of {' at '.join(key)}, got {len(array)}")
    if samples.max(initial=-1) >= explanation.count or samples.min(initial=0) < 0:
        raise ValueError(f"expected samples from 0 to {explanation.count - 1}, got {samples.tolist()}")
    # A class's name is the cohort's to tell; only what is no class needs its description here.
    names = [
        "" if name.startswith(f"class {target}") else name
        for target, name in zip(targets, explanation.names or [""] * len(targets), strict=True)
    ]
    flags = tuple(explanation.flags.get(key, ()))
    axes = tuple(range(1, array.ndim - (explanation.kinds[key[0]] == "rgb")))
    averaged = area_averaged(array, storing.max_map_size, axes)
    stored = quantised(averaged, storing.precision)
    non_finite = (~np.isfinite(array)).reshape(len(array), -1).sum(axis=1, dtype=np.int32)
    block = Block(
        values=stored.values,
        minimum=stored.minimum,
        maximum=stored.maximum,
        samples=None if np.array_equal(samples, np.arange(explanation.count)) else samples,
        targets=targets if (targets >= 0).any() else None,
        scores=scores,
        names=tuple(names) if any(names) else (),
        native_shape=() if averaged is array else array.shape[1:],
        non_finite=non_finite if non_finite.any() else None,
        flags=flags if any(flags) else (),
    )
    numbers = measures_of(explanation, key, len(samples))
    for measure in storing.measures:
        if measure.needs == "map" and measure.name not in numbers:
            shares = evidence_shares(array, explanation.kinds[key[0]])
            numbers[measure.name] = concentration(shares).astype(np.float32)
    return measured(block, numbers) if numbers else block
