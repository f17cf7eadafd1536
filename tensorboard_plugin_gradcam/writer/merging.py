"""Putting together what several calls log at one step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Block, Cohort, Sample, Task
from tensorboard_plugin_gradcam.writer.batch import Batch, MapKey, taken
from tensorboard_plugin_gradcam.writer.measured import joined_measures
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat, Picture
from tensorboard_plugin_gradcam.writer.samples import Samples


class OpenStep:
    """All that was logged under one tag at one step so far."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.samples: list[Sample] = []
        self.pictures: dict[str, tuple[Picture, ImageFormat]] = {}
        self.predictions: dict[str, NDArray[Any]] = {}
        self.blocks: dict[MapKey, list[Block]] = {}
        self.numbers: dict[str, NDArray[Any]] = {}
        self.notes: list[str] = []
        self.task: Task = "classification"

    def copy(self) -> OpenStep:
        """Return a step that further batches can be added to without a change of this one."""
        copied = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, (list, dict)):
                setattr(copied, name, value.copy())
        return copied

    def append(self, batch: Batch) -> None:
        """Add a batch of further samples."""
        self.append_all([batch])

    def append_all(self, batches: Sequence[Batch]) -> None:
        """Add many batches of further samples at once: one by one, each would copy all that came before."""
        if not batches:
            return
        starts = len(self.samples) + np.concatenate([[0], np.cumsum([len(batch.samples) for batch in batches])])
        for batch in batches:
            self.samples += batch.samples.records
            for digest, picture in batch.samples.pictures.items():
                self.pictures.setdefault(digest, (picture, batch.samples.image_format))
        self.task = batches[-1].task
        for name in ("predictions", "numbers"):
            parts = [(int(start), getattr(batch, name)) for start, batch in zip(starts, batches, strict=False)]
            _lay_out(getattr(self, name), parts, int(starts[-1]))
        found: dict[MapKey, list[Block]] = defaultdict(list)
        for start, batch in zip(starts.tolist(), batches, strict=False):
            for key, block in batch.blocks.items():
                found[key].append(replace(block, samples=block.sample_indices + np.int32(start)))
        for key, blocks in found.items():
            self.blocks[key] = joined([*self.blocks.get(key, []), *blocks])

    def extend(self, other: OpenStep) -> None:
        """Add all that was logged of further samples."""
        first = len(self.samples)
        indices = np.arange(first, first + len(other.samples), dtype=np.int32)
        samples = Samples(tuple(other.samples), {})
        said, numbers = other.full_predictions(), other.full_numbers()
        self._place(Batch(samples, said, {}, other.task, numbers), indices)
        for key, blocks in other.blocks.items():
            moved = [replace(block, samples=indices[block.sample_indices]) for block in blocks]
            self.blocks[key] = joined([*self.blocks.get(key, []), *moved])
        self.pictures |= other.pictures
        self.notes += [note for note in other.notes if note not in self.notes]

    def merge(self, batch: Batch) -> None:
        """Add a batch, of which samples that are already there (the same picture, label, id and so on) are the same."""
        places = defaultdict(list)
        for index, sample in enumerate(self.samples):
            places[_identity(sample)].append(index)
        indices, size = [], len(self.samples)
        for sample in batch.samples.records:
            known = places[_identity(sample)]
            # Equal samples within one batch are several: each takes a place of its own.
            indices.append(known.pop(0) if known else size)
            size += indices[-1] == size
        self._place(batch, np.array(indices, dtype=np.int32))

    def _place(self, batch: Batch, indices: NDArray[np.int32]) -> None:
        for index, sample in zip(indices, batch.samples.records, strict=True):
            if index == len(self.samples):
                self.samples.append(sample)
        for digest, picture in batch.samples.pictures.items():
            self.pictures.setdefault(digest, (picture, batch.samples.image_format))
        self.task = batch.task
        for name, values in batch.predictions.items():
            self.predictions[name] = _scattered(self.predictions.get(name), values, indices)
        for name, values in batch.numbers.items():
            self.numbers[name] = _scattered(self.numbers.get(name), values, indices)
        for key, block in batch.blocks.items():
            moved = replace(block, samples=indices[block.sample_indices])
            self.blocks[key] = joined([*_others(self.blocks.get(key, []), moved), moved])

    def arrange(self, places: dict[str, int]) -> None:
        """Put the samples in the order in which their series first had them: a shuffled loader's come in any.

        Args:
            places: of the series' samples by their identities; new ones are added.
        """
        identities = Cohort(tuple(self.samples)).identities
        for identity in identities:
            places.setdefault(identity, len(places))
        order = sorted(range(len(identities)), key=lambda index: places[identities[index]])
        if order == list(range(len(order))):
            return
        to = np.argsort(order).astype(np.int32)
        self.predictions, self.numbers = (
            {name: values[order] for name, values in arrays.items()}
            for arrays in (self.full_predictions(), self.full_numbers())
        )
        self.samples = [self.samples[index] for index in order]
        self.blocks = {key: [_sorted(block, to) for block in blocks] for key, blocks in self.blocks.items()}

    def full_predictions(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of predictions, each for all samples."""
        return {name: self._full(values) for name, values in self.predictions.items()}

    def full_numbers(self) -> dict[str, NDArray[Any]]:
        """Return the numbers by their names, each for all samples, NaN where there is none."""
        return {name: self._full(values) for name, values in self.numbers.items()}

    def _full(self, values: NDArray[Any]) -> NDArray[Any]:
        size = len(self.samples)
        return values if len(values) == size else _grown(values, size, values.shape[1:])


def _identity(sample: Sample) -> tuple[Any, ...]:
    return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in vars(sample).values())


def _scattered(old: NDArray[Any] | None, values: NDArray[Any], indices: NDArray[np.int32]) -> NDArray[Any]:
    """Put values at their samples' places, growing the array; new places are -1 or NaN."""
    if old is None and np.array_equal(indices, np.arange(len(values))):
        return values
    old = values[:0] if old is None else old
    width = np.maximum(old.shape[1:], values.shape[1:])
    size = max(len(old), int(indices.max(initial=-1)) + 1)
    grown = _grown(old, size, tuple(width))
    rows = _grown(values, len(values), tuple(width))
    grown[indices] = rows
    return grown


def _lay_out(
    known: dict[str, NDArray[Any]], parts: Sequence[tuple[int, Mapping[str, NDArray[Any]]]], size: int
) -> None:
    """Put the arrays of batches, each from its first place on, into arrays for all `size` samples, by their names."""
    for name in {name: None for _, arrays in parts for name in arrays}:
        found = [(start, arrays[name]) for start, arrays in parts if name in arrays]
        if name in known:
            found.insert(0, (0, known[name]))
        width = np.max([array.shape[1:] for _, array in found], axis=0)
        whole = _grown(found[0][1][:0], size, tuple(int(length) for length in width))
        for start, array in found:
            whole[(slice(start, start + len(array)), *(slice(length) for length in array.shape[1:]))] = array
        known[name] = whole


def _grown(array: NDArray[Any], size: int, width: tuple[int, ...]) -> NDArray[Any]:
    grown = np.full((size, *width), -1 if array.dtype.kind == "i" else np.nan, dtype=array.dtype)
    grown[tuple(slice(length) for length in array.shape)] = array
    return grown


def _others(blocks: Sequence[Block], new: Block) -> list[Block]:
    """Drop maps that `new` has again: of the same sample and target, as when a call is repeated."""
    again = set(_map_names(new))
    kept = [np.array([name not in again for name in _map_names(block)], dtype=bool) for block in blocks]
    return [taken(block, keep) for block, keep in zip(blocks, kept, strict=True) if keep.any()]


def _map_names(block: Block) -> list[tuple[Any, ...]]:
    targets = [-1] * block.size if block.targets is None else block.targets.tolist()
    return list(zip(block.sample_indices.tolist(), targets, block.names or [""] * block.size, strict=True))


def joined(blocks: Sequence[Block]) -> list[Block]:
    """Join blocks of equal shape and type: one block is the usual case, also for many batches."""
    groups: dict[tuple[Any, ...], list[Block]] = {}
    for block in blocks:
        groups.setdefault((block.values.shape[1:], block.values.dtype, block.native_shape), []).append(block)
    return [_normal(_concatenated(group)) for group in groups.values()]


def _concatenated(group: list[Block]) -> Block:
    if len(group) == 1:
        return group[0]
    whole = Block(
        values=np.concatenate([block.values for block in group]),
        minimum=np.concatenate([block.minimum for block in group]),
        maximum=np.concatenate([block.maximum for block in group]),
        samples=np.concatenate([block.sample_indices for block in group]),
        targets=_filled(group, "targets", -1, np.int32),
        boxes=_filled(group, "boxes", -1, np.int32),
        scores=_filled(group, "scores", np.nan, np.float32),
        names=_texts(group, "names"),
        native_shape=group[0].native_shape,
        non_finite=_filled(group, "non_finite", 0, np.int32),
        flags=_texts(group, "flags"),
    )
    return joined_measures(group, whole)


def _filled(group: list[Block], name: str, fill: float, dtype: type[Any]) -> NDArray[Any] | None:
    arrays = [getattr(block, name) for block in group]
    if all(array is None for array in arrays):
        return None
    pairs = zip(arrays, group, strict=True)
    return np.concatenate([np.full(block.size, fill, dtype) if array is None else array for array, block in pairs])


def _texts(group: list[Block], name: str) -> tuple[str, ...]:
    if not any(getattr(block, name) for block in group):
        return ()
    return tuple(text for block in group for text in (getattr(block, name) or ("",) * block.size))


def _sorted(block: Block, to: NDArray[np.int32]) -> Block:
    """Return a block for samples that have moved, its maps in their new order."""
    samples = to[block.sample_indices]
    order = np.argsort(samples, kind="stable")
    return _normal(taken(replace(block, samples=samples), order))


def _normal(block: Block) -> Block:
    """Leave the sample indices out where they count from 0."""
    plain = block.samples is not None and np.array_equal(block.samples, np.arange(block.size))
    return replace(block, samples=None) if plain else block
