"""`read_gradcam`: what a log directory holds, as arrays, for notebooks and scripts.

It is read by TensorBoard's own event readers, and restarts are understood as in the tab. This imports neither torch
nor the viewer; TensorBoard, OpenCV and pandas are imported when they are used.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.event_runs import EventRuns
from tensorboard_plugin_gradcam.logs.values import record_of
from tensorboard_plugin_gradcam.records import (
    LATER_PLUGIN_NAME,
    PLUGIN_NAME,
    Block,
    Cohort,
    CorruptRecord,
    Lease,
    MapKind,
    Maps,
    NewerFormat,
    Numbers,
    Predictions,
    Replaced,
    Sample,
    Series,
    Sums,
    overlap,
    spans,
    surviving_moments,
    thumbnail_in,
    told_apart,
    verify_picture,
)

if TYPE_CHECKING:
    import pandas

    from tensorboard_plugin_gradcam.exports.notebook import Cell
    from tensorboard_plugin_gradcam.findings import Finding, Logged, Observations, Observer, Source, Summary
    from tensorboard_plugin_gradcam.logs.subset import Names, Samples, Steps, SubsetRuns

Record = TypeVar("Record", Maps, Predictions, Numbers, Sums)
Prediction = Literal[
    "prediction", "probability", "label_probability", "top_classes", "top_probabilities", "loss", "set_classes",
    "set_probabilities", "values", "boxes", "box_classes", "box_scores", "masks",
]  # fmt: skip
Entry = tuple[str, int]  # a sample's identity, and which of its maps


@dataclass(frozen=True, eq=False)
class Moment(Generic[Record]):
    """One step of a series.

    Attributes:
        step: step of the training.
        wall_time: seconds since 1970.
        record: the logged record.
        cohort: the samples that the record refers to; None if the run lacks them.
    """

    step: int
    wall_time: float
    record: Record
    cohort: Cohort | None

    @property
    def epoch(self) -> float | None:
        """Epoch of the training; None if it was not logged."""
        return self.record.stamp.epoch

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the writer on this step, such as which samples were skipped."""
        return self.record.stamp.notes

    def _entries(self, indices: NDArray[np.int32]) -> tuple[Entry, ...]:
        """Name entries by their samples: which picture it is, not where it stood at this step."""
        names = self.cohort.identities if self.cohort else ()
        seen: Counter[int] = Counter()
        entries = []
        for index in indices.tolist():
            entries.append((names[index] if index < len(names) else f"sample {index}", seen[index]))
            seen[index] += 1
        return tuple(entries)


