"""Where summaries go: event files, through the writer that the user already has.

Everything is written by that writer's own event file, and reaches the operating system before a call returns, so that
an error is raised by the call that met it and a killed process loses nothing that was logged.
"""

from __future__ import annotations

import atexit
import os
import time
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary


class Sink(ABC):
    """A place for summaries of one run."""

    generation: int = 0  # changes when what was written before may be lost, and has to be written again

    @property
    def run_directory(self) -> str | None:
        """The local directory that it writes to, where that is known."""
        return None

    @abstractmethod
    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write one event; raises `OSError` where it cannot."""

    @abstractmethod
    def flush(self) -> None:
        """Hand what was written to the operating system; raises `OSError` where it cannot."""

    @property
    def is_open(self) -> bool:
        """Whether its event file is open, so that writing would not open another."""
        return False

    def prepare(self) -> None:  # noqa: B027
        """Make ready for a round of writing."""

    def _discard(self) -> None:
        """Give the event file up: behind half a record nothing can be read, so that the next call opens another."""
        self.generation += 1

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            with _os_errors():
                action()
        except OSError:
            self._discard()
            raise


class NullSink(Sink):
    """Nowhere: what ranks have that don't write."""

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Drop it."""

    def flush(self) -> None:
        """Do nothing."""


class _SummaryWriterSink(Sink):
    """A `SummaryWriter`: torch's and tensorboardX's have the same form."""

    def __init__(self, writer: Any) -> None:
        self._writer = _weak(writer)

    @property
    def run_directory(self) -> str | None:
        """The writer's own."""
        directory = getattr(self._writer, "log_dir", None) or getattr(self._writer, "logdir", None)
        return None if directory is None else _local(str(directory))

    @property
    def is_open(self) -> bool:
        """Whether the writer has not been closed, nor is gone."""
        try:
            return getattr(self._writer, "file_writer", None) is not None
        except ReferenceError:
            return False

    def _discard(self) -> None:
        super()._discard()
        with suppress(OSError):  # it is being given up because of just that
            self._writer.close()
        # As its `close` does where nothing fails. Otherwise it would fail for ever, for the user's scalars too.
        self._writer.file_writer = self._writer.all_writers = None


class TorchSink(_SummaryWriterSink):
    """`torch.utils.tensorboard.SummaryWriter`."""

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write through the writer's own event file."""
        self._attempt(lambda: self._writer._get_file_writer().add_event(_event(values), step, wall_time))

    def flush(self) -> None:
        """Flush local files; on object stores a flush is an upload, so the writer's own interval stands."""
        if self.is_open and "://" not in str(self._writer.log_dir):  # one that was closed would open another file
            self._attempt(lambda: self._writer._get_file_writer().flush())


class TensorboardXSink(_SummaryWriterSink):
    """`tensorboardX.SummaryWriter`."""

    def _discard(self) -> None:
        super()._discard()
        # Its files are named by the second, and one that is opened again within it would be emptied.
        suffix = getattr(self._writer, "_filename_suffix", None)
        if isinstance(suffix, str):
            self._writer._filename_suffix = f"{suffix}.{self.generation}"

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write past the queue where there is one: `flush` of tensorboardX does not wait for what is still in it."""
        from tensorboardX.proto import event_pb2

        event = event_pb2.Event.FromString(_event(values).SerializeToString())
        event.step, event.wall_time = step, time.time() if wall_time is None else wall_time
        file_writer = self._writer._get_file_writer()
        direct = getattr(getattr(file_writer, "event_writer", None), "_ev_writer", None)
        self._attempt(lambda: (direct.write_event if direct else file_writer.add_event)(event))

    def flush(self) -> None:
        """Flush the file, but not the disk: tensorboardX's own flush waits for the disk, which costs milliseconds."""
        if not self.is_open:
            return
        file_writer = self._writer._get_file_writer()
        direct = getattr(getattr(file_writer, "event_writer", None), "_ev_writer", None)
        file = getattr(getattr(direct, "_py_recordio_writer", None), "_writer", None)
        if file is not None and hasattr(file, "fileno"):
            self._attempt(file.flush)


