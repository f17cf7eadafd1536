"""From records to what findings are looked for in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.findings.attention import regridded
from tensorboard_plugin_gradcam.findings.summary import Observations
from tensorboard_plugin_gradcam.records import Block, Cohort, MapKind, Predictions

TRUTH = (28, 28)  # points of the grid on which marked regions are known


class Observer:
    """Reads the steps of one series of maps; what a list of samples says of itself is read once."""

    def __init__(self, kind: MapKind) -> None:
        self._kind = kind
        self._cohort: Cohort | None = None
        self._labels: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._truths: NDArray[np.float32] | None = None
        self._pictures: tuple[str, ...] = ()

    def observe(
        self, step: int, blocks: Sequence[Block], cohort: Cohort, predictions: Predictions | None
    ) -> Observations | None:
        """Return one step, or None where it has no maps of pictures. Of several maps of a sample the first counts."""
        flat = [block for block in blocks if block.size and _axes(block, self._kind) == 2]
        if not flat:
            return None
        self._read(cohort)
        count = len(cohort.samples)
        said = predictions if predictions is not None and predictions.size == count else None
        return Observations(
            step=step,
            maps=self._maps(flat, count),
            labels=self._labels,
            predictions=None if said is None else said.prediction,
            probabilities=None if said is None else said.probability,
            losses=None if said is None else said.loss,
            truths=self._truths,
            identities=cohort.identities,
            pictures=self._pictures,
        )

    def _maps(self, blocks: Sequence[Block], count: int) -> NDArray[np.float32]:
        maps: NDArray[np.float32] | None = None
        for block in blocks:
            evidence = metrics.evidence_of(block, self._kind).astype(np.float32)
            if maps is None:
                maps = np.full((count, *evidence.shape[1:]), np.nan, dtype=np.float32)
            if evidence.shape[1:] != maps.shape[1:]:
                evidence = regridded(evidence, maps.shape[1:])
            samples = block.sample_indices
            # In reverse, so that the first map of a sample is the one that stays.
            order = np.flatnonzero((samples < count) & np.isfinite(block.minimum))[::-1]
            order = order[np.isnan(maps[samples[order]]).all(axis=(1, 2))]
            maps[samples[order]] = evidence[order]
        assert maps is not None
        return maps

    def _read(self, cohort: Cohort) -> None:
        if cohort is self._cohort:
            return
        samples = cohort.samples
        labels = [-1 if sample.label is None else sample.label for sample in samples]
        self._cohort, self._labels = cohort, np.array(labels, dtype=np.int32)
        self._pictures = tuple(sample.image for sample in samples)
        truths = [metrics.ground_truth(sample, TRUTH) for sample in samples]
        if all(truth is None for truth in truths):
            self._truths = None
        else:
            nothing = np.full(TRUTH, np.nan, dtype=np.float32)
            self._truths = np.stack([nothing if truth is None else truth.astype(np.float32) for truth in truths])


def _axes(block: Block, kind: MapKind) -> int:
    return block.values.ndim - 1 - (kind == "rgb")
