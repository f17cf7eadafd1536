"""The events of a log directory as TensorBoard understands them, with whatever is still whole behind a damaged place.

Runs are named as in TensorBoard, files of a run are read in the order of their names, a tag belongs to the plugin that
its first value names, and a training that was started again with `purge_step` takes back what was at that step or
above.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from tensorboard_plugin_gradcam.event_files import Frame, Gap, Unfinished, is_abandoned, listed, opened, reached, scan


class TensorEvent(NamedTuple):
    """One value of a tag."""

    wall_time: float
    step: int
    tensor_proto: Any


class EventRuns:
    """Everything that some plugins wrote into a log directory.

    Attributes:
        problems: one line for each place that is damaged.
    """

    def __init__(self, path: str, plugins: tuple[str, ...]) -> None:
        """Read all event files below `path`; raises only what the file system raises for the directory itself."""
        self.problems: list[str] = []
        self._runs: dict[str, _Run] = {}
        for file in listed(path):
            run = self._runs.setdefault(file.run, _Run(plugins))
            self.problems += (f"run {file.run!r}: {problem}" for problem in run.read(file.path))

    def PluginRunToTagToContent(self, plugin: str) -> dict[str, dict[str, bytes]]:  # as in TensorBoard's multiplexer
        """Return the content of each tag of a plugin, by run."""
        found = {name: run.contents(plugin) for name, run in self._runs.items()}
        return {name: contents for name, contents in found.items() if contents}

    def Tensors(self, run: str, tag: str) -> list[TensorEvent]:  # as in TensorBoard's multiplexer
        """Return all values of a tag, in the order in which they were written."""
        return self._runs[run].values[tag]


class _Run:
    def __init__(self, plugins: tuple[str, ...]) -> None:
        self._plugins = plugins
        self._owners: dict[str, tuple[str, bytes]] = {}
        self.values: dict[str, list[TensorEvent]] = defaultdict(list)

    def contents(self, plugin: str) -> dict[str, bytes]:
        return {tag: content for tag, (owner, content) in self._owners.items() if owner == plugin}

    def read(self, path: str) -> Iterator[str]:
        """Take a file in; yield a sentence for each place that is damaged."""
        name = os.path.basename(path)
        step: int | None = None
        try:
            read_at, size = opened(path)
            for part in scan(read_at, size):
                if isinstance(part, Frame):
                    event = _event(part.data)
                    if event is None:
                        yield f"{name} holds a record after {_said(step)} that is not an event; it was not read"
                    else:
                        for tag in self._take(event):
                            yield f"{name} holds a value of tag {tag!r} at step {event.step} without its data"
                        step = reached(step, event)
                elif isinstance(part, Gap):
                    yield f"{name} is damaged after {_said(step)}; {part.size:,} bytes were not read"
                elif isinstance(part, Unfinished) and is_abandoned(path):
                    yield (
                        f"{name} ends within a record, after {_said(step)}; its last {part.size:,} bytes were not read"
                    )
        except Exception as error:  # a file that goes away, a disk that fails: the other files are good
            yield f"{name} can't be read after {_said(step)}: {error}"

    def _take(self, event: Any) -> list[str]:
        """Take an event in; return the tags of values that hold nothing."""
        empty: list[str] = []
        if event.HasField("session_log") and event.session_log.status == event.session_log.START:
            for tag, values in self.values.items():
                self.values[tag] = [value for value in values if value.step < event.step]
        for value in event.summary.value:
            plugin = value.metadata.plugin_data
            owner, _ = self._owners.get(value.tag, ("", b""))
            if not owner:  # or the value that named it is damaged
                owner = plugin.plugin_name
                self._owners[value.tag] = owner, plugin.content
            if owner in self._plugins and value.HasField("tensor"):
                self.values[value.tag].append(TensorEvent(event.wall_time, event.step, value.tensor))
            elif owner in self._plugins:
                empty.append(value.tag)
        return empty


def _event(data: bytes) -> Any:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        return Event.FromString(data)
    except DecodeError:
        return None


def _said(step: int | None) -> str:
    return "its beginning" if step is None else f"step {step}"
