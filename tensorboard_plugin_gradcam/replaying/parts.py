"""What shares leave behind: a file for each checkpoint and part of the samples, written whole or not at all.

A part holds the records of one step just as a log does, so the merger needs no model and no pictures. A replay that was
killed, or a share that was lost, is finished by another start: what is there is not computed again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.event_files import Frame, scan
from tensorboard_plugin_gradcam.records import (
    Cohort,
    CorruptRecord,
    Maps,
    Numbers,
    Predictions,
    Sample,
    Series,
    Stamp,
    digest_of_bytes,
    thumbnail_in,
    with_thumbnail,
)
from tensorboard_plugin_gradcam.records.steps import PREDICTION_AXES
from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.writer.measured import with_columns
from tensorboard_plugin_gradcam.writer.merging import OpenStep
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat
from tensorboard_plugin_gradcam.writer.run_log import step_records

FOLDER = ".replay"  # within the run's directory; TensorBoard looks for other names
_TAG = "part"


@dataclass(frozen=True)
class Unit:
    """One thing to do: one checkpoint, and one part of the samples.

    Attributes:
        key: names the checkpoint as it is now, and how it is replayed.
        index: of the part.
        parts: into which the samples are cut.
    """

    key: str
    index: int = 0
    parts: int = 1

    @property
    def file_name(self) -> str:
        """Of its part."""
        return f"{self.key}-{self.index}-of-{self.parts}.part"


@dataclass(frozen=True)
class About:
    """What a part tells of its checkpoint.

    Attributes:
        path: of the checkpoint.
        wall_time: when it was written, in seconds since 1970.
        step: at which it was saved; None where nothing tells.
        epoch: likewise.
        weights: which of its weights were taken.
        failure: why there are no maps of it; empty where there are.
    """

    path: str
    wall_time: float
    step: int | None = None
    epoch: float | None = None
    weights: str = ""
    failure: str = ""


@dataclass(frozen=True, eq=False)
class Encoded:
    """A picture's file, as a part holds it.

    Attributes:
        data: the file.
        thumbnail: the picture small and grey, ``(h, w)``.
    """

    data: bytes
    thumbnail: NDArray[np.uint8] | None = None

    def encode(self, _: ImageFormat) -> bytes:
        """Return the file."""
        return self.data


class Parts:
    """The parts of a run's replay.

    Args:
        directory: of the run.
    """

    def __init__(self, directory: str) -> None:
        self._folder = places.join(directory, FOLDER)

    def names(self) -> set[str]:
        """Return the files that are there."""
        return {places.name_of(path) for path in places.listed(self._folder)}

    def write_samples(self, name: str, cohort: Cohort, pictures: Mapping[str, Encoded]) -> None:
        """Write the samples of a part, and their pictures by their digests."""
        frames = [cohort.to_bytes()]
        for digest, picture in pictures.items():
            series = Series("image", digest=digest).to_bytes()
            frames.append(series if picture.thumbnail is None else with_thumbnail(series, picture.thumbnail))
            frames.append(picture.data)
        places.write(places.join(self._folder, name), _framed(frames))

    def samples(self, name: str) -> tuple[Cohort, dict[str, Encoded]]:
        """Return the samples of a part, and their pictures; raises `CorruptRecord`."""
        cohort, *rest = self._frames(name)
        pictures = {
            Series.from_bytes(series).digest: Encoded(data, thumbnail_in(series))
            for series, data in zip(rest[::2], rest[1::2], strict=True)
        }
        return Cohort.from_bytes(cohort), pictures

    def forget(self, names: Iterable[str]) -> None:
        """Remove parts."""
        for name in names:
            places.remove(places.join(self._folder, name))

    def write(self, unit: Unit, about: About, step: OpenStep | None) -> None:
        """Write what a unit came to."""
        frames = [json.dumps(vars(about)).encode()]
        if step is not None:
            stamp = Stamp(digest_of_bytes(b""), notes=tuple(step.notes))
            for series, record in step_records(_TAG, step, stamp):
                frames += [series.to_bytes(), record.to_bytes()]
        places.write(places.join(self._folder, unit.file_name), _framed(frames))

    def about(self, unit: Unit) -> About:
        """Return what a part tells of its checkpoint; raises `CorruptRecord`."""
        return _about(next(iter(self._frames(unit.file_name))))

    def step(self, unit: Unit, samples: Sequence[Sample]) -> OpenStep:
        """Return what was computed; raises `CorruptRecord`."""
        _, *rest = self._frames(unit.file_name)
        step = OpenStep(0)
        step.samples = list(samples)
        for series, data in zip(rest[::2], rest[1::2], strict=True):
            _take(step, Series.from_bytes(series), data)
        return step

    def _frames(self, name: str) -> list[bytes]:
        data = places.read(places.join(self._folder, name))
        frames = []
        for one in scan(lambda at, size: data[at : at + size], len(data)):
            if not isinstance(one, Frame):
                raise CorruptRecord(f"{name} is damaged after {one.start:,} bytes: delete it, and start again")
            frames.append(one.data)
        if not frames:
            raise CorruptRecord(f"{name} is empty: delete it, and start again")
        return frames


def _take(step: OpenStep, series: Series, data: bytes) -> None:
    """Put what a record holds back into a step: `step_records` the other way round."""
    if series.kind == "predictions":
        predictions = Predictions.from_bytes(data)
        arrays = {name: getattr(predictions, name) for name in PREDICTION_AXES}
        step.predictions |= {name: array for name, array in arrays.items() if array is not None}
        step.task = predictions.task
        step.notes += predictions.stamp.notes
    elif series.kind == "maps":
        step.blocks[series.method, series.layer, series.map_kind] = list(Maps.from_bytes(data).blocks)
    elif series.kind == "numbers" and series.method:  # of the maps before it
        key = next(reversed(step.blocks))
        step.blocks[key] = list(with_columns(step.blocks[key], {series.name: Numbers.from_bytes(data).values}))
    elif series.kind == "numbers":
        step.numbers[series.name] = Numbers.from_bytes(data).values


def _about(data: bytes) -> About:
    try:
        said: dict[str, Any] = json.loads(data)
        return About(**{one.name: said[one.name] for one in fields(About) if one.name in said})
    except (ValueError, TypeError) as error:
        raise CorruptRecord(f"a part does not name its source ({error})") from error


def _framed(frames: Sequence[bytes]) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    file = io.BytesIO()
    writer = RecordWriter(file)
    for frame in frames:
        writer.write(frame)
    return file.getvalue()
