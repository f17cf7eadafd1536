"""`GradCAMLogger`: what a model looks at, beside the scalars of its training."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from tensorboard_plugin_gradcam.aliases import (
    CAMLike,
    Images,
    LabelOrTargets,
    Labels,
    Layers,
    Measures,
    Methods,
    ModelInputs,
    Numbers,
    Step,
    Writer,
)
from tensorboard_plugin_gradcam.arrays import numbers as numbers_of
from tensorboard_plugin_gradcam.explanation import Distinct, Explanation
from tensorboard_plugin_gradcam.faults import Faults, OnError, reason
from tensorboard_plugin_gradcam.measures import find_measures
from tensorboard_plugin_gradcam.misnamed import answer, misfit, told
from tensorboard_plugin_gradcam.normalization import normalizations
from tensorboard_plugin_gradcam.records import Precision, Task
from tensorboard_plugin_gradcam.writer.batch import MAX_MAP_SIZE, Batch, Storing, batch_of
from tensorboard_plugin_gradcam.writer.checks import at_least, names, one_of
from tensorboard_plugin_gradcam.writer.every import Every, Schedule, interval
from tensorboard_plugin_gradcam.writer.history import Mode, checked_mode
from tensorboard_plugin_gradcam.writer.model_config import class_names_of, transform_of
from tensorboard_plugin_gradcam.writer.own_numbers import OwnNumbers, own_numbers
from tensorboard_plugin_gradcam.writer.pending import PendingSteps
from tensorboard_plugin_gradcam.writer.pending import Step as HeldStep
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat, look_normalized
from tensorboard_plugin_gradcam.writer.predictions import Known
from tensorboard_plugin_gradcam.writer.ranks import Distributed, gathered, share, writer_of_rank
from tensorboard_plugin_gradcam.writer.run_log import log_of
from tensorboard_plugin_gradcam.writer.samples import (
    LARGEST_THUMBNAIL,
    MAX_IMAGE_SIZE,
    SampleOptions,
    Samples,
    prepare_samples,
)
from tensorboard_plugin_gradcam.writer.steps import checked_tag, step_of
from tensorboard_plugin_gradcam.writer.turns import checked_keep

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Unpack

BATCH_SIZE = 32  # images a forward pass, by default


class _TheInputs:
    def __repr__(self) -> str:
        return "the inputs"


THE_INPUTS: Any = _TheInputs()  # are the pictures, where no others are passed
NO_SAMPLES = Samples((), {})  # what ranks send in place of the samples that all of them have


P = ParamSpec("P")
R = TypeVar("R")


def forgiving(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method of a training answer arguments that it does not have by a warning."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Any:
        problem = misfit(method, args, kwargs)
        if problem is None:
            return method(*args, **kwargs)
        owner: Any = args[0]
        with owner._faults.caught(f"{method.__name__}() left out"):
            raise TypeError(problem)

    return call


class ProbeOptions(SampleOptions, total=False):
    """What `GradCAMLogger.log` takes of a probe."""

    images: Images | None
    labels: Labels | None
    targets: LabelOrTargets
    numbers: OwnNumbers | None


class GradCAMLogger:
    """Compute and log a model's maps during training, without changing the training or stopping it.

    Example:
        >>> with GradCAMLogger(writer, model, class_names=names, transform=transform) as logger:
        ...     probe = logger.probe("val", fixed_x, labels=fixed_y)
        ...     for step, (x, y) in enumerate(loader):
        ...         train(x, y)
        ...         if step % 50 == 0:
        ...             probe.log(step)

    Args:
        writer: as for `add_gradcam`; None logs nothing: use it on ranks that don't write.
        model: a torch model or a `CAM`; can be left out if you only call `add`.
        layers: target layers, as for `CAM`; found automatically by default.
        methods: as for `CAM`.
        class_names: by class index; by default those in the model's configuration or torchvision's weights.
        transform: how the inputs were normalized, as for `prepare_samples`; undone for the pictures. By default, inputs
            that look normalized are un-normalized as a timm model's configuration or a Hugging Face model's image
            processor says.
        mean: per channel, if the inputs were normalized by `mean` and `std`.
        std: per channel.
        every: log at most once per so many steps (50) or so much time ("30s", "5min", a `timedelta`), no matter how
            often you call.
        metrics: also write scalars: the maps' mean probability, entropy and coverage and, with ground truth, the
            pointing game, the energy inside, and the IoU.
        top_k: number of most probable classes to log.
        image_format: "png", "jpeg" or "webp".
        max_image_size: longer edge in pixels; larger pictures are scaled down. None keeps every size.
        precision: how maps are stored: "uint8", "float16" or "float32".
        max_map_size: longer edge in cells; larger maps are averaged down. None keeps every size.
        batch_size: number of images per forward pass.
        distributed: with a `torch.distributed` group: "gather" lets each rank compute its share and rank 0 write (every
            rank must make the same calls); "runs" writes the runs ``rank_0``, ``rank_1``, ... in the log directory;
            None treats each process as if it were alone.
        measures: names of the measures to compute for each map, as for `CAM`, and to log with it: "gain_head",
            "class_sensitivity", "randomisation", "steadiness", "concentration", ...; see docs/belief.md. With
            ``metrics=True`` their means are scalars. A `CAM` that you pass as `model` has its own.
        task: what the model does: "classification", "multilabel" (labels and predictions are sets, scores go through a
            sigmoid), "regression", "detection" or "segmentation"; by default it follows from outputs and labels,
            except for regression.
        mode: what happens to earlier records of the run: "resume", "add" or None, as for `add_gradcam`.
        on_error: "warn": from the first `log` or `add` on, an error becomes a warning, once per cause, and a note in
            the step's record; training continues. "raise" raises the exception, for tests.

    Raises:
        ValueError: an option is invalid, or a layer or method does not exist.
    """

    @told
    def __init__(
        self,
        writer: Writer,
        model: nn.Module | CAMLike | None = None,
        *,
        layers: Layers = None,
        methods: Methods = "grad_cam",
        class_names: Sequence[str] = (),
        transform: object | None = None,
        mean: Numbers | None = None,
        std: Numbers | None = None,
        every: Every = None,
        metrics: bool = False,
        measures: Measures = (),
        top_k: int = 0,
        image_format: ImageFormat = "png",
        max_image_size: int | None = MAX_IMAGE_SIZE,
        precision: Precision = "uint8",
        max_map_size: int | None = MAX_MAP_SIZE,
        batch_size: int = BATCH_SIZE,
        distributed: Distributed = None,
        task: Task | None = None,
        mode: Mode | None = None,
        on_error: OnError = "warn",
    ) -> None:
        if distributed == "gather" and interval(every)[1] is not None:
            raise ValueError(
                f"expected every in steps with distributed='gather', got {every!r}: clocks of ranks differ"
            )
        interval(every)
        checked_mode(mode)
        one_of("image_format", image_format, ImageFormat)
        at_least("max_image_size", max_image_size, 1, optional=True)
        at_least("batch_size", batch_size, 1)
        normalizations(transform, mean, std)  # raises now rather than at the first image
        self._faults = Faults(on_error)
        self._cam = None if model is None else _cam(model, layers, methods, measures)
        asked = (*find_measures(measures), *getattr(self._cam, "measures", ()))
        self._storing = Storing(precision, max_map_size, top_k, task, asked)
        log = log_of(writer_of_rank(writer, distributed))
        self._silent = writer is None and distributed != "gather"
        own_names = class_names_of(getattr(self._cam, "model", None), transform)
        self._class_names = names("class_names", class_names) or own_names
        self._look: dict[str, Any] = {
            "transform": transform,
            "mean": mean,
            "std": std,
            "image_format": image_format,
            "max_image_size": max_image_size,
        }
        self._every, self._batch_size = every, batch_size
        self._gather = distributed == "gather"
        self._steps = PendingSteps(log, writer, self._class_names, metrics, self._gather, self._faults, mode, asked)
        self._chosen: set[str] = set()  # tags whose layer was noted
        self._schedules: dict[str, Schedule] = {}
        self._finish = _finishing(self, self._steps)

    def __enter__(self) -> GradCAMLogger:
        """Return the logger; leaving the context closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; where ranks gather and one of them raised, the others are not waited for."""
        if kind is None or not self._gather:
            self.close()

    def probe(
        self,
        tag: str,
        inputs: ModelInputs,
        *,
        images: Images | None = THE_INPUTS,
        labels: Labels | None = None,
        targets: LabelOrTargets = None,
        every: Every = None,
        **known: Unpack[SampleOptions],
    ) -> Probe:
        """Register samples to log repeatedly; their pictures are stored once.

        Args:
            tag: name of the series.
            inputs: the model's inputs, ``(N, C, H, W)`` or ``(N, C, D, H, W)``; a copy is kept.
            images: pictures of them, if un-normalized `inputs` are not viewable pictures; None stores no pictures.
            labels: as for `prepare_samples`.
            targets: what to explain, as for `CAM`: by default the top class; "label" for the label's class; "both" for
                the top class and, if that is wrong, also the label's.
            every: as for the logger, but for this probe only.
            known: `ids`, `captions`, `boxes`, `boxes_in`, `truth_masks`, `dataformats` as for `prepare_samples`;
                ``thumbnails=64`` with ``images=None`` stores JPEGs of the inputs whose longer edge has 64 pixels.

        Raises:
            ValueError: inputs look normalized and no `transform` was given.
        """
        checked_tag(tag)
        samples = self._samples(inputs, images, labels, None, None, dict(known))
        schedule = Schedule(every if every is not None else self._every)
        if isinstance(targets, str):
            labels_as_targets(samples, targets)  # raises now rather than at the first step
        check = getattr(self._cam, "check_smoothing", None)  # Keras' has no smoothing
        if check is not None and hasattr(inputs, "__getitem__") and not isinstance(inputs, (tuple, Mapping)):
            check(inputs[:1])  # raises now, too
        return Probe(tag, samples, schedule, partial(self._log, tag, _kept(inputs), targets), self._faults)

    @forgiving
    def log(
        self, tag: str, inputs: ModelInputs, step: Step, *, epoch: float | None = None, **known: Unpack[ProbeOptions]
    ) -> None:
        """Log samples once: `probe` and `Probe.log` in one.

        Args:
            tag: name of the series.
            inputs: the model's inputs, as for `probe`.
            step: step of the training, a whole number from 0 to 2^53.
            epoch: epoch of the training; fractions are allowed.
            known: further arguments of `probe`: `labels`, `images`, `targets`, ..., and `numbers` as for `Probe.log`.
        """
        schedule = self._schedule(tag)

        def samples(notes: list[str] | None) -> Samples:
            options: dict[str, Any] = dict(known)
            for name in ("targets", "numbers"):
                options.pop(name, None)
            images, labels = options.pop("images", THE_INPUTS), options.pop("labels", None)
            return self._samples(inputs, images, labels, _count(inputs), notes, options)

        self._log(tag, inputs, known.get("targets"), schedule, samples, step, epoch, known.get("numbers"))

    @forgiving
    def add(
        self,
        tag: str,
        inputs: ModelInputs | Samples,
        result: Explanation,
        step: Step,
        *,
        labels: Labels | None = None,
        images: Images | None = THE_INPUTS,
        losses: Numbers | None = None,
        numbers: OwnNumbers | None = None,
        epoch: float | None = None,
        max_samples: int | None = None,
        keep_maps: int | None = None,
        **known: Unpack[SampleOptions],
    ) -> None:
        """Log a result that you computed or captured yourself. Batches of the same step are merged into one record.

        The record is written when this tag's step changes, on `flush` and `close`, and at the latest when the logger
        goes out of scope or the process ends. From the first call on, errors are warnings (see `on_error`).

        Args:
            tag: name of the series.
            inputs: the explained inputs, or `Samples`.
            result: what `CAM` or its `capture` returned.
            step: step of the training, a whole number from 0 to 2^53.
            labels: as for `prepare_samples`.
            images: pictures, if un-normalized `inputs` are not viewable pictures. None stores no pictures, for whole
                data sets; their samples then need `ids`, which identify them at later steps.
            losses: ``(N,)``, one loss per sample.
            numbers: your own numbers per sample, by name, as for `add_gradcam`.
            epoch: epoch of the training; fractions are allowed.
            max_samples: number of samples kept per step, over all its batches: the same ones at every step, chosen by
                their ids or pictures. The value of a step's first batch counts.
            keep_maps: number of last steps whose maps of single samples are kept. Of all steps, sums per class are
                kept, from which findings and the atlas are computed. By default 10 if a step has more than 10,000
                samples, else all.
            known: as for `probe`.
        """
        with self._faults.caught(f"step {step} of {tag!r} left out"):
            checked_tag(tag)
            at = step_of(step)
            held = self._steps.at(tag, at)
            if held is None:
                schedule = self._schedule(tag)
                if self._silent or not schedule.is_due(at):
                    return
                schedule.done(at)
                most = at_least("max_samples", max_samples, 1, optional=True)
                held = self._steps.begin(tag, at, epoch, most, checked_keep(keep_maps))
            with self._left_out(f"samples of step {at} of {tag!r} left out", _count_of(result, inputs), held):
                with self._read(tag, held) as notes:
                    samples = self._samples(inputs, images, labels, result.count, notes, dict(known))
                    said = self._said(notes, result.count, losses=losses)
                    own = own_numbers(numbers, len(samples), notes)
                held.append(replace(batch_of(samples, result, self._storing, **said), numbers=own))
                self._note_choice(tag, held)
            self._steps.write()

    def prepare(self, inputs: ModelInputs, labels: Labels | None = None, **known: Unpack[SampleOptions]) -> Samples:
        """Return what `log` would store of samples, without writing.

        Args:
            inputs: the model's inputs, as for `probe`.
            labels: as for `prepare_samples`.
            known: as for `probe`.
        """
        return self._samples(inputs, THE_INPUTS, labels, None, None, dict(known))

    def explain(self, inputs: ModelInputs, samples: Samples, targets: LabelOrTargets = None) -> Batch:
        """Return what `log` would write of samples at one step, without writing.

        Args:
            inputs: the model's inputs, one per sample; they go through it in one batch.
            samples: as `prepare` returns them.
            targets: as for `probe`.
        """
        asked = labels_as_targets(samples, targets) if isinstance(targets, str) else targets
        return self._batch(samples, inputs, asked, range(len(samples)))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names by class index; empty if they are unknown."""
        return tuple(self._class_names)

    def flush(self) -> None:
        """Write what `add` still holds, and flush the writer. Later batches of the same step are still merged into it.

        What could not be written is kept, and the next call tries again.
        """
        with self._faults.caught("flush"):
            self._steps.flush()

    def close(self) -> None:
        """Write the rest and release the model. Leaving the `with` block or deleting the logger does the same.

        With ``distributed="gather"`` every rank must call it: a logger that is only deleted writes its own samples.
        """
        self.flush()
        self._finish()
        self._cam = None

    def _samples(
        self, inputs: Any, images: Any, labels: Any, count: int | None, notes: list[str] | None, known: dict[str, Any]
    ) -> Samples:
        if isinstance(inputs, Samples):
            return inputs
        unknown = sorted(set(known) - set(SampleOptions.__annotations__))
        if unknown:
            raise TypeError(answer(unknown[0], (*ProbeOptions.__annotations__, *SampleOptions.__annotations__)))
        look = self._look
        thumbnails = at_least("thumbnails", known.pop("thumbnails", None), 1, optional=True)
        if thumbnails is not None:
            if images is not None or thumbnails > LARGEST_THUMBNAIL:
                raise ValueError(
                    f"expected thumbnails of at most {LARGEST_THUMBNAIL} pixels with images=None, got {thumbnails}"
                    f"{'' if images is None else ' with images'}: max_image_size= applies to pictures"
                )
            images, look = THE_INPUTS, look | {"max_image_size": thumbnails, "image_format": "jpeg"}
        if images is None:
            return prepare_samples(
                None,
                count=_count(inputs) if count is None else count,
                labels=labels,
                task=self._storing.task,
                class_names=self._class_names,
                notes=notes,
                **known,
            )
        if images is THE_INPUTS:
            known = {"dataformats": getattr(self._cam, "dataformats", "NCHW")} | known
            inputs = _images(inputs)
            if look["transform"] is None and look["mean"] is None and look_normalized(inputs):
                look = look | {"transform": self._own_transform}
            known = {"volumes": getattr(inputs, "ndim", 0) == 5} | known
        else:
            inputs, look = images, look | {"transform": None, "mean": None, "std": None}
        return prepare_samples(
            inputs,
            count=count,
            labels=labels,
            task=self._storing.task,
            class_names=self._class_names,
            notes=notes,
            **(look | known),
        )

    @cached_property
    def _own_transform(self) -> object | None:
        return transform_of(getattr(self._cam, "model", None))  # once: an image processor is read from its file

    def _schedule(self, tag: str) -> Schedule:
        return self._schedules.setdefault(tag, Schedule(self._every))

    def _said(self, notes: list[str] | None, count: int, losses: Any) -> Known:
        """Return what is known of predictions; without what is not N numbers, where that goes into the notes."""
        if losses is None or notes is None:
            return {"losses": losses}
        try:
            numbers_of(losses, "losses", (count,))
        except Exception as error:  # whatever a user's objects raise
            notes.append(f"losses left out: {reason(error)}")
            return {}
        return {"losses": losses}

    @contextmanager
    def _left_out(self, place: str, count: int | None, held: HeldStep) -> Iterator[None]:
        """Warn of an error in the block, and note how many samples it cost."""
        found: list[str] = []
        with self._faults.caught(place, found):
            yield
        held.note(f"{'' if count is None else f'{count} '}samples left out: {text}" for text in found)

    @contextmanager
    def _read(self, tag: str, held: HeldStep) -> Iterator[list[str] | None]:
        """Yield where to note what of samples can't be read, or None where that raises; warn of it."""
        notes: list[str] | None = None if self._faults.are_raised else []
        yield notes
        held.note(notes or ())
        for note in notes or ():
            self._faults.tell(f"step {held.step} of {tag!r}", note)

    def _log(
        self,
        tag: str,
        inputs: Any,
        targets: Any,
        schedule: Schedule,
        samples: Callable[[list[str] | None], Samples],
        step: Step,
        epoch: float | None,
        numbers: OwnNumbers | None = None,
    ) -> bool:
        """Explain samples and write them, where that is due; return whether it was."""
        is_due = False
        with self._faults.caught(f"step {step} of {tag!r} left out"):
            checked_tag(tag)
            at = step_of(step)
            is_due = not self._silent and schedule.is_due(at)
            if is_due:
                schedule.done(at)
                self._explain(tag, samples, inputs, targets, at, epoch, numbers)
            else:
                self._steps.write()  # what a storage refused before
        return is_due

    def _explain(
        self,
        tag: str,
        samples_of: Callable[[list[str] | None], Samples],
        inputs: Any,
        targets: Any,
        step: int,
        epoch: float | None,
        numbers: OwnNumbers | None,
    ) -> None:
        held = HeldStep(step, epoch)
        with self._read(tag, held) as notes:
            samples = samples_of(notes)
            held.numbers = own_numbers(numbers, len(samples), notes)
        mine = share(len(samples)) if self._gather else range(len(samples))

        def batches() -> list[Batch]:
            asked = labels_as_targets(samples, targets) if isinstance(targets, str) else targets
            starts = range(mine.start, mine.stop, self._batch_size)
            return [
                self._batch(samples, inputs, asked, range(at, min(at + self._batch_size, mine.stop))) for at in starts
            ]

        with self._left_out(f"step {step} of {tag!r} not explained", len(samples), held):
            if self._gather:
                parts = gathered(lambda: [(len(part.samples), replace(part, samples=NO_SAMPLES)) for part in batches()])
                held.batches += _with_samples([part for of_rank in parts for part in of_rank], samples)
            else:
                held.batches += batches()
            self._note_choice(tag, held)
        if not held.batches:
            held.append(Batch(samples, {}, {}))  # of which is known why there are no maps
        self._steps.put(tag, held)
        self._steps.write()

    def _note_choice(self, tag: str, held: HeldStep) -> None:
        """Note with a series' first step which layer was found, where none was named, and what was measured of it."""
        choice = getattr(self._cam, "choice", None)
        if choice is not None and choice.chosen is not None and tag not in self._chosen:
            self._chosen.add(tag)
            held.note([choice.summary])

    def _batch(self, samples: Samples, inputs: Any, targets: Any, part: range) -> Batch:
        if self._cam is None:
            raise ValueError("expected a logger with a model, got model=None: pass one, or log results by `add`")
        whole = len(part) == len(samples)
        chosen = samples if whole else samples.take(part)
        given = inputs if whole else _part_of_inputs(inputs, part, len(samples))
        result = explained(self._cam, given, _part(targets, part, len(samples)))
        return Batch(chosen, {}, {}, "detection") if result is None else batch_of(chosen, result, self._storing)


