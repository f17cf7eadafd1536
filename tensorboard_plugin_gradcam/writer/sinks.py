"""Where summaries go: event files, through the writer that the user already has.

Everything is written by that writer's own event file, and reaches the operating system before a call returns, so that
an error is raised by the call that met it and a killed process loses nothing that was logged.
"""

from __future__ import annotations

import atexit
import math
import os
import socket
import tempfile
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorboard_plugin_gradcam.faults import Faults

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

UPLOAD_SECONDS = 120  # between two uploads to an object store, at least

_numbers = count()  # of event files, in this process


class Sink(ABC):
    """A place for summaries of one run."""

    generation: int = 0  # changes when what was written before may be lost, and has to be written again
    _round = _heaviest = _needed = 0  # bytes of this round of writing, of the heaviest, and of one that failed

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

    def prepare(self) -> None:
        """Make ready for a round of writing; after a failure only once there is room for what failed."""
        self._round = 0
        if self._needed and self.run_directory is not None:
            _expect_room(self.run_directory, self._needed)
        self._needed = 0

    def end_step(self) -> None:
        """Hand a step to the operating system; raises `OSError` where it cannot."""
        self.flush()

    def after_fork(self) -> None:
        """In a child process, let go of what the parent writes to: its threads don't exist here."""
        self.generation += 1

    def _discard(self) -> None:
        """Give the event file up: behind half a record nothing can be read, so that another has to be opened."""
        self.generation += 1
        self._needed = max(self._heaviest, self._round)

    def _count(self, size: int) -> None:
        self._round += size
        self._heaviest = max(self._heaviest, self._round)

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

    def after_fork(self) -> None:
        """Let the writer open a file of this process's own, also for the user's scalars."""
        super().after_fork()
        with suppress(ReferenceError):
            if self._writer.file_writer is not None:
                self._forget()

    def _discard(self) -> None:
        super()._discard()
        event_writer = getattr(self._writer.file_writer, "event_writer", None)
        with suppress(Exception):  # it is being given up because of just that
            self._writer.close()
        _let_go(event_writer)
        self._forget()

    def _forget(self) -> None:
        # As `close` does where nothing fails. Otherwise it would fail for ever, for the user's scalars too.
        self._writer.file_writer = self._writer.all_writers = None


class TorchSink(_SummaryWriterSink):
    """`torch.utils.tensorboard.SummaryWriter`."""

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write through the writer's own event file."""
        event = _event(values)
        self._count(event.ByteSize())
        self._attempt(lambda: self._writer._get_file_writer().add_event(event, step, wall_time))

    def flush(self) -> None:
        """Flush the file; on object stores that is an upload."""
        if self.is_open:  # one that was closed would open another file
            self._attempt(lambda: self._writer._get_file_writer().flush())

    def end_step(self) -> None:
        """Flush local files; on object stores the writer's own interval stands."""
        if self.run_directory is not None:
            self.flush()


class TensorboardXSink(_SummaryWriterSink):
    """`tensorboardX.SummaryWriter`."""

    def __init__(self, writer: Any) -> None:
        super().__init__(writer)
        self._suffix = getattr(writer, "_filename_suffix", None)

    def _forget(self) -> None:
        super()._forget()
        # Its files are named by the second, and one that is opened again within it would be emptied.
        if isinstance(self._suffix, str):
            self._writer._filename_suffix = f"{self._suffix}.{os.getpid()}.{next(_numbers)}"

    def prepare(self) -> None:
        """See that a file which was closed is not opened again, which would empty it."""
        super().prepare()
        if self._writer.file_writer is None:
            self._forget()

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write past the queue where there is one: `flush` of tensorboardX does not wait for what is still in it."""
        from tensorboardX.proto import event_pb2

        data = _event(values).SerializeToString()
        event = event_pb2.Event.FromString(data)
        event.step, event.wall_time = step, time.time() if wall_time is None else wall_time
        self._count(len(data))
        self._attempt(lambda: self._put(event))

    def _put(self, event: Any) -> None:
        file_writer = self._writer._get_file_writer()
        direct = getattr(getattr(file_writer, "event_writer", None), "_ev_writer", None)
        (direct.write_event if direct else file_writer.add_event)(event)

    def flush(self) -> None:
        """Flush the file; on object stores that is an upload."""
        if self.is_open and self.run_directory is None:
            self._attempt(lambda: self._writer._get_file_writer().flush())
        else:
            self.end_step()

    def end_step(self) -> None:
        """Flush a local file, but not the disk: tensorboardX's own flush waits for it, for milliseconds."""
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
    """A plain log directory; without a thread, nor a file open between steps: a process may have thousands."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._path: str | None = None
        self._file: Any = None

    @property
    def run_directory(self) -> str | None:
        """The directory."""
        return self.directory

    @property
    def is_open(self) -> bool:
        """Whether it has an event file."""
        return self._path is not None

    def prepare(self) -> None:
        """Open an event file, a new one if the last was deleted: a notebook may clear its logs between cells."""
        super().prepare()
        if self._path is not None and os.path.exists(self._path):
            return
        self.generation += 1
        with _os_errors():
            os.makedirs(self.directory, exist_ok=True)
            self._path = _new_file(self.directory)
        self._attempt(lambda: self._append(_first_event()))

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Write one event."""
        event = _stamped(values, step, wall_time)
        self._count(event.ByteSize())
        self._attempt(lambda: self._append(event))

    def flush(self) -> None:
        """Flush the file, and close it until the next step."""
        if self._file is not None:
            self._attempt(self._close)

    def after_fork(self) -> None:
        """Open a file of this process's own: the parent's is its."""
        super().after_fork()
        self._path = self._file = None

    def _append(self, event: Any) -> None:
        if self._file is None:
            if self._path is None:
                raise FileNotFoundError("expected an event file, got none: call prepare() first")
            self._file = open(self._path, "ab")  # noqa: SIM115
        _write_record(self._file, event.SerializeToString())

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _discard(self) -> None:
        super()._discard()
        with suppress(OSError):  # it is being given up because of just that
            self._close()
        self._path = None


