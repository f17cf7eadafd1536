"""From records to what findings are looked for in."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.findings.evidence import Evidence, evidence_of, portions
from tensorboard_plugin_gradcam.findings.summary import Observations, Stretch
from tensorboard_plugin_gradcam.records import (
    Batch,
    Block,
    Box,
    Cohort,
    Identities,
    MapKind,
    Predictions,
    Sample,
    boxes_of,
    mask_of,
)
from tensorboard_plugin_gradcam.records.arrays import Cells

TRUTH = (28, 28)  # points of the grid on which marked regions are known
COARSE_TRUTH, COARSE_FROM = (14, 14), 5_000  # of so many samples
SMALL_MASK = 2**12  # cells of a mask that is held beside others
STRETCH_CELLS = 2**18  # of maps that are summarised together


class Logged(NamedTuple):
    """One step of a series of maps as it was logged.

    Attributes:
        step: of the training.
        blocks: its maps.
        cohort: their samples.
        predictions: what the model said of these, None where that is not known.
    """

    step: int
    blocks: Sequence[Block]
    cohort: Cohort
    predictions: Predictions | None = None


class Observer:
    """Reads the steps of one series of maps; what a list of samples says of itself is read once."""

    def __init__(self, kind: MapKind) -> None:
        self._kind = kind
        self._cohort: Cohort | None = None
        self._known = known_of((), 0)

    def observe(
        self, step: int, blocks: Sequence[Block], cohort: Cohort | Observations, predictions: Predictions | None
    ) -> Observations | None:
        """Return one step, or None where it has no maps of pictures. Of several maps of a sample the first counts.

        Args:
            step: of the training.
            blocks: its maps.
            cohort: its samples, or what `known_of` says of them.
            predictions: of the same samples, as far as they are known.
        """
        flat = [block for block in blocks if block.values.size and _axes(block, self._kind) == 2]
        if not flat:
            return None
        known = self.known(cohort)
        count = len(known.labels)
        said = predictions if predictions is not None and predictions.size == count else None
        return replace(
            known,
            step=step,
            maps=Evidence(flat, self._kind, count),
            predictions=None if said is None else said.prediction,
            probabilities=None if said is None else said.probability,
            losses=None if said is None else said.loss,
        )

    def stretches(self, logged: Sequence[Logged]) -> Iterator[Stretch]:
        """Yield steps that have maps of pictures; those that follow each other and are alike come together."""
        for part in in_a_row(
            len(logged), lambda at: _cells(logged[at]), lambda *two: _alike(*map(logged.__getitem__, two))
        ):
            several = logged[part]
            if len(several) > 1 and _is_plain(several[0]):
                found = self.stretch([one.step for one in several], _joined(several), several[0].cohort, _said(several))
                if found is not None:
                    yield found
                continue
            for one in several:
                observed = self.observe(*one)
                if observed is not None:
                    yield observed.stretch

    def stretch(
        self, steps: Sequence[int], blocks: Block, cohort: Cohort | Observations, said: Mapping[str, NDArray[Any]]
    ) -> Stretch | None:
        """Return steps of which each has one map of each sample, in the samples' order; None for no maps of pictures.

        Args:
            steps: T of them.
            blocks: the maps of all steps, one step after the other.
            cohort: the N samples of all steps, or what `known_of` says of them.
            said: "prediction", "probability" and "loss", each ``(T, N)``, as far as they are known.
        """
        if not blocks.values.size or _axes(blocks, self._kind) != 2:
            return None
        known = self.known(cohort)
        maps: Evidence | NDArray[np.float32]
        if len(steps) == 1:
            maps = Evidence([replace(blocks, samples=None)], self._kind, len(known.labels))
        else:
            evidence = evidence_of(blocks, self._kind)
            maps = evidence.reshape(len(steps), len(known.labels), *evidence.shape[1:])
        return Stretch(tuple(steps), maps, known, said.get("prediction"), said.get("probability"), said.get("loss"))

    def known(self, cohort: Cohort | Observations) -> Observations:
        """Return what is the same of the samples at all steps, without maps."""
        if isinstance(cohort, Observations):
            return cohort
        if cohort is not self._cohort:
            self._cohort, self._known = cohort, known_of(cohort.samples, len(cohort.samples))
        return self._known


def in_a_row(count: int, cells: Callable[[int], int], are_alike: Callable[[int, int], bool]) -> Iterator[slice]:
    """Yield which of so many steps are summarised together: those that follow each other and are alike.

    Args:
        count: how many steps there are.
        cells: how many cells the maps of one have; together at most `STRETCH_CELLS`.
        are_alike: whether the first and a later one have maps of the same samples and shapes, in one order.
    """
    first = 0
    for after in range(1, count + 1):
        if after == count or (after - first + 1) * cells(first) > STRETCH_CELLS or not are_alike(first, after):
            yield slice(first, after)
            first = after


def _cells(one: Logged) -> int:
    return sum(block.values.size for block in one.blocks)


def _alike(one: Logged, other: Logged) -> bool:
    return (
        one.cohort is other.cohort
        and len(one.blocks) == len(other.blocks) == 1
        and one.blocks[0].values.shape == other.blocks[0].values.shape
        and one.blocks[0].values.dtype == other.blocks[0].values.dtype
        and np.array_equal(one.blocks[0].sample_indices, other.blocks[0].sample_indices)
    )


def _is_plain(one: Logged) -> bool:
    """Tell whether a step has one map of each of its samples, in their order."""
    return np.array_equal(one.blocks[0].sample_indices, np.arange(len(one.cohort.samples)))


def _joined(several: Sequence[Logged]) -> Block:
    blocks = [one.blocks[0] for one in several]
    return Block(
        np.concatenate([block.values for block in blocks]),
        np.concatenate([block.minimum for block in blocks]),
        np.concatenate([block.maximum for block in blocks]),
        samples=np.concatenate([block.sample_indices for block in blocks]),
    )


def _said(several: Sequence[Logged]) -> dict[str, NDArray[Any]]:
    """Return what was said of the samples at some steps, ``(T, N)``, as far as it is known of any."""
    count = len(several[0].cohort.samples)
    found: dict[str, NDArray[Any]] = {}
    for name in ("prediction", "probability", "loss"):
        for at, one in enumerate(several):
            column = None if one.predictions is None else getattr(one.predictions, name)
            if column is None or len(column) != count:
                continue
            if name not in found:
                nothing = -1 if column.dtype.kind == "i" else np.nan
                found[name] = np.full((len(several), count), nothing, dtype=column.dtype)
            found[name][at] = column
    return found


def known_of(samples: Iterable[Sample], count: int) -> Observations:
    """Return what is the same of `count` samples at all steps, without maps; none of the samples is kept."""
    known = _Known(count)
    for sample in samples:
        known.add(sample)
    return known.observations()


def known_of_batches(batches: Iterable[Batch], count: int) -> Observations:
    """As `known_of`, of the samples of a record."""
    known = _Known(count)
    for batch in batches:
        known.add_batch(batch)
    return known.observations()


class _Known:
    """What is known of samples so far."""

    def __init__(self, count: int) -> None:
        self._grid = COARSE_TRUTH if count >= COARSE_FROM else TRUTH
        self._labels = np.full(count, -1, dtype=np.int32)
        self._identities: list[str] = []
        self._pictures: list[str] = []
        self._truths: NDArray[np.bool_] | None = None
        self._told_apart = Identities()
        self._cells = Cells()

    def add(self, sample: Sample) -> None:
        index = len(self._identities)
        self._labels[index] = -1 if sample.label is None else sample.label
        truth = metrics.ground_truth(sample, self._grid)
        if truth is not None:
            self._of_all()[index] = truth
        self._identities.append(self._told_apart(sample.identity))
        self._pictures.append(sample.image)

    def add_batch(self, batch: Batch) -> None:
        first = len(self._identities)
        self._labels[first : first + len(batch.labels)] = np.where(batch.has_label, batch.labels, -1)
        self._identities += self._told_apart.of_all(batch.identities)
        self._pictures += batch.images
        self._mark_boxes(first, *batch.boxes)
        boxes: list[Sequence[Box]] = []
        counts = np.zeros(len(batch.labels), np.int64)
        masks: dict[tuple[int, ...], list[tuple[int, NDArray[Any]]]] = defaultdict(list)
        for place, message in batch.others.items():  # many together: to mark each alone would take too long
            if message.has_label:
                self._labels[first + place] = message.label
            mask = mask_of(message, self._cells)
            if mask is not None and mask.ndim == 2 and mask.size <= SMALL_MASK:
                masks[mask.shape].append((first + place, mask))
            elif mask is not None:
                self._mark(first + place, mask)
            elif message.boxes:
                boxes.append(boxes_of(message))
                counts[place] = len(boxes[-1])
        if boxes:
            self._mark_boxes(first, np.array([box for of_sample in boxes for box in of_sample]), counts)
        for alike in masks.values():
            indices, cells = zip(*alike, strict=True)
            self._of_all()[list(indices)] = metrics.in_masks(np.stack(cells), self._grid)

    def _mark_boxes(self, first: int, boxes: NDArray[np.floating], counts: NDArray[np.int64]) -> None:
        marked = np.flatnonzero(counts)
        first_box = counts.cumsum() - counts
        for part in portions(len(marked), math.prod(self._grid)):
            begin, owners = (
                int(first_box[marked[part][0]]),
                np.repeat(np.arange(len(marked[part])), counts[marked[part]]),
            )
            edges = boxes[begin : begin + len(owners)].astype(np.float64)
            self._of_all()[first + marked[part]] = metrics.in_any_box(edges, owners, (len(marked[part]), *self._grid))

    def _mark(self, index: int, mask: NDArray[np.uint8]) -> None:
        if mask.ndim == len(self._grid):
            self._of_all()[index] = metrics.in_masks(mask[None], self._grid)[0]

    def _of_all(self) -> NDArray[np.bool_]:
        if self._truths is None:
            self._truths = np.zeros((len(self._labels), *self._grid), dtype=bool)
        return self._truths

    def observations(self) -> Observations:
        return Observations(
            step=-1,
            maps=np.zeros((len(self._labels), 0, 0), dtype=np.float32),
            labels=self._labels,
            truths=self._truths,
            identities=tuple(self._identities),
            pictures=tuple(self._pictures),
        )


def _axes(block: Block, kind: MapKind) -> int:
    return block.values.ndim - 1 - (kind == "rgb")
