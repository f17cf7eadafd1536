"""Steps that are not written yet: what `add` collects, and what a storage refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.faults import Faults, cause_of, reason
from tensorboard_plugin_gradcam.measures import Measure
from tensorboard_plugin_gradcam.writer.batch import Batch, capped
from tensorboard_plugin_gradcam.writer.history import Mode
from tensorboard_plugin_gradcam.writer.merging import OpenStep
from tensorboard_plugin_gradcam.writer.ranks import gathered
from tensorboard_plugin_gradcam.writer.run_log import RunLog
from tensorboard_plugin_gradcam.writer.scalars import scalars

MOST_HELD = 100  # steps that wait for a storage; then the oldest is given up
ATTEMPTS = 3  # at a step whose record raises something else than a storage's error


@dataclass
class Step:
    """Batches of one step of a tag; kept until the step changes, for a later batch makes a new record of all."""

    step: int
    epoch: float | None
    most: int | None = None  # samples that are kept
    keep_maps: int | None = None  # steps whose maps are kept
    batches: list[Batch] = field(default_factory=list)
    numbers: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # of all its samples
    causes: dict[str, tuple[str, int]] = field(default_factory=dict)
    is_new: bool = True
    attempts: int = 0

    def note(self, texts: Iterable[str]) -> None:
        """Put down what befell the step; what befell several batches alike stands once."""
        for text in texts:
            first, times = self.causes.get(cause_of(text), (text, 0))
            self.causes[cause_of(text)] = first, times + 1

    @property
    def notes(self) -> list[str]:
        """What befell the step."""
        return [f"{text} (in {times} batches)" if times > 1 else text for text, times in self.causes.values()]

    def append(self, batch: Batch) -> None:
        """Add a batch; of more than the most samples, those stay that are chosen by their identity."""
        self.batches.append(batch)
        self.is_new = True
        if self.most is not None:
            self.batches = capped(self.batches, self.most)


class PendingSteps:
    """Collects batches into steps and writes them; it refers to no logger, and so can outlive one to write the rest.

    Args:
        log: of the run.
        writer: that the log refers to weakly; kept.
        class_names: by class index.
        metrics: whether to write scalars, too.
        gather: whether the ranks of a training write together.
        faults: what becomes of errors.
        mode: what becomes of what stands in the run, as for `RunLog.write`.
        measures: of what is logged.
    """

    def __init__(
        self,
        log: RunLog,
        writer: Any,
        class_names: Sequence[str],
        metrics: bool,
        gather: bool,
        faults: Faults,
        mode: Mode | None = None,
        measures: Sequence[Measure] = (),
    ) -> None:
        self.log, self._writer, self._class_names = log, writer, tuple(class_names)
        self._metrics, self._gather, self._faults, self._mode = metrics, gather, faults, mode
        self._measures = tuple(measures)
        self._open: dict[str, Step] = {}
        self._complete: dict[tuple[str, int], Step] = {}
        self._orders: dict[str, dict[str, int]] = {}  # by tag: samples in the order in which they came first
        self._process = os.getpid()

    def at(self, tag: str, step: int) -> Step | None:
        """Return the step that is open under a tag, if it is this one."""
        found = self._open.get(tag)
        return found if found is not None and found.step == step else None

    def begin(
        self, tag: str, step: int, epoch: float | None, most: int | None = None, keep_maps: int | None = None
    ) -> Step:
        """Open a step under a tag; the one before is complete."""
        self._collect(tag)
        self._open[tag] = Step(step, epoch, most, keep_maps)
        return self._open[tag]

    def put(self, tag: str, step: Step) -> None:
        """Take over a step that is complete already."""
        self._collect(tag)
        self._open.pop(tag, None)
        self._complete[tag, step.step] = step

    def write(self) -> None:
        """Write all that is complete; what a storage refuses is tried again by the next call."""
        for (tag, at), step in list(self._complete.items()):
            with self._faults.caught(f"step {at} of {tag!r} could not be written"):
                self._attempt(tag, step)
        while len(self._complete) > MOST_HELD:
            tag, at = next(iter(self._complete))
            del self._complete[tag, at]
            self._faults.tell(f"step {at} of {tag!r}", f"given up: {MOST_HELD} later steps wait for the storage, too")

    def flush(self, together: bool = True) -> None:
        """Write what is open, too, and flush the file. Further batches of the same step still join it.

        Args:
            together: whether all ranks make this call; else what this one has is written alone.
        """
        for tag in list(self._open):
            self._collect(tag, together)
        self.write()
        with self._faults.caught("the log could not be flushed"):
            self.log.flush()

    def finish(self) -> None:
        """Write the rest when nobody can any more: the logger is gone or the process ends."""
        if self._process != os.getpid():  # a fork's copy: the parent writes
            return
        self._faults.on_error = "warn"  # there is no caller who could be told
        if self._complete or any(step.is_new for step in self._open.values()):
            with self._faults.caught("the last steps could not be written"):
                self.flush(together=False)  # ranks need not end in step
        with suppress(OSError):  # a directory that was deleted since needs no word that we are done
            self.log.release()
        self._faults.sum_up()

    def _collect(self, tag: str, together: bool = True) -> None:
        """Put what is open of a tag among what is complete; where ranks gather, all of them call this."""
        step = self._open.get(tag)
        if step is None or not step.is_new:
            return
        step.is_new = False
        found = step
        if self._gather and together:
            parts = gathered(lambda: (step.batches, step.notes))
            found = Step(step.step, step.epoch, step.most, step.keep_maps)
            for batches, notes in parts:
                found.note(notes)
                for batch in batches:
                    found.append(batch)
        self._complete[tag, step.step] = replace(
            found, batches=list(found.batches), causes=dict(found.causes), is_new=False, attempts=0
        )

    def _attempt(self, tag: str, step: Step) -> None:
        try:
            self._write(tag, step)
        except OSError:
            raise  # a storage's: kept
        except Exception:
            step.attempts += 1
            if step.attempts >= ATTEMPTS:
                del self._complete[tag, step.step]
            raise
        del self._complete[tag, step.step]

    def _write(self, tag: str, step: Step) -> None:
        record = OpenStep(step.step)
        of_maps = replace(step, causes=dict(step.causes))  # which a second attempt would count again
        record.append_all(step.batches)
        for batch in step.batches:
            of_maps.note(batch.notes)
        record.notes += of_maps.notes
        record.numbers |= step.numbers
        record.arrange(self._orders.setdefault(tag, {}))
        if not record.samples:
            return
        if record.task == "detection":
            record.notes += undetected(record)
        self._measure(tag, record)
        numbers = None
        if self._metrics:
            try:
                numbers, notes = scalars(tag, record.samples, record.full_predictions(), record.blocks)
                record.notes += notes
            except Exception as error:
                if self._faults.are_raised:
                    raise
                record.notes.append(f"metrics left out: {reason(error)}")
                self._faults.tell(f"metrics of step {step.step} of {tag!r} left out", error)
        self.log.write(
            tag,
            record,
            self._class_names,
            epoch=step.epoch,
            scalars=numbers,
            mode=self._mode,
            keep_maps=step.keep_maps,
        )

    def _measure(self, tag: str, record: OpenStep) -> None:
        try:
            self.log.measure(tag, record, self._measures)
        except Exception as error:
            if self._faults.are_raised:
                raise
            record.notes.append(f"measures left out: {reason(error)}")
            self._faults.tell(f"measures of step {record.step} of {tag!r} left out", error)


def undetected(record: OpenStep) -> list[str]:
    """Say in how many samples a detector found nothing of what was asked for."""
    shown = {index for blocks in record.blocks.values() for block in blocks for index in block.sample_indices.tolist()}
    missing = len(record.samples) - len(shown)
    return [f"nothing detected in {missing} of {len(record.samples)} samples"] if missing else []
