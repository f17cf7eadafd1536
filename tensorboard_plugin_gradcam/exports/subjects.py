"""What a picture shows of a log: one sample of one series, at its steps."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tensorboard_plugin_gradcam import metrics
from tensorboard_plugin_gradcam.reader import GradCAMLog, MapSeries, Moment
from tensorboard_plugin_gradcam.records import Maps, Sample


@dataclass(frozen=True, eq=False)
class Shown:
    """One sample's map at one step, with what was predicted of it.

    Attributes:
        evidence: raw map ``(h, w)``.
        prediction: class name; empty where nothing was predicted.
        right: None where that can't be told.
        epoch: None where it was not logged.
    """

    step: int
    sample: Sample
    evidence: NDArray[np.float32]
    prediction: str
    probability: float | None
    right: bool | None
    epoch: float | None


@dataclass(frozen=True, eq=False)
class Subject:
    """One sample of one series of maps."""

    log: GradCAMLog
    series: MapSeries
    identity: str
    sample: Sample

    @property
    def key(self) -> tuple[str, str, str]:
        """The tag, method and layer of its series."""
        return self.series.tag, self.series.method, self.series.layer

    @property
    def name(self) -> str:
        """The sample's id, or which picture it is."""
        return self.sample.id or self.sample.image[:8]

    @property
    def label(self) -> str:
        """Its class."""
        return _class(self.log.class_names(self.series.run, self.series.tag), self.sample.label)

    def photograph(self, sample: Sample | None = None) -> NDArray[np.uint8]:
        """Return the picture ``(H, W, 3)``; grey where it is missing."""
        one = sample or self.sample
        data = self.log.files.get((self.series.run, one.image))
        if data is None:
            return np.full((one.height or 224, one.width or 224, 3), 128, np.uint8)
        with Image.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("RGB"))

    def steps(self) -> list[int]:
        """Return the steps at which it has a map."""
        return [moment.step for moment in self.series if self._place(moment) is not None]

    def at(self, step: int) -> Shown | None:
        """Return it at a step; None where it has no map there."""
        moment = self.series[step]
        place = self._place(moment)
        if place is None or moment.cohort is None:
            return None
        for block in moment.record.blocks:
            rows = np.flatnonzero(block.sample_indices == place)
            if len(rows) and block.values.ndim - (self.series.kind == "rgb") == 3:
                raw = metrics.evidence_of(block, "rgb") if self.series.kind == "rgb" else block.dequantised()
                return Shown(
                    step,
                    moment.cohort.samples[place],
                    np.asarray(raw[rows[0]], np.float32),
                    *self._said(step, place),
                    moment.epoch,
                )
        return None

    def _place(self, moment: Moment[Maps]) -> int | None:
        names = moment.cohort.identities if moment.cohort else ()
        return names.index(self.identity) if self.identity in names else None

    def _said(self, step: int, place: int) -> tuple[str, float | None, bool | None]:
        predictions = self.log.predictions.get((self.series.run, self.series.tag))
        if predictions is None or step not in predictions.steps:
            return "", None, None
        moment = predictions[step]
        record, cohort = moment.record, moment.cohort
        if record.prediction is None or cohort is None or self.identity not in cohort.identities:
            return "", None, None
        place = cohort.identities.index(self.identity)
        index, label = int(record.prediction[place]), cohort.samples[place].label
        probability = None if record.probability is None else float(record.probability[place])
        return _class(cohort.class_names, index), probability, None if label is None else index == label


def subjects_of(log: GradCAMLog) -> Iterator[Subject]:
    """Yield all samples of all series of maps of pictures, as they were logged."""
    for series in log.maps.values():
        last = next((moment for moment in reversed(series.moments) if moment.cohort), None)
        if last is not None and last.cohort is not None:
            for identity, sample in zip(last.cohort.identities, last.cohort.samples, strict=True):
                yield Subject(log, series, identity, sample)


def _class(names: tuple[str, ...], index: int | None) -> str:
    if index is None or index < 0:
        return ""
    return names[index] if index < len(names) else f"class {index}"