class _Steps(Generic[Record]):
    """The steps of a series, in ascending order."""

    moments: tuple[Moment[Record], ...]

    def __len__(self) -> int:
        return len(self.moments)

    def __iter__(self) -> Iterator[Moment[Record]]:
        return iter(self.moments)

    def __getitem__(self, step: int) -> Moment[Record]:
        """Return what was logged at a step; raises `KeyError` if nothing was."""
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
        """``(S,)``, NaN if the epoch was not logged."""
        return np.array([moment.epoch for moment in self.moments], dtype=np.float64)

    @property
    def replaced(self) -> tuple[Replaced, ...]:
        """What resumed trainings replaced, in order of time."""
        stamps = sorted((moment.record.stamp for moment in self.moments), key=lambda stamp: stamp.session)
        said = dict.fromkeys((stamp.session, one) for stamp in stamps for one in stamp.replaced)
        return tuple(one for _, one in said)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The sample of each entry of the arrays' second axis.

        If samples or their order change from step to step, these are all samples, in the order of their first
        appearance; the same sample is the same entry at every step.
        """
        known = {
            name: sample
            for moment in reversed(self.moments)
            if moment.cohort
            for name, sample in zip(moment.cohort.identities, moment.cohort.samples, strict=True)
        }
        return tuple(known.get(name, Sample()) for name, _ in self._order())

    def _entries(self) -> list[tuple[Entry, ...]]:
        """Return what the entries of each step's arrays are of."""
        raise NotImplementedError

    def _order(self) -> list[Entry]:
        return list(dict.fromkeys(entry for entries in self._entries() for entry in entries))

    def _joined(self, arrays: list[NDArray[Any]], name: str, fill: float) -> NDArray[Any]:
        """Return ``(S, M, ...)``; entries that a step lacks are `fill`."""
        entries = self._entries()
        if len(set(entries)) <= 1:
            return _stacked(arrays, name)
        shapes: set[tuple[int, ...]] = {array.shape[1:] for array in arrays}
        if len(shapes) != 1:
            raise ValueError(f"expected {name} of one shape at all steps, got {sorted(shapes)}: take them step by step")
        places = {entry: place for place, entry in enumerate(self._order())}
        joined = np.full((len(arrays), len(places), *shapes.pop()), fill, arrays[0].dtype)
        for row, (array, of_step) in enumerate(zip(arrays, entries, strict=True)):
            joined[row, [places[entry] for entry in of_step]] = array
        return joined


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
        """Return the raw maps of all steps, ``(S, M, ...)``, NaN for samples that a step lacks: see `samples`.

        Raises:
            ValueError: steps differ in the resolution of their maps: take ``series[step].record.blocks``.
        """
        return self._joined([_only_block(moment).dequantised() for moment in self.moments], "maps", np.nan)

    def scores(self) -> NDArray[np.float32]:
        """Return the targets' scores before softmax, ``(S, M)``, NaN if unknown; raises as `array`."""
        blocks = [_only_block(moment) for moment in self.moments]
        scores = [_or_full(block.scores, block.size, np.nan, np.float32) for block in blocks]
        return self._joined(scores, "scores", np.nan)

    def targets(self) -> NDArray[np.int32]:
        """Return the explained classes, ``(S, M)``, -1 for none; raises as `array`."""
        blocks = [_only_block(moment) for moment in self.moments]
        targets = [_or_full(block.targets, block.size, -1, np.int32) for block in blocks]
        return self._joined(targets, "targets", -1)

    def _entries(self) -> list[tuple[Entry, ...]]:
        return [moment._entries(_only_block(moment).sample_indices) for moment in self.moments]


@dataclass(frozen=True, eq=False)
class NumberSeries(_Steps[Numbers]):
    """Numbers of one name, per sample, or per map of a method and layer."""

    run: str
    tag: str
    name: str
    method: str
    layer: str
    moments: tuple[Moment[Numbers], ...] = field(repr=False)

    def array(self) -> NDArray[np.float32]:
        """Return the numbers of all steps, ``(S, M)``, NaN for none: see `samples`."""
        return self._joined([moment.record.values for moment in self.moments], "numbers", np.nan)

    def targets(self) -> NDArray[np.int32]:
        """Return the classes of the maps that the numbers belong to, ``(S, M)``, -1 for none."""
        found = [_or_full(moment.record.targets, len(moment.record.values), -1, np.int32) for moment in self.moments]
        return self._joined(found, "targets", -1)

    def _entries(self) -> list[tuple[Entry, ...]]:
        return [moment._entries(moment.record.sample_indices) for moment in self.moments]


@dataclass(frozen=True, eq=False)
class PredictionSeries(_Steps[Predictions]):
    """The model's predictions for the samples of one run and tag."""

    run: str
    tag: str
    moments: tuple[Moment[Predictions], ...] = field(repr=False)

    def array(self, name: Prediction = "probability") -> NDArray[Any]:
        """Return one of the arrays of `records.Predictions` for all steps, ``(S, N)`` or ``(S, N, K)``: see `samples`.

        Samples that a step lacks have -1 or NaN.

        Raises:
            ValueError: the array was not logged at some step.
        """
        arrays = [getattr(moment.record, name) for moment in self.moments]
        missing = [moment.step for moment, array in zip(self.moments, arrays, strict=True) if array is None]
        if missing:
            raise ValueError(f"expected {name!r} at every step, got none at {missing[:5]}")
        return self._joined(arrays, name, -1 if arrays and arrays[0].dtype.kind == "i" else np.nan)

    def _entries(self) -> list[tuple[Entry, ...]]:
        return [moment._entries(np.arange(moment.record.size or 0, dtype=np.int32)) for moment in self.moments]


