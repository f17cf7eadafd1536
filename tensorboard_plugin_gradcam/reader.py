"""`read_gradcam`: what a log directory holds, as arrays, for notebooks and scripts.

It is read by TensorBoard's own event readers, and restarts are understood as in the tab. This imports neither torch
nor the viewer; TensorBoard, OpenCV and pandas are imported when they are used.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import (
    PLUGIN_NAME,
    Block,
    Cohort,
    CorruptRecord,
    MapKind,
    Maps,
    Predictions,
    Series,
    overlap,
    spans,
    surviving,
    verify_picture,
)

if TYPE_CHECKING:
    import pandas

    from tensorboard_plugin_gradcam.findings import Finding, Source

Record = TypeVar("Record", Maps, Predictions)
Prediction = Literal["prediction", "probability", "label_probability", "top_classes", "top_probabilities", "loss"]


@dataclass(frozen=True, eq=False)
class Moment(Generic[Record]):
    """One step of a series.

    Attributes:
        step: of the training.
        wall_time: seconds since 1970.
        record: what was logged.
        cohort: the samples that it is about; None where they were not found in the run.
    """

    step: int
    wall_time: float
    record: Record
    cohort: Cohort | None

    @property
    def epoch(self) -> float | None:
        """Of the training, None where it was not logged."""
        return self.record.stamp.epoch

    @property
    def _age(self) -> tuple[int, int, int]:
        return self.step, self.record.stamp.session, self.record.stamp.ordinal


class _Steps(Generic[Record]):
    """The steps of a series, in ascending order."""

    moments: tuple[Moment[Record], ...]

    def __len__(self) -> int:
        return len(self.moments)

    def __iter__(self) -> Iterator[Moment[Record]]:
        return iter(self.moments)

    def __getitem__(self, step: int) -> Moment[Record]:
        """Return what was logged at a step; raises `KeyError` where nothing was."""
        for moment in self.moments:
            if moment.step == step:
                return moment
        raise KeyError(step)

    @property
    def steps(self) -> NDArray[np.int64]:
        """``(S,)``, ascending."""
        return np.array([moment.step for moment in self.moments], dtype=np.int64)

    @property
    def wall_times(self) -> NDArray[np.float64]:
        """``(S,)``, seconds since 1970."""
        return np.array([moment.wall_time for moment in self.moments], dtype=np.float64)

    @property
    def epochs(self) -> NDArray[np.float64]:
        """``(S,)``, NaN where it was not logged."""
        return np.array([moment.epoch for moment in self.moments], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class MapSeries(_Steps[Maps]):
    """The maps of one run, tag, method and layer."""

    run: str
    tag: str
    method: str
    layer: str
    kind: MapKind
    moments: tuple[Moment[Maps], ...] = field(repr=False)

    def array(self) -> NDArray[np.float32]:
        """Return the raw maps of all steps, ``(S, M, ...)``.

        Raises:
            ValueError: steps differ in the number or the resolution of their maps: take ``series[step].record.blocks``.
        """
        return _stacked([_only_block(moment).dequantised() for moment in self.moments], "maps")

    def scores(self) -> NDArray[np.float32]:
        """Return the targets' scores before softmax, ``(S, M)``, NaN where unknown; raises as `array`."""
        blocks = [_only_block(moment) for moment in self.moments]
        return _stacked([_or_full(block.scores, block.size, np.nan, np.float32) for block in blocks], "scores")

    def targets(self) -> NDArray[np.int32]:
        """Return the classes that are explained, ``(S, M)``, -1 where there is none; raises as `array`."""
        blocks = [_only_block(moment) for moment in self.moments]
        return _stacked([_or_full(block.targets, block.size, -1, np.int32) for block in blocks], "targets")


@dataclass(frozen=True, eq=False)
class PredictionSeries(_Steps[Predictions]):
    """What the model said of the samples of one run and tag."""

    run: str
    tag: str
    moments: tuple[Moment[Predictions], ...] = field(repr=False)

    def array(self, name: Prediction = "probability") -> NDArray[Any]:
        """Return one of the arrays of `records.Predictions` for all steps, ``(S, N)`` or ``(S, N, K)``.

        Raises:
            ValueError: steps differ in the number of their samples, or it was not logged at some.
        """
        arrays = [getattr(moment.record, name) for moment in self.moments]
        missing = [moment.step for moment, array in zip(self.moments, arrays, strict=True) if array is None]
        if missing:
            raise ValueError(f"expected {name!r} at every step, got none at {missing[:5]}")
        return _stacked(arrays, name)


