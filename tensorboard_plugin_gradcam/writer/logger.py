"""`GradCAMLogger`: what a model looks at, beside the scalars of its training."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tensorboard_plugin_gradcam.normalization import normalizations
from tensorboard_plugin_gradcam.records import Precision
from tensorboard_plugin_gradcam.writer.add import check_place
from tensorboard_plugin_gradcam.writer.batch import MAX_MAP_SIZE, Batch, Storing, batch_of
from tensorboard_plugin_gradcam.writer.every import Every, Schedule, interval
from tensorboard_plugin_gradcam.writer.merging import OpenStep
from tensorboard_plugin_gradcam.writer.model_config import class_names_of, transform_of
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat, look_normalized
from tensorboard_plugin_gradcam.writer.ranks import Distributed, gathered, share, writer_of_rank
from tensorboard_plugin_gradcam.writer.run_log import log_of
from tensorboard_plugin_gradcam.writer.samples import MAX_IMAGE_SIZE, Samples, prepare_samples
from tensorboard_plugin_gradcam.writer.scalars import scalars as scalars_of

BATCH_SIZE = 32  # images a forward pass, by default


class GradCAMLogger:
    """Computes and logs maps of a model while it is trained, which stays exactly as it would be without.

    Example:
        >>> with GradCAMLogger(writer, model, class_names=names, transform=transform) as logger:
        ...     probe = logger.probe("val", fixed_x, labels=fixed_y)
        ...     for step, (x, y) in enumerate(loader):
        ...         train(x, y)
        ...         if step % 50 == 0:
        ...             probe.log(step)

    Args:
        writer: as for `add_gradcam`; None logs nothing, for ranks that don't write.
        model: a torch model or a `CAM`; may be left out where only `add` is used.
        layers: of the model, as for `CAM`; found automatically by default.
        methods: as for `CAM`.
        class_names: by class index; by default those that the model's configuration or torchvision's weights name.
        transform: how inputs were normalized, undone for the pictures: as for `prepare_samples`; by default, where they
            look normalized, as a timm model's configuration or a Hugging Face model's image processor says.
        mean: of each channel, where inputs were normalized by it and `std`.
        std: of each channel.
        every: log only every so many steps (50) or so much time ("30s", "5min", a `timedelta`), however often one asks.
        metrics: also write scalars: mean probability, entropy and coverage of the maps, and against ground truth the
            pointing game, the energy inside and the IoU.
        top_k: how many of the most probable classes to log.
        image_format: "png", "jpeg" or "webp".
        max_image_size: longer edge in pixels above which pictures are scaled down; None for never.
        precision: of maps: "uint8", "float16" or "float32".
        max_map_size: longer edge in cells above which maps are averaged down; None for never.
        batch_size: images a forward pass.
        distributed: with a `torch.distributed` group: "gather" lets each rank compute its share and rank 0 write (every
            rank has to make the same calls); "runs" writes ``rank_0``, ``rank_1``, ... within a log directory; None
            leaves each process to itself.
    """

    def __init__(
        self,
        writer: Any,
        model: Any = None,
        *,
        layers: Any = None,
        methods: Any = "grad_cam",
        class_names: Sequence[str] = (),
        transform: object | None = None,
        mean: ArrayLike | None = None,
        std: ArrayLike | None = None,
        every: Every = None,
        metrics: bool = False,
        top_k: int = 0,
        image_format: ImageFormat = "png",
        max_image_size: int | None = MAX_IMAGE_SIZE,
        precision: Precision = "uint8",
        max_map_size: int | None = MAX_MAP_SIZE,
        batch_size: int = BATCH_SIZE,
        distributed: Distributed = None,
    ) -> None:
        if distributed == "gather" and interval(every)[1] is not None:
            raise ValueError(
                f"expected every in steps with distributed='gather', got {every!r}: clocks of ranks differ"
            )
        normalizations(transform, mean, std)  # raises now rather than at the first image
        self._log = log_of(writer_of_rank(writer, distributed))
        self._writer = writer  # kept: logs refer to their writers weakly
        self._silent = writer is None and distributed != "gather"
        self._cam = None if model is None else _cam(model, layers, methods)
        own_names = class_names_of(getattr(self._cam, "model", None), transform)
        self._class_names = tuple(map(str, class_names)) or own_names
        self._look: dict[str, Any] = {
            "transform": transform,
            "mean": mean,
            "std": std,
            "image_format": image_format,
            "max_image_size": max_image_size,
        }
        self._every, self._metrics, self._batch_size = every, metrics, batch_size
        self._storing = Storing(precision, max_map_size, top_k)
        self._gather = distributed == "gather"
        self._pending: dict[str, Pending] = {}
        self._complete: dict[tuple[str, int], tuple[float | None, list[Batch]]] = {}  # by tag and step, to be written
        self._schedules: dict[str, Schedule] = {}
        weak = weakref.WeakMethod(self.flush)
        atexit.register(lambda: flush() if (flush := weak()) is not None else None)

    def __enter__(self) -> GradCAMLogger:
        """Return the logger; leaving the context flushes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Flush; where ranks gather and one of them raised, the others are not waited for."""
        if kind is None or not self._gather:
            self.flush()

    def probe(
        self,
        tag: str,
        inputs: Any,
        *,
        images: Any = None,
        labels: ArrayLike | None = None,
        targets: Any = None,
        every: Every = None,
        **known: Any,
    ) -> Probe:
        """Register samples that are logged again and again: their pictures are stored once.

        Args:
            tag: name of the series.
            inputs: of the model, ``(N, C, H, W)`` or with a depth; a copy is kept.
            images: pictures of them, where `inputs` with the normalization undone are none.
            labels: ``(N,)``, class index.
            targets: what to explain, as for `CAM`: the top class by default, "label" for the label's.
            every: as for the logger, for this probe.
            known: `ids`, `captions`, `boxes`, `boxes_in`, `masks`, `dataformats` as for `prepare_samples`.

        Raises:
            ValueError: inputs look normalized and no `transform` was given.
        """
        check_place(tag, 0)
        samples = self._samples(inputs, images, labels, known)
        return Probe(self, tag, samples, _kept(inputs), targets, Schedule(every if every is not None else self._every))

    def log(self, tag: str, inputs: Any, step: int, *, epoch: float | None = None, **known: Any) -> None:
        """Log samples once: `probe` and `Probe.log` in one; takes the arguments of `probe`."""
        targets, images, labels = (known.pop(name, None) for name in ("targets", "images", "labels"))
        schedule = self._schedule(tag)
        if not self._silent and schedule.is_due(step):
            with self._doing(schedule, step):
                samples = self._samples(inputs, images, labels, known)
                self._explain(tag, samples, inputs, targets, step, epoch)

    def add(
        self,
        tag: str,
        inputs: Any,
        result: Any,
        step: int,
        *,
        labels: ArrayLike | None = None,
        images: Any = None,
        losses: ArrayLike | None = None,
        epoch: float | None = None,
        **known: Any,
    ) -> None:
        """Log a result that was computed or captured elsewhere. Batches of one step are merged into one record.

        The record is written when the step of this tag changes, and by `flush` or the end of the context.

        Args:
            tag: name of the series.
            inputs: that were explained, or `Samples`.
            result: of `CAM`, or of its `capture`.
            step: of the training.
            labels: ``(N,)``, class index.
            images: pictures, where `inputs` with the normalization undone are none.
            losses: ``(N,)``.
            epoch: of the training.
            known: as for `probe`.
        """
        check_place(tag, step)
        is_open = tag in self._pending and self._pending[tag].step == step
        schedule = self._schedule(tag)
        if not is_open and (self._silent or not schedule.is_due(step)):
            return
        samples = self._samples(inputs, images, labels, known)
        batch = batch_of(samples, result, self._storing, losses=losses)
        if not is_open:
            self._end_step(tag)
            self._pending[tag] = Pending(int(step), epoch)
            schedule.done(step)
        self._pending[tag].append(batch)
        if self._gather:  # only now: ranks have to agree on what is pending, also where rank 0 can't write
            self._write_complete()

    def flush(self) -> None:
        """Write what `add` still holds, and flush the writer. Further batches of the same step still join it.

        Raises:
            OSError: it could not be written; the next call tries again.
        """
        for tag in self._pending:
            self._collect(tag)
        self._write_complete()
        self._log.flush()

    def _samples(self, inputs: Any, images: Any, labels: Any, known: dict[str, Any]) -> Samples:
        if isinstance(inputs, Samples):
            return inputs
        look = self._look
        if images is None:
            known = {"dataformats": getattr(self._cam, "dataformats", "NCHW")} | known
            inputs = _images(inputs)
            if look["transform"] is None and look["mean"] is None and look_normalized(inputs):
                look = look | {"transform": self._own_transform}
            known = {"volumes": getattr(inputs, "ndim", 0) == 5} | known
        else:
            inputs, look = images, look | {"transform": None, "mean": None, "std": None}
        return prepare_samples(inputs, labels=labels, **(look | known))

    @cached_property
    def _own_transform(self) -> object | None:
        return transform_of(getattr(self._cam, "model", None))  # once: an image processor is read from its file

    def _schedule(self, tag: str) -> Schedule:
        return self._schedules.setdefault(tag, Schedule(self._every))

    @contextmanager
    def _doing(self, schedule: Schedule, step: int) -> Iterator[None]:
        """Note a step as done once it is written; where ranks gather also if not, for they have to agree on it."""
        try:
            yield
        except BaseException:
            if self._gather:
                schedule.done(step)
            raise
        schedule.done(step)

    def _explain(self, tag: str, samples: Samples, inputs: Any, targets: Any, step: int, epoch: float | None) -> None:
        check_place(tag, step)
        self._end_step(tag)
        self._pending.pop(tag, None)
        if isinstance(targets, str):
            targets = _labels(samples, targets)
        mine = share(len(samples)) if self._gather else range(len(samples))

        def batches() -> list[Batch]:
            starts = range(mine.start, mine.stop, self._batch_size)
            return [
                self._batch(samples, inputs, targets, range(at, min(at + self._batch_size, mine.stop))) for at in starts
            ]

        if self._gather:
            parts = gathered(lambda: [(len(part.samples), part.predictions, part.blocks) for part in batches()])
            self._write_complete()
            self._write(tag, _with_samples([part for of_rank in parts for part in of_rank], samples), step, epoch)
        else:
            self._write(tag, batches(), step, epoch)

    def _batch(self, samples: Samples, inputs: Any, targets: Any, part: range) -> Batch:
        if self._cam is None:
            raise ValueError("expected a logger with a model, got model=None: pass one, or log results by `add`")
        whole = len(part) == len(samples)
        chosen = samples if whole else samples.take(part)
        result = self._cam(
            inputs if whole else _part_of_inputs(inputs, part, len(samples)), _part(targets, part, len(samples))
        )
        return batch_of(chosen, result, self._storing)

    def _end_step(self, tag: str) -> None:
        """Write what `add` holds of a tag; where ranks gather, the caller writes, once all have done their part."""
        self._collect(tag)
        if not self._gather:
            self._write_complete()

    def _collect(self, tag: str) -> None:
        """Put what `add` holds of a tag among what is to be written; where ranks gather, all of them call this."""
        pending = self._pending.get(tag)
        if pending is None or not pending.is_new:
            return
        batches = pending.batches
        if self._gather:
            batches = [batch for of_rank in gathered(lambda: pending.batches) for batch in of_rank]
        self._complete[tag, pending.step] = pending.epoch, list(batches)
        pending.is_new = False

    def _write_complete(self) -> None:
        """Write all that is complete; what an error keeps from being written is tried again by the next call."""
        for (tag, step), (epoch, batches) in list(self._complete.items()):
            self._write(tag, batches, step, epoch)
            del self._complete[tag, step]

    def _write(self, tag: str, batches: Sequence[Batch], step: int, epoch: float | None) -> None:
        record = OpenStep(int(step))
        for batch in batches:
            record.append(batch)
        scalars = None
        if self._metrics:
            scalars = scalars_of(tag, record.samples, record.full_predictions(), record.blocks)
        self._log.write(tag, record, self._class_names, epoch=epoch, scalars=scalars)


@dataclass
class Pending:
    """Batches of a step that `add` holds; kept until the step changes, for a later batch makes a new record of all."""

    step: int
    epoch: float | None
    batches: list[Batch] = field(default_factory=list)
    is_new: bool = False

    def append(self, batch: Batch) -> None:
        """Add a batch."""
        self.batches.append(batch)
        self.is_new = True


class Probe:
    """Samples that are registered under a tag, to be logged again and again."""

    def __init__(
        self, logger: GradCAMLogger, tag: str, samples: Samples, inputs: Any, targets: Any, schedule: Schedule
    ) -> None:
        if isinstance(targets, str):
            _labels(samples, targets)  # raises now rather than at the first step
        self._logger, self._tag, self._samples, self._inputs = logger, tag, samples, inputs
        self._targets, self._schedule = targets, schedule

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def samples(self) -> Samples:
        """The registered samples."""
        return self._samples

    def log(self, step: int, *, epoch: float | None = None) -> bool:
        """Explain the samples with the model as it is now, and write that; return whether it was due (`every`).

        Raises:
            OSError: it could not be written. Training can go on.
        """
        step = int(step)
        if self._logger._silent or not self._schedule.is_due(step):
            return False
        with self._logger._doing(self._schedule, step):
            self._logger._explain(self._tag, self._samples, self._inputs, self._targets, step, epoch)
        return True


def _cam(model: Any, layers: Any, methods: Any) -> Any:
    if hasattr(model, "methods") and hasattr(model, "layers"):
        return model  # a CAM, of torch or another framework
    if any(base.__module__.startswith("keras.") for base in type(model).__mro__):
        raise TypeError(
            "expected a torch model or a CAM, got a Keras model: pass KerasCAM(model), "
            "or GradCAMCallback to fit, of tensorboard_plugin_gradcam.integrations.keras"
        )
    from tensorboard_plugin_gradcam.cam import CAM

    return CAM(model, layers=layers, methods=methods)


def _images(inputs: Any) -> Any:
    """Return the pictures among a model's inputs, where it takes several."""
    if not isinstance(inputs, (tuple, Mapping)):
        return inputs
    if not any(hasattr(value, "detach") for value in (inputs.values() if isinstance(inputs, Mapping) else inputs)):
        return inputs  # no model of torch's
    from tensorboard_plugin_gradcam.cam.inputs import Inputs

    return Inputs.of(inputs).images