class Probe:
    """Samples registered under a tag, to log repeatedly."""

    def __init__(
        self,
        tag: str,
        samples: Samples,
        schedule: Schedule,
        log: Callable[..., bool],
        faults: Faults,
    ) -> None:
        self.tag, self._faults = tag, faults
        self._samples, self._schedule, self._log = samples, schedule, log

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def samples(self) -> Samples:
        """The registered samples."""
        return self._samples

    @forgiving
    def log(self, step: Step, *, epoch: float | None = None, numbers: OwnNumbers | None = None) -> bool:
        """Explain the samples with the model's current weights and write the maps; return whether a log was due
        (`every`).

        Args:
            step: step of the training, a whole number from 0 to 2^53.
            epoch: epoch of the training; fractions are allowed.
            numbers: your own numbers per sample, by name: ``{"uncertainty": values}``, each ``(N,)``, NaN for none. The
                tab shows them, and sorts and filters samples by them.
        """
        return self._log(self._schedule, lambda notes: self._samples, step, epoch, numbers)


def _finishing(logger: GradCAMLogger, steps: PendingSteps) -> Callable[[], object]:
    """Write a logger's last step when it is dropped or the process ends; the function returned does it at once."""
    weak = weakref.ref(steps)

    def at_exit() -> None:
        if (found := weak()) is not None:
            found.finish()

    def dropped() -> None:
        atexit.unregister(at_exit)
        steps.finish()

    # Not the finalizer's own `atexit`, which may run after event files are closed: last registered, first run.
    finalizer = weakref.finalize(logger, dropped)
    finalizer.atexit = False
    atexit.register(at_exit)
    return finalizer


