"""Event files written value by value: what a writer of ours would write, and what it never would."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

from tensorboard_plugin_gradcam.records import (
    PLUGIN_NAME,
    Block,
    Cohort,
    Maps,
    Predictions,
    Sample,
    Series,
    Stamp,
    digest_of_pixels,
    quantised,
)

BLOB = summary_pb2.DATA_CLASS_BLOB_SEQUENCE
TENSOR = summary_pb2.DATA_CLASS_TENSOR


class EventLog:
    """One event file of one run; `values` go in as they are."""

    def __init__(self, run: Path, name: str = "events.out.tfevents.1700000000.host.1.0") -> None:
        run.mkdir(parents=True, exist_ok=True)
        self.path = run / name
        self._file = self.path.open("ab")
        self._records = RecordWriter(self._file)
        if not self.path.stat().st_size:
            self._records.write(event_pb2.Event(wall_time=1.7e9, file_version="brain.Event:2").SerializeToString())

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, series: Series, data: bytes, step: int = 0, wall_time: float | None = None) -> None:
        """Write one record of a series."""
        kind = BLOB if series.is_blob else TENSOR
        self.add_value(
            series.tensorboard_tag, series.to_bytes(), data, step, wall_time, kind, plugin=series.plugin_name
        )

    def add_value(
        self,
        tag: str,
        content: bytes,
        data: bytes,
        step: int = 0,
        wall_time: float | None = None,
        kind: int = TENSOR,
        plugin: str = PLUGIN_NAME,
    ) -> None:
        """Write any bytes under any tag and any plugin content."""
        dimensions = [tensor_shape_pb2.TensorShapeProto.Dim(size=1)] if kind == BLOB else []
        tensor = tensor_pb2.TensorProto(
            dtype=types_pb2.DT_STRING,
            tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=dimensions),
            string_val=[data],
        )
        self.add_tensor(tag, content, tensor, step, wall_time, kind, plugin)

    def add_tensor(
        self,
        tag: str,
        content: bytes,
        tensor: tensor_pb2.TensorProto,
        step: int = 0,
        wall_time: float | None = None,
        kind: int = TENSOR,
        plugin: str = PLUGIN_NAME,
    ) -> None:
        """Write any tensor."""
        plugin_data = summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin, content=content)
        metadata = summary_pb2.SummaryMetadata(plugin_data=plugin_data, data_class=kind)
        value = summary_pb2.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
        event = event_pb2.Event(
            wall_time=1.7e9 + step if wall_time is None else wall_time,
            step=step,
            summary=summary_pb2.Summary(value=[value]),
        )
        self._records.write(event.SerializeToString())
        self._file.flush()


def png(pixels: np.ndarray) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def image_series(pixels: np.ndarray) -> Series:
    """Return the series of a picture."""
    return Series("image", digest=digest_of_pixels(pixels))


def maps_series(tag: str = "val", method: str = "grad_cam", layer: str = "layer4", **more: object) -> Series:
    """Return the series of maps."""
    return Series("maps", tag=tag, method=method, layer=layer, **more)  # type: ignore[arg-type]


def block(raw: np.ndarray, precision: str = "uint8", **more: object) -> Block:
    """Return the block of raw maps ``(M, h, w)``."""
    stored = quantised(raw.astype(np.float32), precision)  # type: ignore[arg-type]
    return Block(stored.values, stored.minimum, stored.maximum, non_finite=stored.non_finite, **more)  # type: ignore[arg-type]


def cohort(count: int = 4, image: str = "0" * 32, **more: object) -> Cohort:
    """Return a list of samples of one picture."""
    samples = [Sample(image=image, label=i % 2, id=f"s{i}", width=8, height=8, **more) for i in range(count)]  # type: ignore[arg-type]
    return Cohort(tuple(samples), ("functional", "defective"))


def write_run(
    run: Path,
    steps: list[int],
    *,
    samples: int = 4,
    size: int = 7,
    tag: str = "val",
    layers: tuple[str, ...] = ("layer4",),
    session: int = 1,
    seed: int = 0,
    first: bool = True,
    notes: tuple[str, ...] = (),
    name: str = "events.out.tfevents.1700000000.host.1.0",
) -> dict[tuple[str, int], np.ndarray]:
    """Write a run as our writers would, and return the raw maps by layer and step."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (8, 8, 3), np.uint8)
    raw: dict[tuple[str, int], np.ndarray] = {}
    with EventLog(run, name) as log:
        log.add(image_series(pixels), png(pixels))
        list_ = cohort(samples, digest_of_pixels(pixels))
        log.add(Series("cohort", digest=list_.digest), list_.to_bytes())
        for ordinal, step in enumerate(steps):
            stamp = Stamp(list_.digest, ordinal, session, epoch=step / 10, step=step, notes=notes)
            predictions = _predictions(stamp, samples, random).to_bytes()
            log.add(Series("predictions", tag=tag), predictions, step)
            if first and ordinal == 0:
                log.add(Series("predictions", tag=tag, first=True), predictions, step)
            for layer in layers:
                raw[layer, step] = random.normal(size=(samples, size, size)).astype(np.float32)
                maps = Maps(stamp, (block(raw[layer, step]),)).to_bytes()
                log.add(maps_series(tag, layer=layer), maps, step)
                if first and ordinal == 0:
                    log.add(maps_series(tag, layer=layer, first=True), maps, step)
    return raw


def _predictions(stamp: Stamp, samples: int, random: np.random.Generator) -> Predictions:
    return Predictions(
        stamp,
        prediction=random.integers(0, 2, samples).astype(np.int32),
        probability=random.random(samples).astype(np.float32),
        label_probability=random.random(samples).astype(np.float32),
        top_classes=np.tile(np.array([1, 0], np.int32), (samples, 1)),
        top_probabilities=random.random((samples, 2)).astype(np.float32),
        loss=random.random(samples).astype(np.float32),
    )