def _kept(inputs: Any) -> Any:
    """Return inputs that stay as they are while the caller fills the next batch into the same memory."""
    if isinstance(inputs, Mapping):
        return {name: _kept(value) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return (tuple if isinstance(inputs, tuple) else list)(map(_kept, inputs))
    if isinstance(inputs, np.ndarray):
        return inputs.copy()
    return inputs.detach().clone() if hasattr(inputs, "detach") else inputs


def _part_of_inputs(inputs: Any, part: range, count: int) -> Any:
    """Return some samples' part of a model's inputs; what is for all of them stays."""
    if isinstance(inputs, Mapping):
        return {name: _part_of_inputs(value, part, count) for name, value in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(_part_of_inputs(value, part, count) for value in inputs)
    return _part(inputs, part, count)


def _part(values: Any, part: range, count: int) -> Any:
    """Return some samples' part of a batch; what is for all of them, such as `Classes`, stays."""
    is_batch = hasattr(values, "__getitem__") and hasattr(values, "__len__") and getattr(values, "ndim", 1) > 0
    is_batch = is_batch and (not isinstance(values, tuple) or type(values) is tuple)
    return values[part.start : part.stop] if is_batch and len(values) == count else values


def _labels(samples: Samples, targets: str) -> list[int]:
    if targets != "label":
        raise ValueError(f"expected targets None, 'label', classes or targets as for CAM, got {targets!r}")
    labels = samples.labels
    if labels is None or (labels < 0).any():
        raise ValueError("expected labels of all samples for targets='label', got samples without")
    found: list[int] = labels.tolist()
    return found


def _with_samples(parts: Sequence[tuple[int, Any, Any]], samples: Samples) -> list[Batch]:
    """Give the parts that ranks computed their samples back; parts follow each other, each of so many samples."""
    batches, start = [], 0
    for size, predictions, blocks in parts:
        batches.append(Batch(samples.take(range(start, start + size)), predictions, blocks))
        start += size
    return batches