def _count_of(result: Any, inputs: Any) -> int | None:
    return getattr(result, "count", None) or _count(inputs)


def _count(inputs: Any) -> int | None:
    """Return how many samples a model's inputs are, where their form tells."""
    try:
        return len(_images(inputs))
    except (TypeError, ValueError):
        return None


def _cam(model: Any, layers: Any, methods: Any, measures: Any) -> Any:
    if hasattr(model, "methods") and hasattr(model, "layers"):
        known = getattr(model, "measures", ())
        own = [one.name for one in find_measures(measures) if not (one.of_log or one.needs == "map" or one in known)]
        if own:
            raise ValueError(f"expected the CAM to be made with measures={own}, which run the model, got a CAM without")
        return model  # a CAM, of torch or another framework
    if any(base.__module__.startswith("keras.") for base in type(model).__mro__):
        raise TypeError(
            "expected a torch model or a CAM, got a Keras model: pass KerasCAM(model), "
            "or GradCAMCallback to fit, of tensorboard_plugin_gradcam.integrations.keras"
        )
    from tensorboard_plugin_gradcam.cam import CAM

    return CAM(model, layers=layers, methods=methods, measures=measures)


def explained(cam: Any, inputs: Any, targets: Any) -> Explanation | None:
    """Explain what is there; None where a detector finds nothing yet."""
    engine = sys.modules.get("tensorboard_plugin_gradcam.cam")  # not imported for a Keras model, which may lack torch
    if engine is None:
        found: Explanation = cam(inputs, targets)
        return found
    with engine.skipping_what_is_not_there():
        try:
            found = cam(inputs, targets)
        except engine.NothingDetected:
            return None
    return found


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


def labels_as_targets(samples: Samples, targets: str) -> list[Any]:
    """Return each sample's label as a target; of a set each class that is in it, or else the top class.

    For "both" the top class comes first.
    """
    if targets not in ("label", "both"):
        raise ValueError(f"expected targets None, 'label', 'both', classes or targets as for CAM, got {targets!r}")
    sets = samples.truth.sets
    labels: Any = samples.labels if sets is None else sets
    if labels is None or (sets is None and (labels < 0).any()):
        raise ValueError(f"expected labels of all samples for targets={targets!r}, got samples without labels")
    rows = [list(label) for label in labels] if sets is not None else [[label] for label in labels.tolist()]
    return [Distinct([None, *row]) if targets == "both" else row or [None] for row in rows]


def _with_samples(parts: Sequence[tuple[int, Batch]], samples: Samples) -> list[Batch]:
    """Give the parts that ranks computed their samples back; parts follow each other, each of so many samples."""
    batches, start = [], 0
    for size, part in parts:
        batches.append(replace(part, samples=samples.take(range(start, start + size))))
        start += size
    return batches