class TensorFlowSink(Sink):
    """`tf.summary.create_file_writer`."""

    def __init__(self, writer: Any) -> None:
        self._writer = _weak(writer)

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write through the writer's own event file; it stamps the time itself."""
        import tensorflow as tf

        summary = _event(values).summary.SerializeToString()
        # Not `as_default()`: where its last flush fails, the writer stays everybody's default.
        with tf.device("cpu:0"):
            self._attempt(
                lambda: tf.raw_ops.WriteRawProtoSummary(writer=self._writer._resource, step=step, tensor=summary)
            )

    def flush(self) -> None:
        """Flush the writer."""
        self._attempt(self._writer.flush)

    def prepare(self) -> None:
        """Refuse to write behind half a record, where nobody would read it."""
        if self.generation:
            raise OSError(
                "an earlier write failed, and a tf.summary writer can't open another file: create a new writer, "
                "or pass the log directory instead"
            )


class DirectorySink(Sink):
    """A plain log directory, written by TensorBoard's own event file writer."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._file: Any = None
        atexit.register(self._close)

    @property
    def run_directory(self) -> str | None:
        """The directory, unless it is one of an object store."""
        return _local(self.directory)

    @property
    def is_open(self) -> bool:
        """Whether it has an event file."""
        return self._file is not None

    def prepare(self) -> None:
        """Open an event file, also where the last one has been deleted: a notebook may clear its logs between cells."""
        if self._file is not None and ("://" in self.directory or os.path.exists(self._file._file_name)):
            return
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._discard()
        with _os_errors():
            self._file = EventFileWriter(self.directory)

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write one event."""
        event = _event(values)
        event.step, event.wall_time = step, time.time() if wall_time is None else wall_time
        self._attempt(lambda: self._file.add_event(event))

    def flush(self) -> None:
        """Flush the file."""
        if self._file is not None:
            self._attempt(self._file.flush)

    def _discard(self) -> None:
        if self._file is None:
            return
        super()._discard()
        file, self._file = self._file, None
        with suppress(OSError):  # it is being given up because of just that
            file.close()

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as error:
            warnings.warn(f"Grad-CAM records in {self.directory} may be incomplete: {error}", stacklevel=1)


@contextmanager
def _os_errors() -> Iterator[None]:
    """Raise TensorFlow's errors as `OSError`: where it is installed, TensorBoard writes its files through it."""
    try:
        yield
    except Exception as error:
        if any(base.__module__.startswith("tensorflow.") for base in type(error).__mro__):
            raise OSError(str(error)) from error
        raise


def _weak(writer: Any) -> Any:
    """Refer to a writer without keeping it: logs are looked up by their writer, and would keep it for ever."""
    try:
        return weakref.proxy(writer)
    except TypeError:
        return writer


def open_sink(writer: Any) -> Sink:
    """Return where to write for a writer, a logger that has one, or a log directory.

    Raises:
        TypeError: it is none of these.
    """
    if writer is None:
        return NullSink()
    if isinstance(writer, (str, os.PathLike)):
        return DirectorySink(absolute(writer))
    if hasattr(writer, "_get_file_writer"):
        of_x = any(base.__module__.startswith("tensorboardX") for base in type(writer).__mro__)
        return TensorboardXSink(writer) if of_x else TorchSink(writer)
    if hasattr(writer, "as_default") and hasattr(writer, "flush"):
        return TensorFlowSink(writer) if hasattr(writer, "_resource") else NullSink()  # `create_noop_writer`
    if type(writer).__name__ in ("_DummyExperiment", "DummyExperiment", "DummyLogger"):  # Lightning, on ranks above 0
        return NullSink()
    raise TypeError(
        "expected a SummaryWriter of torch or tensorboardX, a tf.summary writer, Lightning's TensorBoardLogger or a "
        f"log directory, got {type(writer).__name__}"
    )


def innermost(writer: Any) -> Any:
    """Return the summary writer within a logger that has one as `experiment` (Lightning's), or what was passed."""
    return writer.experiment if hasattr(writer, "experiment") and not hasattr(writer, "_get_file_writer") else writer


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a log directory's one name."""
    text = os.fspath(path)
    return text if "://" in text else str(Path(text).expanduser().resolve())


def _local(directory: str) -> str | None:
    return None if "://" in directory else directory


def _event(values: Sequence[Summary.Value]) -> Any:
    from tensorboard.compat.proto import event_pb2, summary_pb2

    return event_pb2.Event(summary=summary_pb2.Summary(value=values))