@dataclass(frozen=True, eq=False)
class SumSeries(_Steps[Sums]):
    """Sums of a whole data set's maps per class, for one run, tag, method and layer, at all steps."""

    run: str
    tag: str
    method: str
    layer: str
    moments: tuple[Moment[Sums], ...] = field(repr=False)

    def _entries(self) -> list[tuple[Entry, ...]]:
        return [tuple((f"class {group}", 0) for group in moment.record.classes.tolist()) for moment in self.moments]


@dataclass(frozen=True, eq=False)
class GradCAMLog:
    """All Grad-CAM records of a log directory.

    Attributes:
        maps: series of maps by ``(run, tag, method, layer)``; a method logged in two kinds is two series, the second
            named like "integrated_gradients (rgb)".
        predictions: series of predictions by ``(run, tag)``.
        files: each picture's encoded file by ``(run, digest)``.
        problems: one line per record or series that could not be read, and per series that two processes wrote at once.
        numbers: series of numbers by ``(run, tag, name, method, layer)``; method and layer are empty for numbers of
            samples.
        thumbnails: each picture in gray, ``(h, w)`` of at most 32 pixels, by ``(run, digest)``; since format 1.1.
        sums: sums per class, by the keys of `maps`, for data sets that keep the maps of only the last steps.
        path: the log directory; empty for a part of one.
    """

    maps: dict[tuple[str, str, str, str], MapSeries]
    predictions: dict[tuple[str, str], PredictionSeries]
    files: dict[tuple[str, str], bytes] = field(repr=False)
    problems: tuple[str, ...] = ()
    numbers: dict[tuple[str, str, str, str, str], NumberSeries] = field(default_factory=dict)
    thumbnails: dict[tuple[str, str], NDArray[np.uint8]] = field(default_factory=dict, repr=False)
    sums: dict[tuple[str, str, str, str], SumSeries] = field(default_factory=dict)
    path: str = ""

    def image(self, run: str, digest: str) -> NDArray[np.uint8]:
        """Return a picture, ``(H, W)`` gray or ``(H, W, 3)`` RGB, uint8.

        Raises:
            KeyError: the run has no such picture.
            CorruptRecord: the picture is damaged.
        """
        import cv2

        verify_picture(self.files[run, digest])
        pixels = cv2.imdecode(np.frombuffer(self.files[run, digest], np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise CorruptRecord(f"expected a picture, got {len(self.files[run, digest])} bytes of something else")
        return np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[:, :, ::-1]).astype(np.uint8)

    def findings(self) -> list[Finding]:
        """Return the findings: where, since when and for which classes the networks look; the strongest first.

        Example:
            >>> for finding in read_gradcam("runs").findings():
            ...     print(finding.run, finding.sentence())

        Each has its kind, run, class, region in fractions of the picture, steps, samples, effect and, if it is tested,
        p and q; `to_json` returns all of them. Volumes are skipped. See docs/findings.md.
        """
        from tensorboard_plugin_gradcam.findings import find

        return find(self.sources())

    def class_names(self, run: str, tag: str) -> tuple[str, ...]:
        """Return the class names of a tag's samples, by class index; empty if they were not logged."""
        of_tag = [series for key, series in self.maps.items() if key[:2] == (run, tag)]
        cohorts = (moment.cohort for series in of_tag for moment in reversed(series.moments))
        return next((cohort.class_names for cohort in cohorts if cohort and cohort.class_names), ())

    def sources(self, runs: Names = None, tags: Names = None) -> list[Source]:
        """Return the sources from which findings are computed, one per series of maps; `findings.rules` check them.

        Args:
            runs: names or patterns of runs; all by default.
            tags: names or patterns of tags; all by default.

        Raises:
            ValueError: no run or tag has one of these names.
        """
        from tensorboard_plugin_gradcam.logs.subset import Subset, some_names

        chosen, found = Subset(runs, tags), list(self.maps.values())
        for name, has, wanted in (("run", chosen.has_run, runs), ("tag", chosen.has_tag, tags)):
            known = dict.fromkeys(getattr(series, name) for series in found)
            found = [series for series in found if has(getattr(series, name))]
            if known and not found:
                raise ValueError(f"expected {name}s among {some_names(list(known))}, got {wanted!r}")
        return [self._summarised(series) for series in found]

    def _summarised(self, series: MapSeries) -> Source:
        from tensorboard_plugin_gradcam.findings import Logged, Observer, Source, Summary, summary_of

        summary, observer = Summary(), Observer(series.kind)
        said = self.predictions.get((series.run, series.tag))
        by_step = {moment.step: moment.record for moment in said} if said else {}
        summed = self.sums.get((series.run, series.tag, series.method, series.layer))
        maps = {moment.step: moment for moment in series}
        logged = [
            Logged(step, moment.record.blocks, moment.cohort, by_step.get(step))
            for step, moment in sorted(maps.items())
            if moment.cohort is not None
        ]
        last = -1
        for moment in summed or ():  # ascending; of such a step the sums count, whether its maps are kept or not
            _summarise(summary, observer, logged, last, moment.step)
            rows, columns = moment.record.grid.tolist()
            summary.adopt(summary_of(moment.step, moment.record), (rows, columns))
            last = moment.step
        _summarise(summary, observer, logged, last, np.inf)
        if logged and summed and logged[-1].step <= last:
            observed = observer.observe(*logged[-1])
            if observed is not None:
                summary.look_at(observed)

        def maps_at(step: int) -> Observations | None:
            moment = maps.get(step)
            if moment is None or moment.cohort is None:
                return None
            return observer.observe(step, moment.record.blocks, moment.cohort, None)

        place = series.run, series.tag, series.method, series.layer
        return Source(*place, summary, partial(self._looks, series.run), maps_at)

    def _looks(self, run: str, digests: Sequence[str]) -> NDArray[np.float32]:
        from tensorboard_plugin_gradcam.findings import squared

        return squared([self.thumbnails.get((run, digest)) for digest in digests])

    def metrics(self) -> pandas.DataFrame:
        """Return a data frame with one row per map and step.

        Its columns identify the map (run, tag, method, layer, step, epoch, wall_time in seconds since 1970, sample,
        identity, id, label, target, score), name the prediction (prediction, probability and label_probability in
        [0, 1], loss) and describe the map (minimum and maximum in raw values; entropy and coverage in [0, 1] and, with
        ground truth, pointing_game, energy_inside and iou in [0, 1]). Follow samples over steps by their identity, not
        by their index.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            from .installing import missing

            raise missing("metrics()", "pandas", "dataframe") from error
        return pandas.DataFrame(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of `metrics` as dicts, without pandas."""
        return [row for series in self.maps.values() for row in self._rows(series)]

    def show(
        self,
        *,
        runs: Names = None,
        tags: Names = None,
        steps: Steps = None,
        max_steps: int | None = None,
        samples: Samples = None,
        height: int = 720,
    ) -> Cell:
        """Return the tab's viewer for a notebook cell, without TensorBoard. Displaying the log itself shows all of it.

        Args:
            runs: as for `export`.
            tags: as for `export`.
            steps: as for `export`.
            max_steps: as for `export`.
            samples: as for `export`.
            height: height of the frame in pixels.

        Raises:
            ValueError: no record matches the selection, or the log was not read from a directory.
        """
        from tensorboard_plugin_gradcam.exports.notebook import cell_of

        if not self.path:
            raise ValueError("expected a log that was read from a directory, got a part of one")
        return cell_of(
            self.path, height, runs=runs, tags=tags, steps=steps, max_steps=max_steps, samples=samples
        )  # fmt: skip

    def _repr_html_(self) -> str | None:
        return self.show()._repr_html_() if self.path and self.maps else None

    def _rows(self, series: MapSeries) -> Iterator[dict[str, Any]]:
        said = self.predictions.get((series.run, series.tag))
        by_step = {moment.step: _by_sample(moment) for moment in said} if said else {}
        names = {"run": series.run, "tag": series.tag, "method": series.method, "layer": series.layer}
        for moment in series:
            place = names | {"step": moment.step, "epoch": moment.epoch, "wall_time": moment.wall_time}
            for block in moment.record.blocks:
                for row in _map_rows(block, series.kind, moment):
                    yield place | row | by_step.get(moment.step, {}).get(row["identity"], {})


def read_gradcam(logdir: str | os.PathLike[str]) -> GradCAMLog:
    """Read the Grad-CAM records of all runs below a log directory.

    Example:
        >>> log = read_gradcam("runs")
        >>> series = log.maps["dogs", "val", "grad_cam", "layer4"]
        >>> series.steps, series.array().shape
        (array([ 0, 50]), (2, 16, 7, 7))

    Runs are named as in TensorBoard. A lower step means a restart: earlier records at that step or above are dropped,
    unless they were added to the run. Damaged records are skipped with a warning, as in the tab; intact records after
    a damaged place of a file are read. There is also a warning if two processes wrote a series at once.

    Raises:
        FileNotFoundError: the directory does not exist.
        NewerFormat: a newer version of this package wrote the whole log.
    """
    path = os.fspath(logdir)
    if "://" not in path and not os.path.isdir(path):
        raise FileNotFoundError(f"expected a log directory, got {path!r}")
    return log_of(EventRuns(path, (PLUGIN_NAME, LATER_PLUGIN_NAME)), path)


def log_of(events: EventRuns | SubsetRuns, path: str = "") -> GradCAMLog:
    """Return what events hold, as `read_gradcam` does; warns of what is damaged.

    Raises:
        NewerFormat: a newer version of this package wrote the whole log.
    """
    found = _Found(events.problems)
    for plugin in (PLUGIN_NAME, LATER_PLUGIN_NAME):
        for run, content in sorted(events.PluginRunToTagToContent(plugin).items()):
            found.read_run(run, found.readable(run, content), events)
    log = replace(found.log(), path=path)
    if found.newer and not (log.maps or log.predictions or log.numbers):
        raise found.newer
    if log.problems:
        where = path or "this part of the log"
        count = "1 problem" if len(log.problems) == 1 else f"{len(log.problems)} problems"
        warnings.warn(f"{count} in {where}, first: {log.problems[0]}", stacklevel=3)
    return log


class _Found:
    """What has been read so far."""

    def __init__(self, problems: Sequence[str]) -> None:
        self._moments: dict[tuple[str, Series], list[Moment[Any]]] = defaultdict(list)
        self._cohorts: dict[str, dict[str, Cohort]] = defaultdict(dict)
        self._leases: dict[tuple[str, int], Lease] = {}
        self._files: dict[tuple[str, str], bytes] = {}
        self._thumbnails: dict[tuple[str, str], NDArray[np.uint8]] = {}
        self._problems = [*problems]
        self.newer: NewerFormat | None = None

    def readable(self, run: str, content: Mapping[str, bytes]) -> dict[str, Series]:
        """Return the series by TensorBoard's tags; what can't be read is a problem."""
        tags = {}
        for tag, data in sorted(content.items()):
            try:
                series = tags[tag] = Series.from_bytes(data)
                thumbnail = thumbnail_in(data) if series.kind == "image" else None
                if thumbnail is not None:
                    self._thumbnails[run, series.digest] = thumbnail
            except (CorruptRecord, NewerFormat) as error:
                self._tell(f"run {run!r}, tag {tag!r}", error)
        return tags

    def read_run(self, run: str, tags: dict[str, Series], events: EventRuns | SubsetRuns) -> None:
        """Read a run's tags, cohorts first, for records refer to them."""
        for tag, series in sorted(tags.items(), key=lambda item: item[1].kind != "cohort"):
            found = events.Tensors(run, tag)
            for event in found[-1:] if series.turn else found:
                try:
                    self._read(run, series, event)
                except (CorruptRecord, NewerFormat) as error:
                    self._tell(f"run {run!r}, tag {tag!r}, step {event.step}", error)

    def _tell(self, place: str, error: CorruptRecord | NewerFormat) -> None:
        self._problems.append(f"{place}: {error}")
        if isinstance(error, NewerFormat):
            self.newer = error

    def _read(self, run: str, series: Series, event: Any) -> None:
        data = _only_string(event.tensor_proto)
        if series.kind == "image":
            self._files[run, series.digest] = data
        elif series.kind == "cohort":
            self._cohorts[run][series.digest] = Cohort.from_bytes(data)
        elif series.kind == "lease":
            self._leases[run, series.session] = Lease.from_bytes(data)
        else:
            record = record_of(series, data, event.step)
            step = event.step if not series.turn or record.stamp.step is None else record.stamp.step
            moment = Moment(step, event.wall_time, record, self._cohorts[run].get(record.stamp.cohort))
            self._moments[run, series.identity].append(moment)

    def _two_writers(self, run: str, series: Series, moments: Sequence[Moment[Any]]) -> bool:
        """Tell whether two processes wrote a series at the same time: their records replace each other."""
        trained = [moment for moment in moments if moment.record.stamp.relation == "goes_on"]
        sessions = np.array([moment.record.stamp.session for moment in trained])
        if overlap(spans(sessions, np.array([moment.wall_time for moment in trained]))):
            return True
        tag = series.tensorboard_tag
        leases = [lease for (of, _), lease in self._leases.items() if of == run and tag in lease.series]
        return any(one.overlaps(other) for one, other in combinations(leases, 2))

    def log(self) -> GradCAMLog:
        """Return it all, with what is wrong."""
        methods = told_apart(self._moments)
        maps, predictions, numbers, sums = {}, {}, {}, {}
        for (run, series), moments in self._moments.items():
            place, method, counting = (run, series.tag), methods[run, series], _that_count(moments)
            if series.kind == "predictions":
                predictions[place] = PredictionSeries(*place, counting)
            elif series.kind == "numbers":
                number = (*place, series.name, method, series.layer)
                numbers[number] = NumberSeries(*number, counting)
            elif series.kind == "sums":
                sums[(*place, method, series.layer)] = SumSeries(*place, method, series.layer, counting)
            else:
                key = (*place, method, series.layer)
                maps[key] = MapSeries(*key, series.map_kind, counting)
            if self._two_writers(run, series, moments):
                name = "/".join(part for part in (series.tag, series.method, series.layer) if part)
                self._problems.append(
                    f"run {run!r}, series {name!r}: two processes wrote it at the same time, which is unsupported"
                )
        return GradCAMLog(maps, predictions, self._files, tuple(self._problems), numbers, self._thumbnails, sums)


def _summarise(summary: Summary, observer: Observer, logged: Sequence[Logged], after: float, before: float) -> None:
    for stretch in observer.stretches([one for one in logged if after < one.step < before]):
        summary.extend(stretch)


def _only_string(tensor: Any) -> bytes:
    if len(tensor.string_val) != 1:
        raise CorruptRecord(f"expected one string, got {len(tensor.string_val)}")
    return bytes(tensor.string_val[0])


def _that_count(moments: list[Moment[Record]]) -> tuple[Moment[Record], ...]:
    order = surviving_moments((moment.step, moment.record.stamp) for moment in moments)
    return tuple(moments[index] for index in order)


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


def _map_rows(block: Block, kind: MapKind, moment: Moment[Maps]) -> Iterator[dict[str, Any]]:
    from tensorboard_plugin_gradcam import metrics

    cohort = moment.cohort
    targets = _or_full(block.targets, block.size, -1, np.int32)
    scores = _or_full(block.scores, block.size, np.nan, np.float32)
    entries = moment._entries(block.sample_indices)
    for index, evidence in enumerate(metrics.evidence_of(block, kind)):
        at = int(block.sample_indices[index])
        sample = cohort.samples[at] if cohort and at < len(cohort.samples) else Sample("")
        yield {
            "sample": at,
            "identity": entries[index][0],
            "id": sample.id,
            "label": -1 if sample.label is None else sample.label,
            "target": int(targets[index]),
            "target_name": block.names[index] if block.names else "",
            "score": float(scores[index]),
            "minimum": float(block.minimum[index]),
            "maximum": float(block.maximum[index]),
            **(metrics.of_map(evidence, sample, int(targets[index])) if evidence.max(initial=0) > 0 else {}),
        }


def _by_sample(moment: Moment[Predictions]) -> dict[str, dict[str, float]]:
    """Return what was predicted of each sample, by its identity: maps that were added may have another order."""
    names = ("prediction", "probability", "label_probability", "loss")
    arrays = {name: array for name in names if (array := getattr(moment.record, name)) is not None}
    entries = moment._entries(np.arange(moment.record.size or 0, dtype=np.int32))
    return {
        identity: {name: array[at].item() for name, array in arrays.items()} for at, (identity, _) in enumerate(entries)
    }
