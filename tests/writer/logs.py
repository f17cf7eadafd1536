"""What a log directory holds, read by TensorBoard's own EventAccumulator and decoded by the records."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tensorboard_plugin_gradcam.records import Cohort, Maps, Predictions, Series


class ReadLog:
    """Everything of ours in a log directory; `scalars` stay with the accumulator."""

    def __init__(self, directory: Path | str) -> None:
        self.events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
        self.events.Reload()
        self.images: dict[str, NDArray[np.uint8]] = {}
        self.cohorts: dict[str, Cohort] = {}
        self.predictions: dict[str, dict[int, Predictions]] = {}
        self.maps: dict[tuple[str, str, str], dict[int, Maps]] = {}
        self.records: Counter[str] = Counter()
        self.blob_steps: set[int] = set()
        for name, content in self.events.PluginTagToContent("gradcam").items():
            self._read(name, Series.from_bytes(content))

    def _read(self, name: str, series: Series) -> None:
        for event in self.events.Tensors(name):
            (data,) = event.tensor_proto.string_val
            self.records[series.kind] += not series.first
            if series.kind in ("image", "cohort"):
                self.blob_steps.add(event.step)
            if series.kind == "image":
                self.images[series.digest] = np.asarray(Image.open(io.BytesIO(data)))
            elif series.kind == "cohort":
                self.cohorts[series.digest] = Cohort.from_bytes(data)
            elif series.kind == "predictions" and not series.first:
                self.predictions.setdefault(series.tag, {})[event.step] = Predictions.from_bytes(data)
            elif not series.first:
                key = series.tag, series.method, series.layer
                self.maps.setdefault(key, {})[event.step] = Maps.from_bytes(data)