@dataclass(frozen=True, eq=False)
class GradCAMLog:
    """All Grad-CAM records of a log directory.

    Attributes:
        maps: series of maps by ``(run, tag, method, layer)``.
        predictions: series of predictions by ``(run, tag)``.
        files: each picture's encoded file by ``(run, digest)``.
        problems: one line for each record that could not be read, and each series that two processes wrote at once.
    """

    maps: dict[tuple[str, str, str, str], MapSeries]
    predictions: dict[tuple[str, str], PredictionSeries]
    files: dict[tuple[str, str], bytes] = field(repr=False)
    problems: tuple[str, ...] = ()

    def image(self, run: str, digest: str) -> NDArray[np.uint8]:
        """Return a picture, ``(H, W)`` grey or ``(H, W, 3)`` RGB.

        Raises:
            KeyError: the run has none such.
            CorruptRecord: it is damaged.
        """
        import cv2

        verify_picture(self.files[run, digest])
        pixels = cv2.imdecode(np.frombuffer(self.files[run, digest], np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise CorruptRecord(f"expected a picture, got {len(self.files[run, digest])} bytes that are none")
        return np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[:, :, ::-1]).astype(np.uint8)

    def findings(self) -> list[Finding]:
        """Return what the maps say of where, since when and for whom the networks look; the strongest first.

        Example:
            >>> for finding in read_gradcam("runs").findings():
            ...     print(finding.run, finding.sentence())

        Each has its kind, run, class, region in fractions of the picture, steps, samples, effect, and where it is
        tested p and q; `to_json` gives all of it. Volumes are left out. See docs/findings.md.
        """
        from tensorboard_plugin_gradcam.findings import find

        return find([self._summarised(series) for series in self.maps.values()])

    def _summarised(self, series: MapSeries) -> Source:
        from tensorboard_plugin_gradcam.findings import Observer, Source, Summary

        summary, observer = Summary(), Observer(series.kind)
        said = self.predictions.get((series.run, series.tag))
        by_step = {moment.step: moment.record for moment in said} if said else {}
        for moment in series:
            if moment.cohort is not None:
                record = by_step.get(moment.step)
                observed = observer.observe(moment.step, moment.record.blocks, moment.cohort, record)
                if observed is not None:
                    summary.add(observed)
        return Source(series.run, series.tag, series.method, series.layer, summary)

    def metrics(self) -> pandas.DataFrame:
        """Return a data frame with one row for each map at each step.

        Its columns say which map it is (run, tag, method, layer, step, epoch, wall_time, sample, id, label, target,
        score), what was predicted (prediction, probability, label_probability, loss) and how it lies (minimum, maximum,
        entropy, coverage and, with ground truth, pointing_game, energy_inside and iou).

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise ImportError("metrics need pandas: pip install 'tensorboard-plugin-gradcam[dataframe]'") from error
        return pandas.DataFrame([row for series in self.maps.values() for row in self._rows(series)])

    def _rows(self, series: MapSeries) -> Iterator[dict[str, Any]]:
        said = self.predictions.get((series.run, series.tag))
        by_step = {moment.step: moment.record for moment in said} if said else {}
        names = {"run": series.run, "tag": series.tag, "method": series.method, "layer": series.layer}
        for moment in series:
            place = names | {"step": moment.step, "epoch": moment.epoch, "wall_time": moment.wall_time}
            for block in moment.record.blocks:
                for row in _map_rows(block, series.kind, moment.cohort):
                    yield place | row | _said_of(by_step.get(moment.step), row["sample"])


def read_gradcam(logdir: str | os.PathLike[str]) -> GradCAMLog:
    """Read the Grad-CAM records of all runs below a log directory.

    Example:
        >>> log = read_gradcam("runs")
        >>> series = log.maps["dogs", "val", "grad_cam", "layer4"]
        >>> series.steps, series.array().shape
        (array([ 0, 50]), (2, 16, 7, 7))

    Runs are named as in TensorBoard. A lower step is a restart: what was logged earlier at that step or above is left
    out. Records that are damaged are left out with a warning; a series that two processes wrote at once is told, too.

    Raises:
        FileNotFoundError: there is no such directory.
        NewerFormat: it was written by a newer version of this package.
    """
    path = os.fspath(logdir)
    if "://" not in path and not os.path.isdir(path):
        raise FileNotFoundError(f"expected a log directory, got {path!r}")
    found = _Found()
    events = _events(path)
    for run, content in sorted(events.PluginRunToTagToContent(PLUGIN_NAME).items()):
        found.read_run(run, {tag: Series.from_bytes(data) for tag, data in sorted(content.items())}, events)
    found.check_writers()
    if found.problems:
        warnings.warn(f"{len(found.problems)} problems in {path}, first: {found.problems[0]}", stacklevel=2)
    return found.log()


def _events(path: str) -> Any:
    from tensorboard.backend.event_processing import plugin_event_multiplexer

    # `tensors: 0` keeps every step: TensorBoard itself keeps a sample.
    events = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={PLUGIN_NAME: 0})
    return events.AddRunsFromDirectory(path).Reload()


class _Found:
    """What has been read so far."""

    def __init__(self) -> None:
        self._maps: dict[tuple[str, str, str, str, MapKind], list[Moment[Maps]]] = {}
        self._predictions: dict[tuple[str, str], list[Moment[Predictions]]] = {}
        self._files: dict[tuple[str, str], bytes] = {}
        self.problems: list[str] = []

    def read_run(self, run: str, tags: dict[str, Series], events: Any) -> None:
        cohorts: dict[str, Cohort] = {}
        # Cohorts first, for records refer to them.
        for tag, series in sorted(tags.items(), key=lambda item: item[1].kind != "cohort"):
            for event in events.Tensors(run, tag):
                try:
                    self._read(run, series, event, cohorts)
                except CorruptRecord as error:
                    self.problems.append(f"run {run!r}, tag {tag!r}, step {event.step}: {error}")

    def _read(self, run: str, series: Series, event: Any, cohorts: dict[str, Cohort]) -> None:
        data = _only_string(event.tensor_proto)
        if series.kind == "image":
            self._files[run, series.digest] = data
        elif series.kind == "cohort":
            cohorts[series.digest] = Cohort.from_bytes(data)
        elif series.kind == "predictions":
            moment = _moment(event, Predictions.from_bytes(data), cohorts)
            self._predictions.setdefault((run, series.tag), []).append(moment)
        else:
            key = run, series.tag, series.method, series.layer, series.map_kind
            self._maps.setdefault(key, []).append(_moment(event, Maps.from_bytes(data), cohorts))

    def check_writers(self) -> None:
        """Note the series that two processes wrote at the same time: their records replace each other."""
        found: list[tuple[tuple[str, ...], Sequence[Moment[Any]]]] = [*self._maps.items(), *self._predictions.items()]
        for key, moments in found:
            if _written_at_once(moments):
                series = "/".join(part for part in key[1:4] if part)
                self.problems.append(
                    f"run {key[0]!r}, series {series!r}: two processes wrote it at the same time, which is unsupported"
                )

    def log(self) -> GradCAMLog:
        maps = {key[:4]: MapSeries(*key, _that_count(moments)) for key, moments in self._maps.items()}
        predictions = {key: PredictionSeries(*key, _that_count(said)) for key, said in self._predictions.items()}
        return GradCAMLog(maps, predictions, self._files, tuple(self.problems))


def _only_string(tensor: Any) -> bytes:
    if len(tensor.string_val) != 1:
        raise CorruptRecord(f"expected one string, got {len(tensor.string_val)}")
    return bytes(tensor.string_val[0])


def _moment(event: Any, record: Record, cohorts: dict[str, Cohort]) -> Moment[Record]:
    if record.stamp.step not in (None, event.step):
        raise CorruptRecord(f"logged at step {record.stamp.step}, found at step {event.step}")
    return Moment(event.step, event.wall_time, record, cohorts.get(record.stamp.cohort))


def _that_count(moments: list[Moment[Record]]) -> tuple[Moment[Record], ...]:
    columns = (np.array(column) for column in zip(*(moment._age for moment in moments), strict=True))
    return tuple(moments[index] for index in surviving(*columns))


def _written_at_once(moments: Sequence[Moment[Any]]) -> bool:
    sessions = np.array([moment.record.stamp.session for moment in moments])
    return overlap(spans(sessions, np.array([moment.wall_time for moment in moments])))


def _only_block(moment: Moment[Maps]) -> Block:
    if len(moment.record.blocks) != 1:
        raise ValueError(
            f"expected maps of one resolution, got {len(moment.record.blocks)} blocks at step {moment.step}: "
            "take `series[step].record.blocks`"
        )
    return moment.record.blocks[0]


def _stacked(arrays: list[NDArray[Any]], name: str) -> NDArray[Any]:
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1:
        raise ValueError(f"expected {name} of one shape at all steps, got {sorted(shapes)}: take them step by step")
    return np.stack(arrays)


def _or_full(array: NDArray[Any] | None, size: int, fill: float, dtype: type[Any]) -> NDArray[Any]:
    return np.full(size, fill, dtype) if array is None else array


def _map_rows(block: Block, kind: MapKind, cohort: Cohort | None) -> Iterator[dict[str, Any]]:
    from tensorboard_plugin_gradcam import metrics
    from tensorboard_plugin_gradcam.records import Sample

    targets = _or_full(block.targets, block.size, -1, np.int32)
    scores = _or_full(block.scores, block.size, np.nan, np.float32)
    for index, evidence in enumerate(metrics.evidence_of(block, kind)):
        at = int(block.sample_indices[index])
        sample = cohort.samples[at] if cohort and at < len(cohort.samples) else Sample("")
        yield {
            "sample": at,
            "id": sample.id,
            "label": -1 if sample.label is None else sample.label,
            "target": int(targets[index]),
            "target_name": block.names[index] if block.names else "",
            "score": float(scores[index]),
            "minimum": float(block.minimum[index]),
            "maximum": float(block.maximum[index]),
            **(metrics.of_map(evidence, sample, int(targets[index])) if evidence.max(initial=0) > 0 else {}),
        }


def _said_of(record: Predictions | None, sample: int) -> dict[str, float]:
    names = ("prediction", "probability", "label_probability", "loss")
    arrays = {name: getattr(record, name) for name in names} if record else {}
    return {name: array[sample].item() for name, array in arrays.items() if array is not None and sample < len(array)}