class ObjectStoreSink(Sink):
    """A directory of an object store, whose files can't be appended to: the whole file is uploaded, now and then."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._path = ""
        self._content = tempfile.TemporaryFile()  # noqa: SIM115
        self._size = self._uploaded = 0
        self._last = -math.inf
        self._has_failed = False
        self._faults = Faults()
        self._process = os.getpid()
        _finish_with(self, self._finishing())

    @property
    def is_open(self) -> bool:
        """Whether it has an event file."""
        return bool(self._path)

    def prepare(self) -> None:
        """Begin a file."""
        if not self._path:
            self.generation += 1
            self._path = f"{self.directory.rstrip('/')}/{_file_name()}"
            self._append(_first_event())

    def write(self, values: Sequence[Summary.Value], step: int, wall_time: float | None = None) -> None:
        """Keep one event for the next upload; that never fails, and nothing is lost where an upload does."""
        self._append(_stamped(values, step, wall_time))

    def flush(self) -> None:
        """Upload what is new; raises `OSError` where it cannot, and the next call tries again."""
        if self._size == self._uploaded:
            return
        self._has_failed = True
        with _os_errors():
            self._upload()
        self._has_failed = False

    def end_step(self) -> None:
        """Upload at most every two minutes, or at once after an upload that failed; a failure is a warning."""
        if self._has_failed or time.monotonic() - self._last >= UPLOAD_SECONDS:
            with self._faults.caught(f"upload to {self.directory}, which the next call tries again"):
                self.flush()

    def after_fork(self) -> None:
        """Begin a file of this process's own."""
        self.__init__(self.directory)  # type: ignore[misc]
        self.generation = 1

    def _append(self, event: Any) -> None:
        self._content.seek(0, os.SEEK_END)
        _write_record(self._content, event.SerializeToString())
        self._size = self._content.tell()

    def _upload(self) -> None:
        from tensorboard.compat import tf

        self._content.seek(0)
        content, size = self._content.read(), self._size
        if not self._uploaded:
            tf.io.gfile.makedirs(self.directory)
        with tf.io.gfile.GFile(self._path, "wb") as file:
            file.write(content)
        self._uploaded, self._last = size, time.monotonic()

    def _finishing(self) -> Callable[[], None]:
        weak = weakref.ref(self)

        def finish() -> None:
            sink = weak()
            if sink is not None and sink._process == os.getpid():
                with sink._faults.caught(f"the last upload to {sink.directory}"):
                    sink.flush()

        return finish


def _finish_with(owner: object, finish: Callable[[], None]) -> None:
    """Call `finish` when the process ends; forget it with its owner."""
    atexit.register(finish)
    weakref.finalize(owner, atexit.unregister, finish).atexit = False


@contextmanager
def _os_errors() -> Iterator[None]:
    """Raise what storages raise as `OSError`: TensorFlow's errors and object stores' own are none."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _expect_room(directory: str, size: int) -> None:
    """Raise the error that writing so many bytes would raise; no file is left behind, nor seen by anybody.

    An event file that is opened on a full disk would be one more damaged file at each call.
    """
    os.makedirs(directory, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())  # where space is only taken then


def _let_go(event_writer: Any) -> None:
    """End what closing an event file writer left where it failed: a thread, a queue's pipes, the file."""
    if event_writer is None:
        return
    worker: Any = getattr(event_writer, "_worker", None)
    events: Any = getattr(event_writer, "_event_queue", None)
    direct: Any = getattr(event_writer, "_ev_writer", None)
    with suppress(Exception):
        if worker.is_alive():
            events.put(worker._shutdown_signal, timeout=1)
            worker.join(timeout=5)
    with suppress(Exception):
        direct._py_recordio_writer._writer.close()  # closes the file, also where its last flush fails
    with suppress(Exception):
        events.close()
        events.cancel_join_thread()
    with suppress(Exception):
        event_writer._general_file_writer.close()
    with suppress(Exception):
        event_writer._closed = True  # or it would be flushed once more when the process ends


def _file_name() -> str:
    """Return a name as TensorBoard gives to event files, which are read in the order of their names."""
    return f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"


def _new_file(directory: str) -> str:
    while True:
        path = os.path.join(directory, _file_name())
        with suppress(FileExistsError):  # of a writer of the user's, in the same second
            with open(path, "xb"):
                return path


def _first_event() -> Any:
    from tensorboard.compat.proto import event_pb2

    source = event_pb2.SourceMetadata(writer="tensorboard_plugin_gradcam")
    return event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2", source_metadata=source)


def _stamped(values: Sequence[Summary.Value], step: int, wall_time: float | None) -> Any:
    event = _event(values)
    event.step, event.wall_time = step, time.time() if wall_time is None else wall_time
    return event


def _write_record(file: Any, data: bytes) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    RecordWriter(file).write(data)


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
        return directory_sink(absolute(writer))
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


def directory_sink(directory: str) -> Sink:
    """Return where to write for a log directory."""
    return DirectorySink(directory) if _local(directory) else ObjectStoreSink(directory)


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
