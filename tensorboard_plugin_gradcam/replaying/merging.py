"""From the parts of all shares to one event file, its steps ascending: the same bytes whoever merges, however often.

Readers take a lower step for a training that was started again, so shares never write to the log themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from tensorboard_plugin_gradcam.aliases import Measures
from tensorboard_plugin_gradcam.measures import Measure, find_measures
from tensorboard_plugin_gradcam.records import Cohort, digest_of_bytes
from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.parts import About, Encoded, Parts, Unit
from tensorboard_plugin_gradcam.writer.merging import OpenStep
from tensorboard_plugin_gradcam.writer.pending import undetected
from tensorboard_plugin_gradcam.writer.run_log import RunLog
from tensorboard_plugin_gradcam.writer.scalars import scalars
from tensorboard_plugin_gradcam.writer.sinks import Sink

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

LOG = "replay-"  # begins the last part of the log's name, where writers have their host
_SERIES = "events.out.tfevents"


@dataclass(frozen=True)
class Merged:
    """What a log was made of.

    Attributes:
        steps: by the checkpoint's path, those that are in the log.
        left_out: by the checkpoint's path, why it is not.
        missing: units of which there is no part yet.
        weights: by the checkpoint's path, which of its weights were taken.
    """

    steps: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    weights: Mapping[str, str] = field(default_factory=dict)


def merge(
    directory: str,
    units: Sequence[Unit],
    samples_names: Sequence[str],
    tag: str,
    metrics: bool = False,
    measures: Measures = (),
) -> Merged:
    """Write the log of all parts that are there, in place of the one that an earlier merging wrote.

    Args:
        directory: of the run.
        units: that the replay consists of.
        samples_names: of the parts that hold the samples, by the part's index.
        tag: name of the series.
        metrics: whether to write scalars, too.
        measures: as for `GradCAMLogger`: those that compare steps are taken here.

    Raises:
        CorruptRecord: a part is damaged.
        OSError: the file system's.
    """
    parts = Parts(directory)
    there = parts.names()
    of_checkpoint: dict[str, list[Unit]] = {}
    for unit in units:
        if unit.file_name in there:
            of_checkpoint.setdefault(unit.key, []).append(unit)
    abouts = {key: _joined([parts.about(unit) for unit in found]) for key, found in of_checkpoint.items()}
    placed, left_out = _placed(abouts)
    if placed:
        read = [parts.samples(name) if name in there else None for name in samples_names]
        _write(directory, parts, placed, of_checkpoint, read, tag, metrics, find_measures(measures))
    steps = {about.path: about.step or 0 for _, about in placed}
    missing = len(units) - sum(map(len, of_checkpoint.values()))
    return Merged(steps, left_out, missing, {about.path: about.weights for _, about in placed})


def log_ending(tag: str) -> str:
    """Return how the name of a tag's log ends: each tag has a file of its own."""
    return f"{LOG}{digest_of_bytes(tag.encode())[:8]}"


def _joined(abouts: Sequence[About]) -> About:
    """Return what the parts of one checkpoint tell: a part that failed tells why, beside others that did not."""
    return next((about for about in abouts if not about.failure), abouts[0])


def _placed(abouts: Mapping[str, About]) -> tuple[list[tuple[str, About]], dict[str, str]]:
    """Return the checkpoints in the order of their steps, each step once, and why the others are left out."""
    left_out = {about.path: about.failure for about in abouts.values() if about.failure}
    good = [(key, about) for key, about in abouts.items() if not about.failure]
    if good and all(about.step is None for _, about in good):  # then their order is all that is known
        good.sort(key=lambda pair: (pair[1].wall_time, pair[1].path))
        good = [(key, replace(about, step=number)) for number, (key, about) in enumerate(good)]
    best: dict[int, tuple[str, About]] = {}
    for key, about in sorted(good, key=lambda pair: _preference(pair[1])):
        if about.step is None:
            left_out[about.path] = (
                "neither its content nor its name tells its step: pass pattern= (--pattern), such as 'ckpt_{step}.pt'"
            )
        elif about.step in best:
            left_out[about.path] = f"{places.name_of(best[about.step][1].path)} is of the same step, {about.step}"
        else:
            best[about.step] = key, about
    return [best[step] for step in sorted(best)], left_out


def _preference(about: About) -> tuple[bool, str]:
    """Order checkpoints of one step: those with a number in their names before ``last`` and ``best``."""
    return not any(sign.isdigit() for sign in places.name_of(about.path).partition(".")[0]), about.path


def _write(
    directory: str,
    parts: Parts,
    placed: Sequence[tuple[str, About]],
    of_checkpoint: Mapping[str, Sequence[Unit]],
    read: Sequence[tuple[Cohort, dict[str, Encoded]] | None],
    tag: str,
    metrics: bool,
    measures: Sequence[Measure],
) -> None:
    began = placed[0][1].wall_time
    ending = log_ending(tag)
    name = f"{_SERIES}.{int(began):010d}.{ending}"
    class_names = next((given[0].class_names for given in read if given is not None), ())
    with places.replacing(places.join(directory, name)) as file:
        log = RunLog(_FileSink(file, began), past=max(1, int(began * 1e6)))
        for step, about, wall_time in _steps(parts, placed, of_checkpoint, read):
            log.measure(tag, step, measures)
            numbers = _scalars(tag, step) if metrics else None
            log.write(tag, step, class_names, epoch=about.epoch, wall_time=wall_time, scalars=numbers)
    for path in places.named_like(places.listed(directory), f"{_SERIES}.*.{ending}"):
        if places.name_of(path) != name:
            places.remove(path)  # of an earlier merging, which lacked the first checkpoint


def _steps(
    parts: Parts,
    placed: Sequence[tuple[str, About]],
    of_checkpoint: Mapping[str, Sequence[Unit]],
    read: Sequence[tuple[Cohort, dict[str, Encoded]] | None],
) -> Iterator[tuple[OpenStep, About, float]]:
    """Yield each checkpoint's step, all parts of its samples together, with its wall time."""
    latest = 0.0
    for key, about in placed:
        latest = max(latest, about.wall_time)  # files that were copied may have lost the order of their times
        step = OpenStep(about.step or 0)
        for unit in sorted(of_checkpoint[key], key=lambda one: one.index):
            given = read[unit.index]
            if given is not None and not parts.about(unit).failure:
                found = parts.step(unit, given[0].samples)
                found.pictures.update(_pictures(given[1]))
                step.extend(found)
        if step.task == "detection":
            step.notes += undetected(step)
        yield step, about, latest


def _pictures(encoded: Mapping[str, Encoded]) -> dict[str, Any]:
    return {digest: (picture, "png") for digest, picture in encoded.items()}


def _scalars(tag: str, step: OpenStep) -> dict[str, float]:
    numbers, notes = scalars(tag, step.samples, step.full_predictions(), step.blocks)
    step.notes += notes
    return numbers


class _FileSink(Sink):
    """An event file that is written at once."""

    def __init__(self, file: BinaryIO, wall_time: float) -> None:
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._writer = RecordWriter(file)
        source = event_pb2.SourceMetadata(writer="tensorboard_plugin_gradcam")
        first = event_pb2.Event(wall_time=wall_time, file_version="brain.Event:2", source_metadata=source)
        self._writer.write(first.SerializeToString())

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write one event."""
        from tensorboard.compat.proto import event_pb2, summary_pb2

        event = event_pb2.Event(summary=summary_pb2.Summary(value=values), step=step, wall_time=wall_time or 0.0)
        self._writer.write(event.SerializeToString(deterministic=True))

    def flush(self) -> None:
        """Do nothing: it is handed over whole."""
