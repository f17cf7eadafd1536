"""From records to what findings are looked for in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.findings.attention import regridded
from tensorboard_plugin_gradcam.findings.summary import Observations, Stretch
from tensorboard_plugin_gradcam.records import Block, Cohort, MapKind, Predictions

TRUTH = (28, 28)  # points of the grid on which marked regions are known
COARSE_TRUTH, COARSE_FROM = (14, 14), 5_000  # of so many samples


class Observer:
    """Reads the steps of one series of maps; what a list of samples says of itself is read once."""

    def __init__(self, kind: MapKind) -> None:
        self._kind = kind
        self._cohort: Cohort | None = None
        self._known = _known(Cohort(()))

    def observe(
        self, step: int, blocks: Sequence[Block], cohort: Cohort, predictions: Predictions | None
    ) -> Observations | None:
        """Return one step, or None where it has no maps of pictures. Of several maps of a sample the first counts."""
        flat = [block for block in blocks if block.values.size and _axes(block, self._kind) == 2]
        if not flat:
            return None
        known = self.known(cohort)
        count = len(known.labels)
        said = predictions if predictions is not None and predictions.size == count else None
        return replace(
            known,
            step=step,
            maps=self._maps(flat, count),
            predictions=None if said is None else said.prediction,
            probabilities=None if said is None else said.probability,
            losses=None if said is None else said.loss,
        )

    def stretch(
        self, steps: Sequence[int], blocks: Block, cohort: Cohort, said: Mapping[str, NDArray[Any]]
    ) -> Stretch | None:
        """Return steps of which each has one map of each sample, in the samples' order; None for no maps of pictures.

        Args:
            steps: T of them.
            blocks: the maps of all steps, one step after the other.
            cohort: the N samples of all steps.
            said: "prediction", "probability" and "loss", each ``(T, N)``, as far as they are known.
        """
        if not blocks.values.size or _axes(blocks, self._kind) != 2:
            return None
        known = self.known(cohort)
        evidence = self._evidence(blocks)
        evidence[~np.isfinite(blocks.minimum)] = np.nan
        maps = evidence.reshape(len(steps), len(known.labels), *evidence.shape[1:])
        return Stretch(tuple(steps), maps, known, said.get("prediction"), said.get("probability"), said.get("loss"))

    def known(self, cohort: Cohort) -> Observations:
        """Return what is the same of the samples at all steps, without maps."""
        if cohort is not self._cohort:
            self._cohort, self._known = cohort, _known(cohort)
        return self._known

    def _evidence(self, block: Block) -> NDArray[np.float32]:
        if self._kind == "positive":  # what `attention` takes anyway
            return block.dequantised()
        return metrics.evidence_of(block, self._kind).astype(np.float32)

    def _maps(self, blocks: Sequence[Block], count: int) -> NDArray[np.float32]:
        maps: NDArray[np.float32] | None = None
        for block in blocks:
            evidence = self._evidence(block)
            if maps is None:
                maps = np.full((count, *evidence.shape[1:]), np.nan, dtype=np.float32)
            if evidence.shape[1:] != maps.shape[1:]:
                evidence = regridded(np.nan_to_num(np.maximum(evidence, 0), posinf=0), maps.shape[1:])
            samples = block.sample_indices
            # In reverse, so that the first map of a sample is the one that stays.
            order = np.flatnonzero((samples < count) & np.isfinite(block.minimum))[::-1]
            order = order[np.isnan(maps[samples[order]]).all(axis=(1, 2))]
            maps[samples[order]] = evidence[order]
        assert maps is not None
        return maps


def _known(cohort: Cohort) -> Observations:
    samples = cohort.samples
    labels = [-1 if sample.label is None else sample.label for sample in samples]
    grid = COARSE_TRUTH if len(samples) >= COARSE_FROM else TRUTH
    truths = [metrics.ground_truth(sample, grid) for sample in samples]
    known: NDArray[np.float32] | None = None
    if any(truth is not None for truth in truths):
        nothing = np.full(grid, np.nan, dtype=np.float32)
        known = np.stack([nothing if truth is None else truth.astype(np.float32) for truth in truths])
    return Observations(
        step=-1,
        maps=np.zeros((len(samples), 0, 0), dtype=np.float32),
        labels=np.array(labels, dtype=np.int32),
        truths=known,
        identities=cohort.identities,
        pictures=tuple(sample.image for sample in samples),
    )


def _axes(block: Block, kind: MapKind) -> int:
    return block.values.ndim - 1 - (kind == "rgb")
